/** One server that keeps records, watched: a subscriber on it, and whether it is still what it was. */
import { randomBytes } from 'node:crypto'
import type { DedicatedConnection, RedisNode } from '../connection/connection.ts'
import { isUnknownCommand, StoreFailure } from '../connection/failure.ts'
import type { ConnectionPorts } from '../connection/ports.ts'

export interface NodeWatch {
  readonly node: RedisNode
  /** Number of the connection over which the subscriber was proven; another one may lead to another server. */
  readonly epoch: number
  /** Every channel is subscribed to on a connection that is open, as far as is known. */
  listensTo(channels: readonly string[]): boolean
  /**
   * Subscribes to what is missing, and asks whether all is as it was. When it resolves, everything that the server
   * published before the call has been heard.
   *
   * @throws StoreFailure
   */
  check(channels: readonly string[]): Promise<void>
  close(): void
}

export interface WatchOptions {
  readonly ports: ConnectionPorts
  /** A message on one of the channels. */
  readonly heard: (channel: string, message: string) => void
  /** The subscriber was lost: messages were, perhaps. */
  readonly lost: () => void
}

/** Milliseconds for a message to ourselves to come around. */
const probeTimeout = 1000
/** What a message to ourselves begins with; no id looks like it. */
const probe = '~probe '

export function watchNode(node: RedisNode, { ports, heard, lost }: WatchOptions): NodeWatch {
  const { epoch } = node
  let subscriber: DedicatedConnection | undefined
  let subscribed = new Set<string>()
  let closed = false
  const probes = new Map<string, () => void>()

  function listen(channel: string, message: string): void {
    if (message.startsWith(probe)) probes.get(message)?.()
    else heard(channel, message)
  }

  async function open(): Promise<DedicatedConnection> {
    const opened = await node.dedicated()
    if (closed) {
      opened.close()
      throw new StoreFailure('closed', `The subscriber at ${node.address} is not wanted any more.`)
    }
    subscriber = opened
    subscribed = new Set()
    opened.onClose(() => {
      if (subscriber !== opened) return
      subscriber = undefined
      lost()
    })
    return opened
  }

  function drop(): void {
    const dropped = subscriber
    subscriber = undefined
    if (dropped === undefined) return
    dropped.close()
    lost()
  }

  /** Behind one address may stand several servers: so a message to ourselves shows that both connections lead to one. */
  async function prove(channel: string): Promise<void> {
    const message = probe + randomBytes(9).toString('base64url')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const failure = new StoreFailure('timeout', `What was published at ${node.address} did not come around.`)
    const giveUp = ports.schedule(() => reject(failure), probeTimeout)
    probes.set(message, resolve)
    try {
      await Promise.all([promise, node.call('PUBLISH', [channel, message])])
    } finally {
      giveUp()
      probes.delete(message)
    }
  }

  async function checkSubscriber(channels: readonly string[]): Promise<void> {
    try {
      const connection = subscriber ?? (await open())
      for (const channel of channels.filter((name) => !subscribed.has(name))) {
        await connection.subscribe(channel, (message) => listen(channel, message))
        await prove(channel)
        subscribed.add(channel)
      }
      await connection.call('PING', [])
    } catch (error) {
      drop()
      throw error
    }
  }

  return {
    node,
    epoch,
    listensTo: (channels) => subscriber !== undefined && channels.every((channel) => subscribed.has(channel)),
    async check(channels) {
      await settleAll([checkSubscriber(channels), checkRole(node)])
    },
    close() {
      closed = true
      const dropped = subscriber
      subscriber = undefined
      dropped?.close()
    },
  }
}

/**
 * A server that was put behind another one goes on answering, with what the other one lets it have. HELLO needs no
 * permission; ROLE is for what stands in between and knows no HELLO.
 */
async function checkRole(node: RedisNode): Promise<void> {
  const role = (await roleByHello(node)) ?? (await roleByRole(node))
  if (role === 'master') return
  throw new StoreFailure('role', `Redis at ${node.address} is no primary any more; it says it is "${role}".`)
}

/** `undefined` where it is not known. */
async function roleByHello(node: RedisNode): Promise<string | undefined> {
  try {
    const greeting = ((await node.call('HELLO', ['2'])) as readonly unknown[]).map(String)
    return greeting[greeting.indexOf('role') + 1]
  } catch (error) {
    if (error instanceof StoreFailure && isUnknownCommand(error)) return undefined
    throw error
  }
}

async function roleByRole(node: RedisNode): Promise<string> {
  const [role] = (await node.call('ROLE', [])) as readonly unknown[]
  return String(role)
}

/** Waits for all, and rejects with the first failure in their order. */
export async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
