/**
 * Sessions as records in a store; the browser has a ticket. What tickets, records, seals, the cache and touches have to do
 * with one another is here, in `ticket-session.ts` (reading) and in `save-session.ts` (writing).
 */
import { createCache } from './cache.ts'
import { untilDeadline } from './deadline.ts'
import { sessionDefaults } from './defaults.ts'
import { SessionError } from './errors.ts'
import { observeStore } from './observed-store.ts'
import { readRecord } from './record.ts'
import { createSession, saveSession } from './save-session.ts'
import { backgroundTimer } from './schedule.ts'
import { createSealers, prefixTag } from './sealing.ts'
import { createSessionIndex } from './session-index.ts'
import type { Opened, SessionStore, StoreSettings } from './session-store.ts'
import { isChanging, isConfirming, isExpiring, isIndexing, isTimed, type RecordStore } from './store.ts'
import { parseTicket, splitTicket, type Ticket } from './ticket.ts'
import {
  type Engine,
  endSession,
  readSession,
  type ServerSideOptions,
  type TicketSession,
  type Writing,
} from './ticket-session.ts'
import { createTouches } from './touches.ts'
import { createUnseenEnds } from './unseen-ends.ts'

/** A session store over a record store. @throws SessionError `ERR_INVALID_OPTION` */
export function serverSide(records: RecordStore, settings: StoreSettings, options: ServerSideOptions): SessionStore {
  const engine = createEngine(records, settings, options)
  const stopListening = [listenToEnds(engine, records), listenToChanges(engine, records)]
  return {
    revokes: true,
    open: (value, now) => open(engine, value, now),
    use: (session, now) => use(engine, session as TicketSession, now),
    create: (id, changes, visitor, now, waited) =>
      inTime(engine, waited, (writing) => createSession(writing, id, changes, visitor, now)),
    save: (session, changes, now, waited) =>
      inTime(engine, waited, (writing) => saveSession(writing, session as TicketSession, changes, now)),
    end: (session, waited) => inTime(engine, waited, ({ within }) => within(() => endSession(engine, session))),
    endUnseen: (value, waited) => inTime(engine, waited, (writing) => endUnseen(writing, value)),
    async close() {
      for (const stop of stopListening) stop?.()
      engine.cache?.clear()
      try {
        await engine.touches.close()
      } finally {
        await engine.index?.close()
      }
    },
  }
}

/** What one request writes, in what is left of the time that it waits for the store. */
function inTime<Result>(engine: Engine, waited = 0, work: (writing: Writing) => Promise<Result>): Promise<Result> {
  const { patience, options } = engine
  return untilDeadline(patience - waited, options.schedule, (deadline) => work({ ...engine, ...deadline }))
}

const never = Number.NEGATIVE_INFINITY

function createEngine(store: RecordStore, settings: StoreSettings, options: ServerSideOptions): Engine {
  const records = observeStore(store, options.observer)
  const confirm = isConfirming(store) ? store.confirm.bind(store) : undefined
  const caches = options.cache !== false && (confirm !== undefined || options.serveCachedFor > 0)
  const { clock, schedule = backgroundTimer } = options
  const sealers = createSealers(options.sealing, options.serverKeys, settings.prefix)
  const { lifetime } = settings.timeouts
  const index = isIndexing(store)
    ? createSessionIndex({ store, sealer: sealers.writes, lifetime, clock, schedule, end: records.delete })
    : undefined
  const engine: Engine = {
    settings,
    options,
    records,
    confirm,
    index,
    context: { sealers, prefixTag: prefixTag(settings.prefix) },
    touches: createTouches(records, settings.timeouts, clock, schedule, index?.move),
    cache: caches && options.cache ? createCache<TicketSession>(options.cache, confirm) : undefined,
    tellsEnds: isExpiring(store),
    patience: isTimed(store) ? store.timeout : sessionDefaults.patience,
    outage: { seenAt: never },
    era: { number: 0 },
    unseenEnds: createUnseenEnds(clock, (ticket) => readSession(engine, ticket, clock())),
  }
  return engine
}

/** Without a promise when it is cached, since that is nearly every request. */
function open(engine: Engine, value: string, now: number): Opened | Promise<Opened> {
  const { cache, options } = engine
  const halves = cache && splitTicket(value)
  const found = halves && cache.find(halves.id, halves.secret, now)
  if (found !== undefined) {
    options.observer.cacheLookup?.('hit')
    return found
  }
  const ticket = parseTicket(value)
  if (ticket === undefined) return malformed
  if (cache !== undefined) options.observer.cacheLookup?.('miss')
  return readOrServeStale(engine, ticket, now)
}

const malformed: Opened = { kind: 'rejected', reason: 'malformed' }

/**
 * Milliseconds after a failed read in which what may be served from the cache is, without asking: else every request of an
 * outage would wait for a store that hangs. One asks then. What is due stays due.
 */
const outageLasts = 1000
const isOutage = ({ seenAt }: Engine['outage'], now: number) => now - seenAt < outageLasts

async function readOrServeStale(engine: Engine, ticket: Ticket, now: number): Promise<Opened> {
  const { cache, outage } = engine
  const { serveCachedFor, clock } = engine.options
  if (serveCachedFor === 0) return await readSession(engine, ticket, now)
  const stale = () => cache?.findStale(ticket.id, ticket.secret, now, serveCachedFor)
  const kept = isOutage(outage, now) ? stale() : undefined
  if (kept !== undefined) return kept
  if (outage.seenAt !== never) outage.seenAt = now
  try {
    const opened = await readSession(engine, ticket, now)
    outage.seenAt = never
    return opened
  } catch (error) {
    if (!(error instanceof SessionError) || error.code !== 'ERR_STORE_UNAVAILABLE') throw error
    outage.seenAt = clock()
    const found = stale()
    if (found === undefined) throw error
    return found
  }
}

function use({ touches, outage }: Engine, { life, dueAt }: TicketSession, now: number): boolean {
  const touchIsDue = touches.use(life, now)
  return (touchIsDue || now >= dueAt) && !isOutage(outage, now)
}

/** The store may show it by now: else as soon as another server answers, or the ticket comes again. */
async function endUnseen(engine: Writing, value: string): Promise<void> {
  const ticket = parseTicket(value)
  if (ticket === undefined) return
  engine.unseenEnds.add(ticket)
  await engine.within(() => readSession(engine, ticket, engine.options.clock()))
}

/** Counts sessions of this prefix that reached their end, and lets go of them. */
function listenToEnds({ context, options, settings, cache, touches }: Engine, store: RecordStore) {
  if (!isExpiring(store)) return undefined
  return store.onExpire((id, bytes, endedAt) => {
    const header = readRecord(bytes)?.header
    if (header === undefined || !Buffer.from(header.prefixTag).equals(context.prefixTag)) return
    cache?.remove(id)
    touches.forget(id)
    // The store's clock and ours may differ a little.
    const lifetimeOver = endedAt + 1000 >= header.createdAt + settings.timeouts.lifetime
    options.observer.ended?.(lifetimeOver ? 'lifetime' : 'idle')
  })
}

/** What is known to have changed is not served in an outage either. */
function listenToChanges({ cache, era, unseenEnds }: Engine, store: RecordStore) {
  if (!isChanging(store)) return undefined
  return store.onChange((id, version) => {
    if (id !== undefined) return cache?.keepOnly(id, version)
    era.number += 1
    cache?.clear()
    unseenEnds.lookAgain()
  })
}
