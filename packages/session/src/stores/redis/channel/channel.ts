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
import type { FailureReason, RedisConnection } from '../connection/connection.ts'
import { StoreFailure } from '../connection/failure.ts'
import type { ConnectionPorts } from '../connection/ports.ts'
import type { Keys } from '../keys.ts'
import type { StoreClock } from '../store-clock.ts'
import { createMarks, type Marks } from './marks.ts'
import { settleAll } from './node-watch.ts'
import { watchServers } from './servers.ts'
import { readSlots, type Slots } from './slots.ts'

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
  /** Another server answers, or what it kept may be lost: what was made of records is not to be served any more. */
  reset(): void
  /** The server may be another one, and may never have heard of what ended last. */
  endAgain(): void
}

export interface Membership {
  /** Whether everything that happened until `bound` milliseconds ago is known. @param now by the monotonic clock */
  believed(now: number): boolean
  leave(): void
}

interface Joined {
  readonly member: Member
  readonly marks: Marks
  believedUntil: number
  /** Everything was listened to at the last check, and is since. */
  whole: boolean
}

export interface ChannelOptions {
  readonly cluster: boolean
  readonly clock: StoreClock
  readonly ports: ConnectionPorts
}

const notAskedYet = { reason: 'closed', message: 'Nobody has asked for a store on this connection yet.' } as const

export function createChannel(connection: RedisConnection, { cluster, clock, ports }: ChannelOptions): Channel {
  const joined = new Map<string, Joined>()
  const servers = watchServers(connection, { ports, heard, lost: forget })
  const checks = repeat(check, ports)
  let slots: Slots | undefined
  /** A check has failed since the last one that did not: perhaps a server was another one in between. */
  let doubted = false
  let state: ChannelState = { up: false, ...notAskedYet, since: ports.wallClock() }
  const stop = connection.onPrimaries(() => {
    follow()
    if (joined.size > 0) checks.soon()
  })

  function heard(channel: string, message: string): void {
    const space = message.indexOf(' ')
    joined.get(channel)?.member.heard(message.slice(0, space), message.slice(space + 1))
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

  function endAgain(): void {
    for (const { member } of joined.values()) member.endAgain()
  }

  function follow(): void {
    const news = servers.follow()
    if (news === 'gone') forget()
    if (news !== 'added') return
    reset()
    endAgain()
  }

  async function checkSlots(): Promise<void> {
    const node = cluster ? servers.next() : undefined
    if (node === undefined) return
    const seen = await readSlots(node)
    if (slots !== undefined && slots.text !== seen.text) reset()
    slots = seen
  }

  async function checkMarks({ marks }: Joined): Promise<void> {
    if (await marks.check(slots)) reset()
  }

  async function checkAll(): Promise<void> {
    const sentAt = ports.now()
    const names = [...joined.keys()]
    const members = [...joined.values()]
    follow()
    await settleAll([servers.check(names), checkSlots().then(() => settleAll(members.map(checkMarks)))])
    if (!servers.listenTo(names)) throw outage()
    for (const one of members) believe(one, sentAt + bound)
    if (doubted) endAgain()
    doubted = false
  }

  function believe(one: Joined, until: number): void {
    if (!one.whole) {
      one.member.forget()
      one.member.reset()
      one.whole = true
    }
    one.believedUntil = until
  }

  /** Gives the milliseconds from its beginning to the next one; `undefined` when nobody wants one. */
  async function check(): Promise<number | undefined> {
    let wait = interval
    try {
      await checkAll()
      state = { up: true }
    } catch (error) {
      const { reason, message } = error instanceof StoreFailure ? error : new StoreFailure('protocol', String(error))
      state = { up: false, reason, message, since: state.up ? ports.wallClock() : state.since }
      doubted = true
      forget()
      if (reason === 'forbidden') wait = forbiddenInterval
    }
    return joined.size === 0 ? undefined : wait
  }

  function outage(): StoreFailure {
    const { state: store } = connection
    return store.up
      ? new StoreFailure('closed', 'A primary of the store was lost while it was asked.')
      : new StoreFailure(store.reason, store.message)
  }

  return {
    get state() {
      return state
    },
    join({ changed, shared }, member) {
      const marks = createMarks(connection, shared, clock, ports)
      const one: Joined = { member, marks, believedUntil: Number.NEGATIVE_INFINITY, whole: false }
      joined.set(changed, one)
      checks.soon()
      return {
        believed: (now) => now <= one.believedUntil,
        leave() {
          if (joined.get(changed) !== one) return
          joined.delete(changed)
          if (joined.size === 0) servers.close()
        },
      }
    },
    close() {
      stop()
      checks.stop()
      forget()
      servers.close()
    },
  }
}

interface Repeated {
  /** As soon as the one under way has ended. */
  soon(): void
  stop(): void
}

/** One at a time, each as many milliseconds after the beginning of the last one as that said. */
function repeat(work: () => Promise<number | undefined>, ports: ConnectionPorts): Repeated {
  let working = false
  let again = false
  let stopped = false
  let cancel = () => {}

  async function run(): Promise<void> {
    working = true
    again = false
    const startedAt = ports.now()
    const wait = await work()
    working = false
    if (again) schedule(0)
    // Gateways that began together do not go on together.
    else if (wait !== undefined) schedule(startedAt + wait * (0.9 + 0.1 * ports.random()) - ports.now())
  }

  function schedule(milliseconds: number): void {
    cancel()
    if (!stopped) cancel = ports.schedule(() => void run(), Math.max(0, milliseconds))
  }

  return {
    soon() {
      if (working) again = true
      else schedule(0)
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
