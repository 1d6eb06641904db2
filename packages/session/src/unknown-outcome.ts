/**
 * Writes of which the store did not say what became of them. What was written has to reach the browser, since it may be the
 * only one that opens the session: so the record is read again, and its secret or write id tells our own write.
 */
import type { Commit } from './api.ts'
import { SessionError } from './errors.ts'
import { backgroundTimer } from './schedule.ts'
import type { WrittenRecord } from './sealed-record.ts'
import type { Ticket } from './ticket.ts'
import { type Engine, keepSession, readSession, type TicketSession } from './ticket-session.ts'

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
  engine: Engine,
  write: RecordWrite,
  createdAt: number,
  ttl: number,
  now: number,
  attempt: () => Promise<string | undefined>,
): Promise<TicketSession | SessionError | undefined> {
  const once = async (): Promise<TicketSession | undefined> => {
    const version = await attempt()
    if (version === undefined) return undefined
    const life = engine.touches.written(write.ticket.id, createdAt, ttl, now)
    return keepSession(engine, write.ticket, write.record, version, life, now)
  }
  try {
    return await once()
  } catch (error) {
    if (!(error instanceof SessionError) || error.notExecuted) throw error
    if (error.unconfirmed) return error
    return await within(settleWithin, engine, settle(engine, write, now, once, error), error)
  }
}

/**
 * Milliseconds to find out: the visitor has waited for the write already. What goes on after them does no harm, since the
 * ticket is told.
 */
const settleWithin = 1000

function within<Result>(
  milliseconds: number,
  { options: { schedule = backgroundTimer } }: Engine,
  work: Promise<Result>,
  otherwise: Result,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const callOff = schedule(() => resolve(otherwise), milliseconds)
    work.finally(callOff).then(resolve, reject)
  })
}

async function settle(
  engine: Engine,
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

/** The session, when what is in the store comes of this write. */
async function find(engine: Engine, write: RecordWrite, now: number): Promise<TicketSession | undefined> {
  const found = await readSession(engine, write.ticket, now)
  if (found.kind !== 'open') return undefined
  return write.fresh || Buffer.from(found.record.header).equals(write.record.header) ? found : undefined
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
