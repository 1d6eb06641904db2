/**
 * Writes of which the store did not say what became of them. What was written has to reach the browser, since it may be the
 * only one that opens the session: so the record is read again, and its secret or write id tells our own write.
 */
import type { Commit } from './api.ts'
import { SessionError } from './errors.ts'
import type { WrittenRecord } from './sealed-record.ts'
import type { Ticket } from './ticket.ts'
import { keepSession, readSession, type TicketSession, type Writing } from './ticket-session.ts'

export interface RecordWrite extends WrittenRecord {
  /** The ticket that opens what is written, as the request goes on with it. */
  readonly ticket: Ticket
  /** Its secret was made for this write: whatever it opens comes of it. */
  readonly fresh: boolean
}

/**
 * Writes a record; where it is not known whether that was done, finds out, and does it then if it was not.
 *
 * Gives the session as it is written, `undefined` when the record is gone or newer, or the failure after which it may be
 * there all the same. Throws when it certainly is not.
 *
 * @param attempt writes it, under the condition of the store (`create`, `update`): so of two attempts one alone holds
 */
export async function writeSession(
  engine: Writing,
  write: RecordWrite,
  createdAt: number,
  ttl: number,
  now: number,
  attempt: (within: number) => Promise<string | undefined>,
): Promise<TicketSession | SessionError | undefined> {
  const once = async (): Promise<TicketSession | undefined> => {
    const era = engine.era.number
    const version = await engine.within(attempt)
    if (version === undefined) return undefined
    const life = engine.touches.written(write.ticket.id, createdAt, ttl, now)
    return keepSession(engine, write.ticket, write.record, { version, era }, life, now)
  }
  try {
    return await once()
  } catch (error) {
    if (!(error instanceof SessionError) || error.notExecuted) throw error
    if (error.unconfirmed) return error
    return await settle(engine, write, now, once, error)
  }
}

/** In what is left of the time: when it is over, `failure` is what is known. */
async function settle(
  engine: Writing,
  write: RecordWrite,
  now: number,
  once: () => Promise<TicketSession | undefined>,
  failure: SessionError,
): Promise<TicketSession | SessionError | undefined> {
  const look = () => find(engine, write, now).catch(() => failure)
  const found = await look()
  if (found !== undefined) return found
  try {
    // Written again, so that the first attempt, should it be late, finds another version.
    return (await once()) ?? (await look())
  } catch (error) {
    if (error instanceof SessionError && error.unconfirmed) return error
    const second = await look()
    // The store answers, fails to write, and has nothing of it: so it is as it was.
    if (second === undefined) throw error
    return second
  }
}

/** The session, when what is in the store comes of this write. Rejects while it may be lost again. */
async function find(engine: Writing, write: RecordWrite, now: number): Promise<TicketSession | undefined> {
  const found = await engine.within(() => readSession(engine, write.ticket, now))
  if (found.kind !== 'open') return undefined
  if (!write.fresh && !Buffer.from(found.record.header).equals(write.record.header)) return undefined
  if (await isReplicated(engine, found, now)) return found
  throw notReplicated()
}

export function notReplicated(): SessionError {
  return new SessionError('ERR_STORE_UNAVAILABLE', 'Not every replica has the session yet.', { unconfirmed: true })
}

/** Whether the record as it was read is safe from a failover, of whoever it was that wrote it. */
export function isReplicated(
  { settings, records, within }: Writing,
  session: TicketSession,
  now: number,
): Promise<boolean> {
  const { id, version, life } = session
  const ttl = Math.min(settings.timeouts.idle, life.lastsUntil - now)
  return within(() => records.replicated(id, version, ttl))
}

/** Beside the errors, not in them: a ticket in an error would find its way to a log. */
const commits = new WeakMap<SessionError, Commit>()

/** The same error, which `commitOf` gives this for. */
export function attachCommit(error: SessionError, commit: Commit): SessionError {
  commits.set(error, commit)
  return error
}

/**
 * What the browser has to be told although `commit()` failed, with the answer that says so: the ticket of a session that may
 * be written, or to let go of one that ended.
 */
export function commitOf(error: unknown): Commit | undefined {
  return error instanceof SessionError ? commits.get(error) : undefined
}
