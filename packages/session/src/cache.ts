/**
 * Opened sessions, so that repeated requests cost no store and no cryptography (rule 7). What is found is believed only
 * when the store says at once that it is still what it keeps. Bounded in entries and in age.
 */
import type { SessionId } from './store.ts'
import { sameSecret, type TicketSecret } from './ticket.ts'
import type { Life } from './touches.ts'

/** What the cache has to know of a session. */
export interface Cacheable {
  readonly id: SessionId
  readonly secret: TicketSecret
  readonly version: string
  /** 0 for the newest secret, 1 for the one before. */
  readonly slot: number
  /** For the one before: the secret that follows on it, where that is known. */
  readonly next: TicketSecret | undefined
  /** When it is good no longer, whatever the store keeps; `Infinity` where that is not known to come. */
  readonly goodUntil: number
  readonly life: Life
}

export interface SessionCache<Session extends Cacheable> {
  /** Only for the secret that opened it before, and only while it is true. */
  find(id: SessionId, secret: TicketSecret, now: number): Session | undefined
  /** What may be served during an outage: was true at most `within` milliseconds ago (`onStoreFailure`). */
  findStale(id: SessionId, secret: TicketSecret, now: number, within: number): Session | undefined
  /** The newest secret that was brought or made here. Others may have made one since: the record tells. */
  newest(id: SessionId): TicketSecret | undefined
  /** The life of what is kept under this id. */
  lifeOf(id: SessionId): Life | undefined
  add(session: Session, now: number): void
  /** The store told that the record is there; whether it is this version, it confirms. */
  refresh(id: SessionId, now: number): void
  remove(id: SessionId): void
  /** Lets go of what is kept under this id, unless it is of this version. */
  keepOnly(id: SessionId, version: string | undefined): void
  clear(): void
}

interface Entry<Session> {
  readonly version: string
  /** Outlives the version. */
  readonly newest: TicketSecret | undefined
  /** When the store last told that it is there. */
  readAt: number
  /** When it was last known to be true. */
  trueAt: number
  /** Used since the last look for something to put out. */
  wanted: boolean
  /** At most two: by the newest secret, and by the one before. */
  readonly sessions: Session[]
}

export interface CacheOptions {
  /** Sessions kept. */
  readonly maxEntries: number
  /** Milliseconds after which the store is asked again, whatever it confirms; a touch asks it too. */
  readonly maxAge: number
}

/** @param confirm whether the store still keeps this version; `undefined` when it cannot say */
export function createCache<Session extends Cacheable>(
  { maxEntries, maxAge }: CacheOptions,
  confirm: ((id: SessionId, version: string) => boolean) | undefined,
): SessionCache<Session> {
  const entries = new Map<SessionId, Entry<Session>>()

  /** Second chance: those used since the last look go to the end once, the first one that was not goes. */
  function putOneOut(): void {
    for (const [id, entry] of entries) {
      entries.delete(id)
      if (!entry.wanted) return
      entry.wanted = false
      entries.set(id, entry)
    }
  }

  return {
    find(id, secret, now) {
      const entry = entries.get(id)
      if (entry === undefined || confirm === undefined || now - entry.readAt > maxAge) return undefined
      const session = pick(entry, secret, now)
      if (session === undefined || !confirm(id, entry.version)) return undefined
      entry.trueAt = now
      entry.wanted = true
      return session
    },
    findStale(id, secret, now, within) {
      const entry = entries.get(id)
      return entry !== undefined && now - entry.trueAt <= within ? pick(entry, secret, now) : undefined
    },
    newest: (id) => entries.get(id)?.newest,
    lifeOf: (id) => entries.get(id)?.sessions[0]?.life,
    add(session, now) {
      const known = entries.get(session.id)
      const beside = known?.version === session.version ? known.sessions : []
      const others = beside.filter((other) => !sameSecret(other.secret, session.secret)).slice(-1)
      const entry = {
        version: session.version,
        newest: session.slot === 0 ? session.secret : (session.next ?? known?.newest),
        readAt: now,
        trueAt: now,
        wanted: false,
        sessions: [session, ...others],
      }
      if (known === undefined && entries.size >= maxEntries) putOneOut()
      entries.set(session.id, entry)
    },
    refresh(id, now) {
      const entry = entries.get(id)
      if (entry !== undefined) entry.readAt = now
    },
    remove: (id) => void entries.delete(id),
    keepOnly(id, version) {
      const entry = entries.get(id)
      if (entry !== undefined && entry.version !== version) entries.delete(id)
    },
    clear: () => entries.clear(),
  }
}

/** A session past its known end is not called ended before the store was asked: here it is just not found. */
function pick<Session extends Cacheable>({ sessions }: Entry<Session>, secret: TicketSecret, now: number) {
  for (const session of sessions) {
    if (sameSecret(session.secret, secret)) {
      return now < session.life.endsAt && now < session.goodUntil ? session : undefined
    }
  }
  return undefined
}
