/**
 * Finding sessions by who signed in, over stores that have an index. An index is another key than the records, often on
 * another server, so that nothing here is one step with them:
 *
 * - A sign-in enters its session before the record is written; an entry without a record does no harm.
 * - An end that was moved in the record is moved in the index afterwards, and that is tried again until it holds.
 * - Who ends all sessions of a person says so first, and then looks at the index. A sign-in looks for that after its
 *   record was written: so one of the two sees the other, however they meet.
 */
import { SessionError } from './errors.ts'
import { hashName } from './metadata.ts'
import type { Schedule } from './schedule.ts'
import type { Sealer } from './sealing.ts'
import type { Indexing, SessionId } from './store.ts'
import type { Life } from './touches.ts'

/** Who a session belongs to. */
export interface Holder {
  readonly subject?: string | undefined
  /** The session at the provider that it came from, as the provider names it. */
  readonly providerSession?: string | undefined
}

/** When all sessions were ended last, under each name of a person; only the store itself can compare its times. */
export type EndMarks = readonly (number | undefined)[]

export interface SessionIndex {
  /**
   * Before a sign-in is written. Gives what `endedSince` has to know. Rejects with `ERR_STORE_UNAVAILABLE`: then it must not
   * be written.
   */
  reserve(holder: Holder, id: SessionId, createdAt: number, ttl: number): Promise<EndMarks>
  /** After it was written: whether all sessions of that person were ended since it was reserved, this one included. */
  endedSince(holder: Holder, reserved: EndMarks): Promise<boolean>
  /** The end of a session was moved. Never rejects; what fails is tried again. */
  move(life: Life): void
  /** The session ended or belongs to somebody else. What fails is left to the next one who looks: an entry alone ends nothing. */
  leave(holder: Holder, id: SessionId, createdAt: number): void
  /** Tries once more what is still owed. */
  close(): Promise<void>
}

export interface SessionIndexOptions {
  readonly store: Indexing
  readonly sealer: Sealer
  readonly lifetime: number
  readonly clock: () => number
  readonly schedule: Schedule
  /** Ends the session of an entry that had to make room. */
  readonly end: (id: SessionId) => Promise<unknown>
}

/** Milliseconds to the next try of what could not be moved. */
const retryAfter = 1000
/** Moves that are owed at most; beyond it, the oldest are given up: their entries go at the end that they have. */
const maxOwed = 100_000

export function createSessionIndex(options: SessionIndexOptions): SessionIndex {
  const { store, sealer, lifetime, clock, schedule, end } = options
  const owed = new Map<SessionId, Life>()
  let callOff: (() => void) | undefined
  let closed = false
  const namesOf = (holder: Holder) => indexNames(sealer, holder, sealer.keyId)
  const marksOf = (holder: Holder) => Promise.all(namesOf(holder).map((name) => store.endedAt(name)))

  /** Gives those that had to make room. */
  async function enter(holder: Holder, id: SessionId, createdAt: number, ttl: number): Promise<readonly SessionId[]> {
    const session = { id, createdAt }
    const displaced = (await Promise.all(namesOf(holder).map((name) => store.enter(name, session, ttl)))).flat()
    await Promise.all(displaced.map(end))
    return displaced
  }

  async function tryMove(life: Life): Promise<void> {
    owed.delete(life.id)
    const ttl = life.endsAt - clock()
    if (ttl <= 0) return
    try {
      await enter(life, life.id, life.lastsUntil - lifetime, ttl)
    } catch {
      owe(life)
    }
  }

  function owe(life: Life): void {
    owed.set(life.id, life)
    if (owed.size > maxOwed) owed.delete(owed.keys().next().value!)
    if (!closed) callOff ??= schedule(retry, retryAfter)
  }

  function retry(): void {
    callOff = undefined
    for (const life of [...owed.values()]) void tryMove(life)
  }

  return {
    async reserve(holder, id, createdAt, ttl) {
      const [marks, displaced] = await Promise.all([marksOf(holder), enter(holder, id, createdAt, ttl)])
      if (displaced.includes(id)) throw tooMany()
      return marks
    },
    async endedSince(holder, reserved) {
      const marks = await marksOf(holder)
      return marks.some((mark, i) => mark !== undefined && mark !== reserved[i])
    },
    move(life) {
      if (life.subject !== undefined) void tryMove(life)
    },
    leave(holder, id, createdAt) {
      for (const name of namesOf(holder)) store.leave(name, { id, createdAt }).catch(() => {})
    },
    async close() {
      closed = true
      callOff?.()
      await Promise.all([...owed.values()].map(tryMove))
    },
  }
}

function tooMany(): SessionError {
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    'One person has more sessions than the index holds, and all of them end later than this one. It was not started.',
  )
}

/** Names of the index under which a session of this holder is found, with one key of the installation. */
export function indexNames(sealer: Sealer, { subject, providerSession }: Holder, keyId: string): string[] {
  const names: string[] = []
  if (subject !== undefined) names.push(`subject:${hashName(sealer, 'subject', subject, keyId)}`)
  if (providerSession !== undefined) {
    names.push(`provider:${hashName(sealer, 'provider session', providerSession, keyId)}`)
  }
  return names
}
