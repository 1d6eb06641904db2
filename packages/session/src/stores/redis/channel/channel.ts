/**
 * What changes, as the servers tell it: the script that changes or ends a record also publishes its id. All stores of one
 * connection share one subscriber on each server.
 *
 * What was read is believed without asking again only while everything is known to have been heard: each second the
 * subscribers are asked for a sign of life, the servers whether they are still primaries, a cluster whether its slots are
 * where they were, and each server for the mark that a flush takes along. Whatever was published before the last time
 * that all of it was answered is known here, so nothing older than `bound` is ever believed.
 *
 * - An answer that is late: nothing is believed until it comes; then all is as before, since messages come in order.
 * - A subscriber that was lost, an answer that says no: what is known of the records is forgotten.
 * - Another server, or a mark that is another: what was made of them too (`reset`), as soon as it is seen, and again when
 *   its messages are heard.
 */
import { randomBytes } from 'node:crypto'
import type { FailureReason, RedisConnection, RedisNode } from '../connection/connection.ts'
import { StoreFailure } from '../connection/failure.ts'
import type { ConnectionPorts } from '../connection/ports.ts'
import type { Keys } from '../keys.ts'
import { markScript } from '../scripts.ts'
import type { StoreClock } from '../store-clock.ts'
import { type NodeWatch, settleAll, watchNode } from './node-watch.ts'
import { keyOnEach, readSlots, type Slots } from './slots.ts'

/** Milliseconds from one check to the next. */
const interval = 1000
/** Milliseconds after which nothing is believed that was not checked since: a change is seen within this time. */
export const bound = 2000
/** Milliseconds to the next check where the server does not let us listen: no failing log-in each second. */
const forbiddenInterval = 30_000

export type ChannelState =
  | { readonly up: true }
  /** Nothing cached is believed; every request reads its session. `since`: milliseconds since 1970. */
  | { readonly up: false; readonly reason: FailureReason; readonly message: string; readonly since: number }

export interface Channel {
  /** Listens for one prefix, which nobody else here listens for. */
  join(keys: Keys, member: Member): Membership
  readonly state: ChannelState
  close(): void
}

/** What a record store does with what is heard. */
export interface Member {
  /** This is the version of the record from now on. */
  heard(id: string, version: string): void
  /** Messages were lost: nothing is known of any record. */
  forget(): void
  /** Another server answers, or what it kept may be lost. */
  reset(): void
}

export interface Membership {
  /** Whether everything that happened until `bound` milliseconds ago is known. @param now by the monotonic clock */
  believed(now: number): boolean
  leave(): void
}

interface Joined {
  readonly keys: Keys
  readonly member: Member
  believedUntil: number
  /** All subscribers were there at the last check, and since. */
  whole: boolean
  /** By the key that it is kept under. */
  marks: ReadonlyMap<string, string>
}

export interface ChannelOptions {
  readonly cluster: boolean
  readonly clock: StoreClock
  readonly ports: ConnectionPorts
}

const notAskedYet = { reason: 'closed', message: 'Nobody has asked for a store on this connection yet.' } as const

export function createChannel(connection: RedisConnection, { cluster, clock, ports }: ChannelOptions): Channel {
  const joined = new Map<string, Joined>()
  const watches = new Map<string, NodeWatch>()
  let slots: Slots | undefined
  let turn = 0
  let checking = false
  let again = false
  let closed = false
  let cancel: (() => void) | undefined
  let state: ChannelState = { up: false, ...notAskedYet, since: ports.wallClock() }
  const stop = connection.onPrimaries(() => {
    follow()
    checkSoon()
  })

  function down({ reason, message }: StoreFailure): ChannelState {
    return { up: false, reason, message, since: state.up ? ports.wallClock() : state.since }
  }

  function forget(): void {
    for (const one of joined.values()) {
      one.believedUntil = Number.NEGATIVE_INFINITY
      one.whole = false
      one.member.forget()
    }
  }

  function reset(): void {
    forget()
    for (const { member } of joined.values()) member.reset()
  }

  function heard(channel: string, message: string): void {
    const space = message.indexOf(' ')
    joined.get(channel)?.member.heard(message.slice(0, space), message.slice(space + 1))
  }

  /** A primary without a connection is as good as none, and no reason to let go of what is served in an outage. */
  function connected(): readonly RedisNode[] {
    return connection.primaries().filter(({ epoch }) => epoch !== 0)
  }

  /** Watches the servers that are primaries now, and no others. */
  function follow(): void {
    const nodes = new Map(connected().map((node) => [node.address, node]))
    let gone = false
    for (const [address, watch] of watches) {
      if (nodes.get(address)?.epoch === watch.epoch) continue
      watch.close()
      watches.delete(address)
      gone = true
    }
    const added = [...nodes.values()].filter(({ address }) => !watches.has(address))
    for (const node of added) watches.set(node.address, watchNode(node, { ports, heard, lost: forget }))
    if (added.length > 0) reset()
    else if (gone) forget()
  }

  async function checkSlots(): Promise<void> {
    const nodes = [...watches.values()]
    if (!cluster || nodes.length === 0) return
    const { node } = nodes[turn++ % nodes.length]!
    const seen = await readSlots(node)
    if (slots?.text === seen.text) return
    if (slots !== undefined) reset()
    slots = seen
  }

  /** Each server has one: each may be flushed by itself, and one that is cut off from its cluster refuses to tell. */
  async function checkMarks(one: Joined): Promise<void> {
    const names = slots === undefined ? [one.keys.shared] : keyOnEach(one.keys.shared, slots)
    const marks = new Map(await Promise.all(names.map(async (name) => [name, await readMark(name)] as const)))
    const changed = [...one.marks].some(([name, mark]) => marks.has(name) && marks.get(name) !== mark)
    one.marks = marks
    if (changed) reset()
  }

  async function readMark(key: string): Promise<string> {
    const sentAt = ports.now()
    const candidate = randomBytes(12).toString('base64url')
    const reply = await connection.run(markScript, key, [candidate], { idempotent: true })
    const [mark, seconds, micros] = reply as readonly unknown[]
    clock.sample(Number(seconds) * 1000 + Number(micros) / 1000, sentAt, ports.now())
    return String(mark)
  }

  /** Whether all that has to be listened to is, at this moment. */
  function isWhole(names: readonly string[]): boolean {
    const nodes = connection.primaries()
    return (
      nodes.length > 0 &&
      nodes.length === watches.size &&
      nodes.every(({ address, epoch }) => {
        const watch = watches.get(address)
        return watch?.epoch === epoch && watch.listensTo(names)
      })
    )
  }

  async function checkAll(): Promise<void> {
    const sentAt = ports.now()
    const names = [...joined.keys()]
    const members = [...joined.values()]
    follow()
    if (watches.size === 0) throw outage()
    const nodes = [...watches.values()].map((watch) => watch.check(names))
    await settleAll([...nodes, checkSlots().then(() => settleAll(members.map(checkMarks)))])
    if (!isWhole(names)) throw outage()
    for (const one of members) believe(one, sentAt + bound)
  }

  function outage(): StoreFailure {
    const { state: store } = connection
    return store.up
      ? new StoreFailure('closed', 'A primary of the store was lost while it was asked.')
      : new StoreFailure(store.reason, store.message)
  }

  function believe(one: Joined, until: number): void {
    if (!one.whole) {
      one.member.forget()
      one.member.reset()
      one.whole = true
    }
    one.believedUntil = until
  }

  async function check(): Promise<void> {
    checking = true
    const startedAt = ports.now()
    let wait = interval
    try {
      await checkAll()
      state = { up: true }
    } catch (error) {
      const failure = error instanceof StoreFailure ? error : new StoreFailure('protocol', String(error))
      state = down(failure)
      forget()
      if (failure.reason === 'forbidden') wait = forbiddenInterval
    }
    checking = false
    if (closed || joined.size === 0) return
    // Gateways that began together do not go on together.
    const spread = 0.9 + 0.1 * ports.random()
    schedule(again ? 0 : Math.max(0, startedAt + wait * spread - ports.now()))
    again = false
  }

  function stopWatching(): void {
    for (const watch of watches.values()) watch.close()
    watches.clear()
  }

  function schedule(milliseconds: number): void {
    cancel?.()
    cancel = ports.schedule(milliseconds, () => void check())
  }

  function checkSoon(): void {
    if (closed || joined.size === 0) return
    if (checking) again = true
    else schedule(0)
  }

  return {
    get state() {
      return state
    },
    join(keys, member) {
      const one: Joined = { keys, member, believedUntil: Number.NEGATIVE_INFINITY, whole: false, marks: new Map() }
      joined.set(keys.changed, one)
      checkSoon()
      return {
        believed: (now) => now <= one.believedUntil,
        leave() {
          if (joined.get(keys.changed) !== one) return
          joined.delete(keys.changed)
          if (joined.size === 0) stopWatching()
        },
      }
    },
    close() {
      closed = true
      stop()
      cancel?.()
      forget()
      stopWatching()
    },
  }
}
