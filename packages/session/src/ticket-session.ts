/** Sessions as a ticket opens them from a store, and what everything on the server side works with. */

import type { Sealing, SealingKey, SessionObserver } from './api.ts'
import type { CacheOptions, SessionCache } from './cache.ts'
import type { Deadline } from './deadline.ts'
import type { observeStore } from './observed-store.ts'
import type { Schedule } from './schedule.ts'
import {
  grace,
  isUnderOldSeal,
  type OpenRecord,
  openRecord,
  type RecordContext,
  readableUntil,
} from './sealed-record.ts'
import type { SessionIndex } from './session-index.ts'
import type { Rejection, StoredSession, StoreSettings } from './session-store.ts'
import type { SessionId } from './store.ts'
import type { Ticket, TicketSecret } from './ticket.ts'
import type { Life, Touches } from './touches.ts'
import type { UnseenEnds } from './unseen-ends.ts'

export interface ServerSideOptions {
  readonly sealing: Sealing
  readonly serverKeys: readonly SealingKey[]
  /** Age at which a ticket is replaced, in milliseconds; `undefined`: only at a rise of privilege. */
  readonly rotateAfter: number | undefined
  /** Milliseconds since it was last known to be true that a cached session is served while the store is unreachable. */
  readonly serveCachedFor: number
  readonly cache: CacheOptions | false
  readonly clock: () => number
  readonly schedule: Schedule | undefined
  readonly observer: SessionObserver
}

/** What the functions of the server side share. */
export interface Engine {
  readonly settings: StoreSettings
  readonly options: ServerSideOptions
  readonly records: ReturnType<typeof observeStore>
  readonly context: RecordContext
  readonly touches: Touches
  readonly unseenEnds: UnseenEnds
  /** Over stores that have one. */
  readonly index: SessionIndex | undefined
  readonly cache: SessionCache<TicketSession> | undefined
  /** Whether the store still keeps this version; `undefined` when it cannot say. */
  readonly confirm: ((id: SessionId, version: string) => boolean) | undefined
  /** Whether the store itself tells of sessions that reached their end. */
  readonly tellsEnds: boolean
  /** Milliseconds that one request waits for the store. */
  readonly patience: number
  /** When the last read failed, or one began after that; `-Infinity`: the last one did not fail. Milliseconds since 1970. */
  readonly outage: { seenAt: number }
  /** Goes up whenever another server answers, or one that lost what it kept: it need not have what was read before. */
  readonly era: { number: number }
}

/** The same while one request writes. */
export type Writing = Engine & Deadline

/** A session as one secret opened it. */
export interface TicketSession extends StoredSession {
  readonly secret: TicketSecret
  /** Of the store. */
  readonly version: string
  /** In which it was read or written. */
  readonly era: number
  readonly record: OpenRecord
  readonly slot: number
  readonly next: TicketSecret | undefined
  /** When the secret stops being good, or the seal of the record is read no longer. */
  readonly goodUntil: number
  /** From when on something is due for it, touches apart: a rotation by age, the note that it is over, a cookie. */
  readonly dueAt: number
  readonly life: Life
}

/** Reads and opens; what was opened is cached. */
export async function readSession(engine: Engine, ticket: Ticket, now: number): Promise<TicketSession | Rejection> {
  const era = engine.era.number
  const stored = await engine.records.read(ticket.id)
  if (stored === undefined) {
    forgetAbsent(engine, ticket.id, now)
    return { kind: 'rejected', reason: 'unknown' }
  }
  const record = openRecord(engine.context, ticket, stored.bytes, now)
  if (record.kind === 'rejected') return record
  if (engine.unseenEnds.has(ticket)) {
    await endSession(engine, { ...record, id: ticket.id })
    return { kind: 'rejected', reason: 'unknown' }
  }
  const lastsUntil = record.createdAt + engine.settings.timeouts.lifetime
  if (lastsUntil <= now) return { kind: 'rejected', reason: 'unknown' }
  if (isUnderOldSeal(engine.context, record)) engine.options.observer.oldSeal?.(lastsUntil)
  const life = engine.touches.read(ticket.id, record.createdAt, stored.remaining, now)
  return keepSession(engine, ticket, record, { version: stored.version, era }, life, now)
}

/** The session of a record that was just read or written. */
export function keepSession(
  { cache, context, options }: Engine,
  { id, secret }: Ticket,
  record: OpenRecord,
  { version, era }: Pick<TicketSession, 'version' | 'era'>,
  life: Life,
  now: number,
): TicketSession {
  life.subject = record.subject
  life.providerSession = record.providerSession
  const session: TicketSession = {
    kind: 'open',
    id,
    secret,
    version,
    era,
    record,
    life,
    createdAt: record.createdAt,
    subject: record.subject,
    providerSession: record.providerSession,
    data: record.data,
    slot: record.slot,
    next: record.next,
    goodUntil: Math.min(secretGoodUntil(record), readableUntil(context, record)),
    dueAt: dueAt(record, options.rotateAfter),
  }
  cache?.add(session, now)
  return session
}

function secretGoodUntil({ slot, broughtAt }: OpenRecord): number {
  return slot === 1 && broughtAt !== 0 ? broughtAt + grace : Number.POSITIVE_INFINITY
}

function dueAt({ slot, slots, rotatedAt, broughtAt }: OpenRecord, rotateAfter: number | undefined): number {
  if (slots === 2 && (slot === 1 || broughtAt === 0)) return 0
  const aged = rotateAfter === undefined ? Number.POSITIVE_INFINITY : rotatedAt + rotateAfter
  return slots === 2 ? Math.max(aged, broughtAt + grace) : aged
}

/** @throws SessionError `ERR_STORE_UNAVAILABLE` */
export async function endSession(
  { records, cache, touches, index }: Engine,
  session: Pick<StoredSession, 'id' | 'createdAt' | 'subject' | 'providerSession'>,
): Promise<void> {
  const { id, createdAt } = session
  cache?.remove(id)
  touches.forget(id)
  await records.delete(id)
  index?.leave(session, id, createdAt)
}

/** What this process knew of a session that the store has no more. */
function forgetAbsent({ cache, touches, options, tellsEnds }: Engine, id: SessionId, now: number): void {
  const life = cache?.lifeOf(id)
  if (life !== undefined && !tellsEnds && now >= life.endsAt) {
    options.observer.ended?.(life.endsAt >= life.lastsUntil ? 'lifetime' : 'idle')
  }
  cache?.remove(id)
  touches.forget(id)
}
