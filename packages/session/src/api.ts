/** The public shape of sessions: what an application or a gateway holds in its hands. */
import type { SessionId } from './store.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }
/** Session data is a JSON object. */
export type SessionData = Record<string, JsonValue>

/**
 * What a type of session data must fit, to be told from itself: `Data extends JsonObject<Data>`. Interfaces and type
 * aliases fit, with optional properties too; what JSON has no place for, at any depth, does not: `Date`, `Map`, functions,
 * `bigint`, `symbol`, `unknown`, a value that may be `undefined`.
 */
export type JsonObject<Data> = object & { [Key in keyof Data]: JsonPart<Data[Key]> }
type JsonPart<Value> = Value extends JsonValue
  ? Value
  : Value extends (...given: never[]) => unknown
    ? never
    : Value extends object
      ? { [Key in keyof Value]: JsonPart<Value[Key]> }
      : never

/** What a visitor brings. Header strings, so that no `Request` has to be made. */
export interface Presented {
  /** The `Cookie` header(s) as they came; `null`, as `Headers` say it, and `undefined`: none came. */
  readonly cookie?: string | null | undefined
  /** A ticket that came in another header, when the manager looks there instead; likewise. */
  readonly ticket?: string | null | undefined
  /** A top-level navigation (Fetch Metadata): it may start anew where a stale ticket otherwise gets nothing (rule 4). */
  readonly navigation?: boolean
  readonly address?: string | undefined
  readonly userAgent?: string | undefined
}

/** Why the visitor's ticket or sealed cookie was not accepted. Closed set: also metric labels. */
export type RejectReason =
  /** Not a ticket of ours, by its form. */
  | 'malformed'
  /** No living record under this id (expired, ended, never there). */
  | 'unknown'
  /** The id lives, the secret is not its secret. */
  | 'wrong_secret'
  /** The record or sealed cookie does not open, or is of a weaker kind than configured. */
  | 'damaged'
  /** Two valid, different sessions in one request count as none. */
  | 'ambiguous'
  /** Longer than any cookie of ours, or behind the two of our name that are tried. */
  | 'oversized'
  /** Sealed under a key, or in a way, that is not known here: an outage of this session (`ERR_KEY_UNKNOWN`), never its absence. */
  | 'key_unknown'

/** Why a session ended. Closed set: also metric labels. */
export type EndReason = 'idle' | 'lifetime' | 'sign_out' | 'revoked' | 'provider'

/**
 * - `none`: nothing valid was brought; setting a value starts a session.
 * - `open`: a living session.
 * - `refused`: a stale ticket of a living session (rule 4): nothing can be started, changes are dropped.
 * - `ended`: ended in this request.
 */
export type SessionState = 'none' | 'open' | 'refused' | 'ended'

/** One visitor's session during one request. Synchronous; `commit` writes. */
export interface Session<Data extends JsonObject<Data> = SessionData> {
  readonly state: SessionState
  /** True from the moment a session is started in this request. */
  readonly isNew: boolean
  /**
   * The public id: the same over all rotations, safe to log. `undefined` while there is no session. This, `subject` and
   * `createdAt` stay after the end, to say which session it was.
   */
  readonly id: SessionId | undefined
  /** Read-only view of the data, empty without a session and once it ended. */
  readonly data: Readonly<Partial<Data>>
  /** The person the session belongs to, as the application names them; part of the record's metadata. */
  readonly subject: string | undefined
  /** Milliseconds since 1970; `undefined` while there is no session. */
  readonly createdAt: number | undefined
  /** Whole seconds until the session ends if it is not used again; `undefined` while there is no session. */
  readonly expiresIn: number | undefined
  get<K extends keyof Data & string>(key: K): Data[K] | undefined
  /**
   * Keeps a copy of the value as it is now, frozen as what comes from the store is; the first one starts a session. A
   * property of an object that is `undefined` counts as absent.
   *
   * @throws SessionError `ERR_INVALID_OPTION` for what JSON has no place for, by the path of what is wrong: `undefined` (to
   * remove a key, `delete` it), `NaN` and the infinities, `bigint`, `symbol`, functions, objects that are not plain as
   * `Date` and `Map`, and what is nested deeper than 100 levels or within itself
   */
  set<K extends keyof Data & string>(key: K, value: Exclude<Data[K], undefined>): void
  delete(key: keyof Data & string): void
  /**
   * Starts a session even when nothing is set (mode enforce). No effect on one that is open, nor for a visitor who brought
   * two that are valid and differ, or more than are tried: its cookie would replace a good one. `set` and `signIn` do start.
   */
  start(): void
  /** Signs a person in: sets the subject and rotates as a rise of privilege. */
  signIn(subject: string, options?: SignInOptions): void
  /** New secret, same id. By default as a rise of privilege: the old secret is dead at once, everywhere. */
  rotate(): void
  /**
   * Ends the session; `commit` deletes the record and clears the cookie. Also where a ticket came whose session the store does
   * not have: should another server have it, it ends there as soon as that one answers, if that is within 60 seconds.
   */
  end(reason?: EndReason): void
  /**
   * Writes what changed, once, and says what the browser must be told. Nothing changed, nothing written, nothing told
   * (apart from a touch or rotation by age that is due). Idempotent: a second call gives the same answer.
   *
   * @throws SessionError `ERR_STORE_UNAVAILABLE` (tell the visitor 503, and what `commitOf(error)` gives, which is the
   * ticket of what may have been written; without it leave the cookie alone),
   * `ERR_STORE_CONFLICT`, `ERR_SESSION_TOO_LARGE`, `ERR_COOKIE_TOO_LARGE`
   */
  commit(): Promise<Commit>
}

export interface SignInOptions {
  /** The session at the provider that they come from, as the provider names it (`sid`), at most 256 characters. */
  readonly providerSession?: string | undefined
}

export interface Commit {
  /** Values for `Set-Cookie`, one header each; often empty. */
  readonly setCookie: readonly string[]
  /** The ticket to hand back when tickets travel in a header instead of a cookie: a new one, or '' when the session ended. */
  readonly ticket: string | undefined
}

/** Told of what happens; called synchronously, must not throw. Everything is optional. */
export interface SessionObserver {
  created?(): void
  reused?(): void
  rotated?(): void
  ended?(reason: EndReason): void
  rejected?(reason: RejectReason): void
  /**
   * A session was read that is sealed in an older way, or under an older key, than what is written now; it can last until
   * then, in milliseconds since 1970.
   */
  oldSeal?(lastsUntil: number): void
  cacheLookup?(result: 'hit' | 'miss'): void
  /** After each operation of a record store. `failure` names what went wrong, from a closed set; `error` is what was thrown. */
  storeOperation?(
    operation: StoreOperation,
    milliseconds: number,
    failure: 'unavailable' | undefined,
    error?: unknown,
  ): void
}
export type StoreOperation = 'read' | 'create' | 'update' | 'touch' | 'delete'

export interface SessionManager<Data extends JsonObject<Data> = SessionData> {
  /** Can sessions be ended before their time by the server alone? `false` for sealed cookies. */
  readonly revokes: boolean
  /**
   * Opens what the visitor brought. Rejects only with `ERR_STORE_UNAVAILABLE` or `ERR_KEY_UNKNOWN`, whatever it is, and
   * with `ERR_INVALID_OPTION` when it was not given as text.
   */
  open(presented: Presented): Promise<Session<Data>>
  /** The same from a web-standard request; `ERR_INVALID_OPTION` for any other, as that of `node:http`. */
  openRequest(request: Request, presented?: Omit<Presented, 'cookie' | 'ticket'>): Promise<Session<Data>>
  /**
   * Opens, calls the handler, commits, adds the `Set-Cookie` values. An outage answers 503 with `Retry-After`. When the
   * handler gives no `Response`, nothing is saved, and it rejects with `ERR_INVALID_OPTION`.
   */
  wrap(
    handler: (request: Request, session: Session<Data>) => Response | Promise<Response>,
  ): (request: Request) => Promise<Response>
  /** Names of the cookies that are ours, to withhold them from others: exact names, and a test for split parts. */
  ownsCookie(name: string): boolean
  /** Writes trailing touches that are still owed (rule 3), and lets go of timers and caches. Does not close the store. */
  close(): Promise<void>
}

export interface CookieOptions {
  /** @defaultValue `__Host-session` where `secure`, `path` `/` and no `domain` allow it, else `session` */
  readonly name?: string
  readonly domain?: string | undefined
  /** @defaultValue `/` */
  readonly path?: string
  /** @defaultValue `Lax` */
  readonly sameSite?: 'Strict' | 'Lax' | 'None'
  /** @defaultValue true */
  readonly secure?: boolean
  /** @defaultValue true */
  readonly httpOnly?: boolean
  /** `browser`: no Max-Age; `lifetime`: Max-Age is the time left. @defaultValue `browser` */
  readonly expires?: 'browser' | 'lifetime'
}

/** A key by name; 16 or 32 bytes (AES-128-GCM or AES-256-GCM). */
export interface SealingKey {
  readonly id: string
  readonly bytes: Uint8Array
}

export type Sealing =
  /** Each record under a key that only its ticket gives (rule 2). */
  | { readonly kind: 'ticket' }
  /** Under the first key of the ring; all are read. */
  | { readonly kind: 'keys'; readonly keys: readonly SealingKey[] }
  | { readonly kind: 'none' }
  /**
   * Writes `to`, reads `to` then `from`. `to` is never `none`. Records of `from` are also read when they were made
   * without a key of the installation, so from `ticket` to `ticket` is the way to a first key.
   */
  | {
      readonly kind: 'migrate'
      readonly from: Sealing
      readonly to: Sealing
      /** When `from` is read no longer, in milliseconds since 1970. @defaultValue never */
      readonly until?: number | undefined
    }
