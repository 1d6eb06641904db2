/** Sends commands to whoever owns their key: within their time, and again only when that cannot do harm. */
import type { Argument, Script, SendOptions } from './connection.ts'
import { StoreFailure } from './failure.ts'
import type { Kept } from './keep.ts'
import type { Link } from './link.ts'
import type { ConnectionPorts } from './ports.ts'
import { type Redirection, redirection } from './redirection.ts'
import type { Topology } from './topology.ts'
import type { Waiting } from './waiting.ts'

/** More commands than this, waiting or without their answer, are refused at once. */
export const mostOutstanding = 10_000

/** A command that is sent on more often than this goes round in circles. */
const mostRedirections = 16

/** Nothing is sent again with fewer milliseconds left. */
const leastTime = 5

export interface Dispatch {
  run(script: Script, key: string, args: readonly Argument[], options?: SendOptions): Promise<unknown>
  call(key: string, command: string, args: readonly Argument[], options?: SendOptions): Promise<unknown>
  /** As `run`, but through `send` instead of the link itself; gives what that gives. */
  runThrough<Result>(
    send: Through<Result>,
    script: Script,
    key: string,
    args: readonly Argument[],
    options?: Pick<SendOptions, 'within'>,
  ): Promise<Result>
  close(): void
}

/** Another way to the node that `link` leads to. @throws StoreFailure */
export type Through<Result> = (kept: Kept, link: Link, command: Passed) => Promise<Result>

/** A command on that way. */
export interface Passed {
  readonly command: string
  readonly args: readonly Argument[]
  /** ASKING goes before it. */
  readonly asking: boolean
  /** By the monotonic clock; what was not sent by then is never sent. */
  readonly deadline: number
}

/** One command on its way. */
interface Job {
  readonly key: string
  readonly idempotent: boolean
  readonly deadline: number
  command: string
  args: readonly Argument[]
  /** Sent instead when the server does not know the script. */
  readonly whole?: readonly Argument[]
  /** Where it was sent to with ASK. */
  asked?: Kept | undefined
  refusals: number
  /** @defaultValue the link itself */
  readonly through?: Through<unknown> | undefined
}

export function dispatch(topology: Topology, waiting: Waiting, timeout: number, ports: ConnectionPorts): Dispatch {
  let outstanding = 0
  let closed = false

  async function send(job: Job): Promise<unknown> {
    if (outstanding >= mostOutstanding) {
      const message = `${mostOutstanding} commands wait for Redis already; another was refused.`
      throw new StoreFailure('full', message, { notExecuted: true })
    }
    outstanding++
    try {
      for (;;) {
        const kept = ready(job)
        if (kept === undefined) {
          await waiting.until(
            () => ready(job),
            job.deadline - ports.now(),
            () => tooLate(job),
          )
          continue
        }
        const link = kept.link as Link
        try {
          return await sendOn(kept, link, job)
        } catch (error) {
          await recover(job, kept, link, error as StoreFailure)
        }
      }
    } finally {
      outstanding--
    }
  }

  function ready(job: Job): Kept | undefined {
    if (closed) throw new StoreFailure('closed', 'The Redis store was closed.', { notExecuted: true })
    const kept = job.asked ?? topology.ownerOf(job.key)
    return kept?.link?.writable ? kept : undefined
  }

  function sendOn(kept: Kept, link: Link, job: Job): Promise<unknown> {
    if (job.through !== undefined) {
      const { command, args, deadline } = job
      const asking = job.asked !== undefined
      job.asked = undefined
      return job.through(kept, link, { command, args, asking, deadline })
    }
    // Both leave in one write, so that nothing comes in between.
    if (job.asked !== undefined) link.send('ASKING', [], timeout).catch(() => {})
    job.asked = undefined
    return link.send(job.command, job.args, Math.max(1, job.deadline - ports.now()))
  }

  function tooLate(job: Job): StoreFailure {
    const kept = job.asked ?? topology.ownerOf(job.key)
    const { reason, message } = (kept?.link === undefined ? kept?.failure : undefined) ?? topology.failure() ?? slow
    return new StoreFailure(reason, `Nothing could be sent within ${timeout} ms. ${message}`, { notExecuted: true })
  }

  /** Prepares the next try; throws when there must not be one. */
  async function recover(job: Job, kept: Kept, link: Link, failure: StoreFailure): Promise<void> {
    if (job.deadline - ports.now() < leastTime || !(failure.notExecuted || job.idempotent)) throw failure
    const { reply } = failure
    if (reply === undefined) return job.refusals++ < 3 ? undefined : pause(job, failure)
    if (reply === 'NOSCRIPT' && job.whole !== undefined) {
      job.command = 'EVAL'
      job.args = job.whole
      return
    }
    const redirected = redirection(failure.message, kept.node)
    if (redirected !== undefined) return follow(job, kept, redirected, failure)
    if (!passing.has(reply)) throw failure
    if (reply === 'NOAUTH') kept.renew(link, failure)
    else topology.doubt(kept, link, failure)
    await pause(job, failure)
  }

  function follow(job: Job, { address }: Kept, { asking, slot, node }: Redirection, failure: StoreFailure): void {
    if (topology.moved === undefined || topology.at === undefined) {
      const message = `Redis at ${address} is a part of a cluster. Configure it as one.`
      throw new StoreFailure('role', message, { notExecuted: true, reply: 'MOVED' })
    }
    if (job.refusals++ >= mostRedirections) throw failure
    if (asking) job.asked = topology.at(node)
    else topology.moved(slot, node)
  }

  function pause(job: Job, failure: StoreFailure): Promise<void> {
    const ms = Math.min(500, 25 * 2 ** job.refusals++) * (0.5 + ports.random() / 2)
    if (ports.now() + ms >= job.deadline) throw failure
    return new Promise((resolve) => void ports.schedule(resolve, ms))
  }

  const begin = (key: string, { idempotent = false, within = timeout }: SendOptions = {}) => {
    return { key, idempotent, deadline: ports.now() + Math.min(within, timeout), refusals: 0 }
  }
  const scripted = (script: Script, key: string, args: readonly Argument[]) => {
    const rest = [1, key, ...args]
    return { command: 'EVALSHA', args: [script.sha, ...rest], whole: [script.lua, ...rest] }
  }
  return {
    run: (script, key, args, options) => send({ ...begin(key, options), ...scripted(script, key, args) }),
    runThrough: <Result>(
      through: Through<Result>,
      script: Script,
      key: string,
      args: readonly Argument[],
      options?: Pick<SendOptions, 'within'>,
    ) => send({ ...begin(key, options), ...scripted(script, key, args), through }) as Promise<Result>,
    call: (key, command, args, options) => send({ ...begin(key, options), command, args }),
    close() {
      closed = true
      waiting.wake()
    },
  }
}

/** Refusals that pass by themselves, or when another node is asked. */
const passing = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN', 'NOAUTH'])

const slow = { reason: 'timeout', message: 'The server takes nothing from us.' } as const
