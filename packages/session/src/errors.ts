/** Stable codes of everything that `@coatcheck/session` throws. Messages may improve at any time; codes do not change. */
export type SessionErrorCode =
  /** The store failed or did not answer: an outage, never a logout. */
  | 'ERR_STORE_UNAVAILABLE'
  /** A change could not be applied: the record changed under it three times, or all sessions of who signed in were ended meanwhile. */
  | 'ERR_STORE_CONFLICT'
  /** The sealed record is larger than `maxBytes`. */
  | 'ERR_SESSION_TOO_LARGE'
  /** The sealed cookie needs more parts than it may have. */
  | 'ERR_COOKIE_TOO_LARGE'
  /** The record was sealed under a key that this keyring does not hold. An outage of that session, not its absence. */
  | 'ERR_KEY_UNKNOWN'
  /** The gateways that share a store have no key in common: what one of them seals, the others could not open. */
  | 'ERR_KEYS_NOT_SHARED'
  /** An option or argument is wrong. */
  | 'ERR_INVALID_OPTION'
  /** The store cannot do what was asked, as revoking a sealed cookie. */
  | 'ERR_UNSUPPORTED'

/**
 * What a store may say of a write that failed. Without it nothing is certain: the write may have been done, or be done
 * later.
 */
export interface FailedWrite {
  /** It was certainly not done, and will not be. */
  readonly notExecuted?: boolean
  /** It was done, and may be lost when another server takes over: fewer servers have it than was asked for. */
  readonly unconfirmed?: boolean
}

/** The one error class of this package. */
export class SessionError extends Error implements FailedWrite {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  readonly notExecuted: boolean
  readonly unconfirmed: boolean
  constructor(code: SessionErrorCode, message: string, options: ErrorOptions & FailedWrite = {}) {
    super(message, options)
    this.code = code
    this.notExecuted = options.notExecuted ?? false
    this.unconfirmed = options.unconfirmed ?? false
  }
}
