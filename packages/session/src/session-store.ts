/**
 * The outer seam: what the browser holds becomes a session, and a session becomes what the browser is to hold. A value
 * is a ticket (`server-side.ts`) or the sealed session itself (`stores/sealed-cookie`). The seam knows no cookies and
 * no requests; `manager.ts` does.
 */
import type { JsonValue, RejectReason, SessionData } from './api.ts'
import type { SessionError } from './errors.ts'
import type { SessionId } from './store.ts'

export interface SessionStore {
  /** Can a session be ended before its time by the server alone? */
  readonly revokes: boolean
  /**
   * Opens one value that a visitor brought. Without a promise when the answer is known already.
   *
   * Rejects or throws only with `ERR_STORE_UNAVAILABLE` or `ERR_KEY_UNKNOWN`.
   */
  open(value: string, now: number): Opened | Promise<Opened>
  /**
   * Takes note that the session was used, for its idle timeout. True when `save` has to be called although nothing
   * changed: a touch, a rotation by age or a cookie is due. Called for every request, so it must be cheap.
   */
  use(session: StoredSession, now: number): boolean
  /**
   * Writes a new session under this id.
   *
   * Rejects with `ERR_STORE_UNAVAILABLE`, `ERR_STORE_CONFLICT` (the id is taken), `ERR_SESSION_TOO_LARGE` or
   * `ERR_COOKIE_TOO_LARGE`.
   *
   * @param waited milliseconds that this request has waited for the store already, as in `save` and `end`
   */
  create(id: SessionId, changes: Changes, visitor: Visitor, now: number, waited?: number): Promise<Saved>
  /**
   * Writes the changes to an open one, applying them again after a conflict; empty ones write what is due.
   *
   * Rejects as `create` does, and with `ERR_KEY_UNKNOWN`. With changes that are empty it rejects with none of them: what
   * was due stays due.
   */
  save(session: StoredSession, changes: Changes, now: number, waited?: number): Promise<Saved>
  /** Ends the session, whatever became of it meanwhile. Rejects with `ERR_STORE_UNAVAILABLE`. */
  end(session: StoredSession, waited?: number): Promise<void>
  /**
   * The visitor ends what this value opens, although the store did not have it: it ends as soon as it shows, if that is within
   * 60 seconds. Rejects with `ERR_STORE_UNAVAILABLE`, and with `ERR_KEY_UNKNOWN`.
   */
  endUnseen(value: string, waited?: number): Promise<void>
  /** Writes the touches that are owed and lets go of timers and caches. */
  close(): Promise<void>
}

/** A living session. Never changed, so that requests may share it; a store keeps more in it than is said here. */
export interface StoredSession {
  readonly kind: 'open'
  readonly id: SessionId
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly subject: string | undefined
  /** The session at the provider that it came from, where that is kept. */
  readonly providerSession?: string | undefined
  /** Frozen through and through. */
  readonly data: SessionData
}

export interface Rejection {
  readonly kind: 'rejected'
  readonly reason: RejectReason
  /** With `wrong_secret`: when the living session got its present secret; milliseconds since 1970. */
  readonly rotatedAt?: number
}

export type Opened = StoredSession | Rejection

/** What one request changed: kept as operations, so that it can be applied again to a record that changed meanwhile. */
export interface Changes {
  /** Key by key; `undefined` removes. */
  readonly values: ReadonlyMap<string, JsonValue | undefined>
  /** Somebody signed in. Data of another subject does not pass over. */
  readonly subject: string | undefined
  /** The session at the provider that they come from; only with a subject. */
  readonly providerSession?: string | undefined
  /** A rise of privilege: new secret, new data key, the old secret is dead at once. */
  readonly rotate: boolean
}

/** What a record's metadata says of the visitor who started it. */
export interface Visitor {
  readonly address?: string | undefined
  readonly userAgent?: string | undefined
}

export type Saved =
  | {
      readonly kind: 'saved'
      readonly session: StoredSession
      /** What the browser is to hold from now on; `undefined`: what it has. */
      readonly value: string | undefined
      readonly rotated: boolean
    }
  /** Perhaps written: the browser is to hold the value all the same, with the answer that tells of the failure. */
  | {
      readonly kind: 'uncertain'
      readonly value: string
      /** Milliseconds since 1970. */
      readonly createdAt: number
      readonly error: SessionError
    }
  /** Not written, because meanwhile the session `ended`, or the ticket was replaced (`refused`). */
  | { readonly kind: 'lost'; readonly state: 'ended' | 'refused' }

/** Both in milliseconds, both hold. */
export interface Timeouts {
  readonly idle: number
  readonly lifetime: number
}

/** What a manager tells the store that it uses. */
export interface StoreSettings {
  readonly prefix: string
  readonly cookieName: string
  readonly timeouts: Timeouts
  /** Largest sealed session in bytes. */
  readonly maxBytes: number
}

/** The sealed session is the cookie. Nothing is kept on the server, so nothing can be revoked there. */
export interface SealedCookieStore {
  readonly kind: 'sealed-cookie'
  readonly revokes: false
  /** Cookies that one session may be split over. */
  readonly maxParts: number
  sessions(settings: StoreSettings): SessionStore
}

/**
 * The data after the changes.
 *
 * Of a session that belonged to somebody else nothing is kept: one person's data never passes to another.
 */
export function applyChanges(session: StoredSession | undefined, changes: Changes): SessionData {
  const kept = session === undefined || changesSubject(session, changes) ? [] : Object.entries(session.data)
  // Object.fromEntries defines properties, so a key "__proto__" is a key like any other.
  return Object.fromEntries([...new Map([...kept, ...changes.values])].filter(isPresent))
}

function changesSubject(session: StoredSession, changes: Changes): boolean {
  return changes.subject !== undefined && session.subject !== undefined && changes.subject !== session.subject
}

function isPresent(entry: [string, JsonValue | undefined]): entry is [string, JsonValue] {
  return entry[1] !== undefined
}

/** Would the data be the same after the changes? Then nothing has to be written. */
export function changesNoData(session: StoredSession, changes: Changes): boolean {
  for (const [key, value] of changes.values) {
    const before = Object.hasOwn(session.data, key) ? session.data[key] : undefined
    if (before !== value && JSON.stringify(before) !== JSON.stringify(value)) return false
  }
  return true
}

/** Nothing was asked for. */
export function isUnchanged(changes: Changes): boolean {
  return changes.values.size === 0 && changes.subject === undefined && !changes.rotate
}

/** Freezes parsed JSON through and through, so that requests can share it. */
export function freezeData(data: SessionData): SessionData {
  freeze(data)
  return data
}

function freeze(value: JsonValue): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const inner of Object.values(value)) freeze(inner)
}
