/**
 * Writes that replicas have to confirm: many at a time, and one WAIT for all of them, on a connection of its own, so that
 * nobody else waits. WAIT counts only for what its own connection wrote, so that connection carries the writes too, and
 * what it wrote before it was lost is confirmed by no other one.
 */
import type { Confirmation } from './connection.ts'
import type { Passed, Through } from './dispatch.ts'
import { StoreFailure } from './failure.ts'
import type { Kept } from './keep.ts'
import type { Link } from './link.ts'
import type { ConnectionPorts } from './ports.ts'
import { type ReplicaCount, replicaCount, replicasIn } from './replica-count.ts'

/** Writes that one WAIT is for, at most. */
const mostAtOnce = 1000
/** Milliseconds between looks at how many replicas there are, while nobody writes. */
const lookEvery = 1000

export interface DurableOptions {
  /** Opens a connection to a node. */
  readonly open: (kept: Kept) => Promise<Link>
  readonly replicas: 'all' | number
  /** Milliseconds that they have. */
  readonly timeout: number
  /** Milliseconds for each command. */
  readonly command: number
  /** Each primary has replicas of its own, as in a cluster. */
  readonly sharded: boolean
  readonly ports: ConnectionPorts
}

export interface Durable {
  /** @throws StoreFailure */
  readonly send: Through<Confirmation>
  /** These are the primaries: how many replicas they have is looked at from now on. */
  follow(primaries: readonly Kept[]): void
  close(): void
}

export function durableLines(options: DurableOptions): Durable {
  const { replicas, sharded, ports } = options
  const counts = new Map<string, ReplicaCount>()
  const lines = new Map<Link, Line>()

  function countOf({ address }: Kept): ReplicaCount | undefined {
    if (replicas !== 'all') return undefined
    const shard = sharded ? address : ''
    const known = counts.get(shard) ?? replicaCount(ports.now)
    counts.set(shard, known)
    return known
  }

  /** A line lasts as long as the connection beside it, which is given up when another server is primary. */
  function lineTo(kept: Kept, link: Link): Line {
    const known = lines.get(link)
    if (known !== undefined) return known
    const line = createLine(() => options.open(kept), countOf(kept), options)
    lines.set(link, line)
    link.onClose(() => {
      lines.delete(link)
      line.close()
    })
    return line
  }

  return {
    send: (kept, link, command) => lineTo(kept, link).send(command),
    follow(primaries) {
      for (const kept of primaries) if (kept.link !== undefined) lineTo(kept, kept.link)
    },
    close() {
      for (const line of lines.values()) line.close()
    },
  }
}

interface Line {
  send(command: Passed): Promise<Confirmation>
  close(): void
}

interface Entry extends Passed {
  resolve(confirmation: Confirmation): void
  reject(failure: unknown): void
}

/** @param count `undefined`: so many are asked for, however many there are */
function createLine(open: () => Promise<Link>, count: ReplicaCount | undefined, options: DurableOptions): Line {
  const { timeout, command: within, ports } = options
  const queue = new Set<Entry>()
  let link: Link | undefined
  let opening: Promise<Link> | undefined
  let working = false
  let closed = false
  let cancelLook = () => {}

  /** That it may wait, and see the replicas, is known before anything is written. */
  async function connect(): Promise<Link> {
    let opened: Link | undefined
    try {
      opened = await open()
      if (closed) throw new StoreFailure('closed', 'The Redis store was closed.', { notExecuted: true })
      await opened.send('WAIT', [0, 1], within)
      count?.saw(replicasIn(await roleOf(opened)))
    } catch (error) {
      opened?.close()
      throw notWritten(error)
    }
    const standing = opened
    link = standing
    standing.onClose(() => {
      if (link === standing) link = undefined
    })
    return standing
  }

  function connected(): Promise<Link> {
    if (link !== undefined) return Promise.resolve(link)
    opening ??= connect().finally(() => {
      opening = undefined
    })
    return opening
  }

  async function roleOf(on: Link): Promise<unknown> {
    return count === undefined ? undefined : await on.send('ROLE', [], within)
  }

  async function look(seen: ReplicaCount): Promise<void> {
    if (!working) {
      await connected()
        .then(roleOf)
        .then((role) => seen.saw(replicasIn(role)))
        .catch(() => {})
    }
    if (!closed) cancelLook = ports.schedule(() => void look(seen), lookEvery)
  }

  async function work(): Promise<void> {
    working = true
    while (queue.size > 0) {
      const failure = await connected().then(
        (on) => write(on),
        (error: unknown) => error,
      )
      if (failure !== undefined) rejectAll(failure)
    }
    working = false
  }

  async function write(on: Link): Promise<undefined> {
    const batch = [...queue].slice(0, mostAtOnce)
    for (const entry of batch) queue.delete(entry)
    const sent = batch.map((entry) => sendOne(on, entry))
    // Asked behind the writes: who is there then has to have them.
    const [replicas, ...replies] = await Promise.allSettled([roleOf(on).then(replicasIn), ...sent])
    const isWritten = replicas.status === 'fulfilled' && replies.some(({ status }) => status === 'fulfilled')
    const confirmed = isWritten && (await areThere(on, replicas.value).catch(() => false))
    for (const [i, reply] of replies.entries()) {
      if (reply.status === 'rejected') batch[i]!.reject(reply.reason)
      else batch[i]!.resolve({ reply: reply.value, confirmed })
    }
  }

  function sendOne(on: Link, { command, args, asking, deadline }: Entry): Promise<unknown> {
    // Both leave in one write, so that nothing comes in between.
    if (asking) on.send('ASKING', [], within).catch(() => {})
    return on.send(command, args, Math.max(1, deadline - ports.now()))
  }

  async function areThere(on: Link, replicas: number): Promise<boolean> {
    count?.saw(replicas)
    const wanted = count === undefined ? (options.replicas as number) : count.most()
    if (wanted === 0) return true
    return Number(await on.send('WAIT', [wanted, Math.ceil(timeout)], timeout + within)) >= wanted
  }

  function rejectAll(failure: unknown): void {
    for (const entry of queue) entry.reject(failure)
    queue.clear()
  }

  if (count !== undefined) void look(count)
  return {
    send(command) {
      return new Promise((resolve, reject) => {
        const settled = <Given>(settle: (given: Given) => void) => {
          return (given: Given) => {
            cancel()
            settle(given)
          }
        }
        const entry: Entry = { ...command, resolve: settled(resolve), reject: settled(reject) }
        const cancel = ports.schedule(
          () => {
            if (queue.delete(entry)) reject(tooLate())
          },
          Math.max(0, command.deadline - ports.now()),
        )
        queue.add(entry)
        if (!working) void work()
      })
    },
    close() {
      closed = true
      cancelLook()
      link?.close()
      rejectAll(new StoreFailure('closed', 'The connection for durable writes was closed.', { notExecuted: true }))
    },
  }
}

function tooLate(): StoreFailure {
  const message = 'Nothing was written: the writes before it were waiting for their replicas.'
  return new StoreFailure('timeout', message, { notExecuted: true })
}

/** Whatever went wrong before the first write. */
function notWritten(error: unknown): unknown {
  if (!(error instanceof StoreFailure) || error.notExecuted) return error
  const { reason, message, reply } = error
  return new StoreFailure(reason, message, { notExecuted: true, ...(reply !== undefined && { reply }) })
}
