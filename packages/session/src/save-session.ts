/** Writing sessions to a record store: by compare-and-set, applied again after a conflict, never creating what is gone. */
import { SessionError } from './errors.ts'
import { amendRecord, type Content, isNewest, newRecord, resealRecord, type WrittenRecord } from './sealed-record.ts'
import type { Holder } from './session-index.ts'
import {
  applyChanges,
  type Changes,
  changesNoData,
  isUnchanged,
  type Rejection,
  type Saved,
  type StoredSession,
  type Visitor,
} from './session-store.ts'
import type { SessionId } from './store.ts'
import { formatTicket, newSecret, type Ticket, type TicketSecret } from './ticket.ts'
import { type Engine, endSession, readSession, type TicketSession, type Writing } from './ticket-session.ts'
import { isReplicated, notReplicated, type RecordWrite, writeSession } from './unknown-outcome.ts'

/** After a conflict, changes are applied again at most so often (rule 5). */
const maxReapplied = 3

/** A new session. The id is random, so that one which is taken is no chance but a store that answers wrongly. */
export async function createSession(
  engine: Writing,
  id: SessionId,
  changes: Changes,
  visitor: Visitor,
  now: number,
): Promise<Saved> {
  const { idle, lifetime } = engine.settings.timeouts
  const ttl = Math.min(idle, lifetime)
  const ticket: Ticket = { id, secret: newSecret() }
  const { subject, providerSession } = changes
  const content: Content = { subject, providerSession, data: applyChanges(undefined, changes) }
  const written = checkSize(engine, newRecord(engine.context, ticket, content, visitor, now))
  const signIn = await beginSignIn(engine, { id, createdAt: now }, changes, now)
  const write = { ...written, ticket, fresh: true }
  const create = (within: number) => engine.records.create(id, write.bytes, ttl, within)
  const session = await writeSession(engine, write, now, ttl, now, create)
  if (session === undefined) throw conflict(`The store has a record under the new id ${id}; nothing was written.`)
  const value = formatTicket(ticket)
  if (session instanceof SessionError) return finishSignIn(engine, signIn, uncertain(value, now, session))
  return finishSignIn(engine, signIn, { kind: 'saved', session, value, rotated: false })
}

/** Before anything is told of a sign-in: whether all sessions of that person were ended meanwhile. */
async function finishSignIn({ within }: Writing, signIn: SignIn | undefined, saved: Saved): Promise<Saved> {
  if (signIn === undefined || saved.kind === 'lost') return saved
  // A store that does not answer is not asked again while the visitor waits; it is as soon as it does.
  if (saved.kind === 'uncertain' && !saved.error.unconfirmed) return laterEnded(signIn, saved)
  let isOver: boolean
  try {
    isOver = await within(signIn.wasEnded)
  } catch (error) {
    return laterEnded(signIn, saved.kind === 'saved' ? written(saved, error as SessionError) : saved)
  }
  if (!isOver) return saved
  await within(signIn.end)
  throw conflict(
    'All sessions of the person who signed in were ended while this request was under way, so this one was ended too. ' +
      'Nobody is signed in; let them sign in again.',
  )
}

/** Nobody waits for it. */
function laterEnded(signIn: SignIn, saved: Saved): Saved {
  void signIn.wasEnded().then(
    (isOver) => (isOver ? signIn.end() : undefined),
    () => {},
  )
  return saved
}

/** It is in the store, so the browser needs its ticket, with the answer that tells of the failure. */
function written({ session, value }: Saved & { kind: 'saved' }, error: SessionError): Saved {
  return uncertain(value!, session.createdAt, error)
}

interface SignIn {
  /** All sessions of that person were ended meanwhile: this one is to be, too. */
  wasEnded(): Promise<boolean>
  end(): Promise<void>
}

/** What a sign-in has to do before and after it is written; `undefined` where nobody signs in or there is no index. */
async function beginSignIn(
  engine: Writing,
  { id, createdAt }: Pick<StoredSession, 'id' | 'createdAt'>,
  { subject, providerSession }: Changes,
  now: number,
): Promise<SignIn | undefined> {
  const { index, settings, within } = engine
  if (index === undefined || subject === undefined) return undefined
  const { idle, lifetime } = settings.timeouts
  const holder = { subject, providerSession }
  const ttl = Math.min(idle, createdAt + lifetime - now)
  const reserved = await within(() => index.reserve(holder, id, createdAt, ttl))
  return {
    wasEnded: () => index.endedSince(holder, reserved),
    end: () => endSession(engine, { id, createdAt, ...holder }),
  }
}

/** Whoever had the session before has it no longer. */
function leaveFormer({ index }: Engine, before: StoredSession, { subject, providerSession }: Changes): void {
  const former: Holder = {
    subject: before.subject === subject ? undefined : before.subject,
    providerSession: before.providerSession === providerSession ? undefined : before.providerSession,
  }
  index?.leave(former, before.id, before.createdAt)
}

/** Writes changes, or what is due without any. */
export async function saveSession(
  engine: Writing,
  session: TicketSession,
  changes: Changes,
  now: number,
): Promise<Saved> {
  try {
    return await applyUntilItHolds(engine, session, changes, now)
  } catch (error) {
    // Nobody asked for anything: what is due stays due, and the visitor is served.
    if (isUnchanged(changes) && error instanceof SessionError) return unchanged(session, undefined)
    throw error
  }
}

async function applyUntilItHolds(
  engine: Writing,
  session: TicketSession,
  changes: Changes,
  now: number,
): Promise<Saved> {
  let current = session
  const signIn = await beginSignIn(engine, session, changes, now)
  for (let attempt = 0; attempt <= maxReapplied; attempt += 1) {
    const saved = await applyOnce(engine, current, changes, now, attempt > 0)
    if (saved !== undefined) return finishSignIn(engine, signIn, saved)
    const before = current
    const again = await engine.within(() => readSession(engine, before, now))
    if (again.kind === 'rejected') return gone(engine, before, again)
    current = again
  }
  throw conflict(
    `Session ${session.id} changed ${maxReapplied + 1} times while this request wrote to it. ` +
      'Its changes were not written; let the visitor try again.',
  )
}

/**
 * Whoever ended the session or replaced its ticket, on the server that had it, comes before these changes. Another server need
 * never have had it as it was read: so nobody may be told that the changes were made.
 *
 * @throws SessionError
 */
function gone({ era }: Engine, { id, era: readIn }: TicketSession, { reason }: Rejection): Saved {
  if (readIn === era.number) return lost(reason === 'wrong_secret' ? 'refused' : 'ended')
  throw new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `Another server answers since session ${id} was opened, and does not have it as it was. Its changes were not written; let ` +
      'the visitor try again.',
    { notExecuted: true },
  )
}

/** `undefined` when the record is gone or newer, and has to be read again. */
async function applyOnce(
  engine: Writing,
  session: TicketSession,
  changes: Changes,
  now: number,
  justRead: boolean,
): Promise<Saved | undefined> {
  const { idle } = engine.settings.timeouts
  const ttl = Math.min(idle, session.life.lastsUntil - now)
  if (ttl <= 0) return lost('ended')
  if (now >= session.goodUntil) return lost('refused')
  const write = prepareWrite(engine, session, changes, now)
  if (write === undefined) return keepAsIs(engine, session, changes, now, justRead)
  checkSize(engine, write)
  const update = (within: number) => engine.records.update(session.id, write.bytes, session.version, ttl, within)
  const saved = await writeSession(engine, write, session.createdAt, ttl, now, update)
  if (saved === undefined) return undefined
  if (saved instanceof SessionError) return notSure(session, write, saved)
  // Also after a sign-in: whoever looked meanwhile found another person in the record, and took the entry out.
  engine.index?.move(saved.life)
  if (changes.subject !== undefined) leaveFormer(engine, session, changes)
  return { kind: 'saved', session: saved, value: write.value, rotated: write.rotated }
}

/** Only where the secret before may be dead: else the ticket that the browser has goes on being good, and leads to the new one. */
function notSure(session: TicketSession, write: Write, error: SessionError): Saved {
  if (!write.fresh || write.value === undefined) throw error
  return uncertain(write.value, session.createdAt, error)
}

interface Write extends RecordWrite {
  readonly value: string | undefined
  readonly rotated: boolean
}

/** `undefined` when the record is right as it is. */
function prepareWrite(engine: Engine, session: TicketSession, changes: Changes, now: number): Write | undefined {
  const { subject, providerSession } = changes.subject === undefined ? session : changes
  const content: Content = { subject, providerSession, data: applyChanges(session, changes) }
  if (changes.rotate || changes.subject !== undefined) return riseOfPrivilege(engine, session, content, now)
  const isDue = session.slot === 0 && now >= session.dueAt
  return !isDue && changesNoData(session, changes) ? undefined : amend(engine, session, content, now, isDue)
}

function riseOfPrivilege(engine: Engine, session: TicketSession, content: Content, now: number): Write {
  const ticket: Ticket = { id: session.id, secret: newSecret() }
  const written = resealRecord(engine.context, session.record, ticket, content, now, now)
  return { ...written, ticket, fresh: true, value: formatTicket(ticket), rotated: true }
}

function amend(engine: Engine, session: TicketSession, content: Content, now: number, isDue: boolean): Write {
  const { record } = session
  const brought = isDue && record.slots === 2 && record.broughtAt === 0
  const next = isDue && !brought ? newSecret() : undefined
  const amended = amendRecord(engine.context, record, session, content, now, { next, brought })
  if (amended === undefined) {
    const written = resealRecord(engine.context, record, session, content, now, record.rotatedAt)
    return { ...written, ticket: session, fresh: false, value: undefined, rotated: false }
  }
  const value = ticketOf(session, next ?? newestSecret(engine, session))
  return { ...amended, ticket: session, fresh: false, value, rotated: next !== undefined }
}

/** Nothing to write but perhaps a touch, nothing to tell but perhaps the ticket that has followed on this one. */
async function keepAsIs(
  engine: Writing,
  session: TicketSession,
  changes: Changes,
  now: number,
  justRead: boolean,
): Promise<Saved | undefined> {
  const newest = newestSecret(engine, session)
  // A late answer must not put a ticket over one that came after it: so only what the store still says.
  if (newest !== undefined && !justRead && engine.confirm?.(session.id, session.version) !== true) return undefined
  // What was asked for is there by a write that may have been refused, and is answered as done now.
  if (!isUnchanged(changes) && !(await isReplicated(engine, session, now))) {
    if (justRead) throw notReplicated()
    return undefined
  }
  const saved = unchanged(session, (await mayHandOut(engine, session, now)) ? ticketOf(session, newest) : undefined)
  if (!engine.touches.use(session.life, now)) return saved
  return (await touch(engine, session, now)) ? saved : lost('ended')
}

/**
 * A ticket that replaced this one by age, and was perhaps never handed out, is not in what a failover may undo: whoever brought
 * it afterwards would have no session. The ticket at hand is good meanwhile, whatever the store keeps.
 */
async function mayHandOut(engine: Writing, session: TicketSession, now: number): Promise<boolean> {
  return session.next === undefined || (await isReplicated(engine, session, now).catch(() => false))
}

/** `false` only when the store says that the session is gone; while it says nothing, the touch stays owed. */
async function touch({ touches, cache, within }: Writing, { id, life }: TicketSession, now: number): Promise<boolean> {
  try {
    if (await within(() => touches.touch(life, now))) {
      cache?.refresh(id, now)
      return true
    }
  } catch {
    return true
  }
  cache?.remove(id)
  touches.forget(id)
  return false
}

/**
 * After a rotation by age, for who brought the secret before: the one that followed on it. The record says it until it was
 * brought; then whoever handed it out or got it here, as long as the cache keeps it.
 */
function newestSecret({ cache }: Engine, { id, slot, next, record }: TicketSession): TicketSecret | undefined {
  if (slot === 0 || next !== undefined) return next
  const secret = cache?.newest(id)
  return secret !== undefined && isNewest(record, { id, secret }) ? secret : undefined
}

function ticketOf({ id }: TicketSession, secret: TicketSecret | undefined): string | undefined {
  return secret && formatTicket({ id, secret })
}

function unchanged(session: TicketSession, value: string | undefined): Saved {
  return { kind: 'saved', session, value, rotated: false }
}

function uncertain(value: string, createdAt: number, error: SessionError): Saved {
  return { kind: 'uncertain', value, createdAt, error }
}

function lost(state: 'ended' | 'refused'): Saved {
  return { kind: 'lost', state }
}

function checkSize<Written extends WrittenRecord>({ settings }: Engine, written: Written): Written {
  const { length } = written.bytes
  if (length <= settings.maxBytes) return written
  throw new SessionError(
    'ERR_SESSION_TOO_LARGE',
    `The session would take ${length} bytes sealed; maxBytes is ${settings.maxBytes}. Nothing was written. ` +
      'Keep less in the session, or raise maxBytes.',
  )
}

function conflict(message: string): SessionError {
  return new SessionError('ERR_STORE_CONFLICT', message)
}
