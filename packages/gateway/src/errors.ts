/** Stable codes of the answers that the gateway gives itself. Each has an entry in `docs/reference/errors.md`. */
export type ErrorCode =
  // the request
  | 'bad-request'
  | 'bad-target'
  | 'ambiguous-target'
  | 'bad-host'
  | 'bad-framing'
  | 'method-not-supported'
  | 'headers-too-large'
  | 'too-many-headers'
  | 'target-too-long'
  | 'request-timeout'
  | 'client-timeout'
  | 'client-certificate-invalid'
  // routing and policy
  | 'no-route'
  | 'route-broken'
  | 'login-required'
  | 'origin-refused'
  | 'redirect'
  | 'cors-preflight'
  // session
  | 'store-unavailable'
  | 'session-conflict'
  | 'session-too-large'
  | 'session-key-unknown'
  // upstream
  | 'upstream-connect'
  | 'upstream-connect-timeout'
  | 'upstream-timeout'
  | 'upstream-reset'
  | 'upstream-protocol'
  | 'upstream-unavailable'
  | 'client-gone'
  // us
  | 'shutting-down'
  | 'internal'

export interface GatewayErrorOptions extends ErrorOptions {
  readonly retryAfter?: number
  /**
   * What the client may read instead of the code's own sentence (`error-page.ts`). Nothing secret, nothing of the
   * inside.
   */
  readonly detail?: string
}

/** Thrown anywhere on an exchange's way; becomes an answer in one place, `toReply`. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly status: number
  /** Seconds for `Retry-After`. */
  readonly retryAfter: number | undefined
  /** What the client may read; `message` is for logs. */
  readonly detail: string | undefined
  constructor(code: ErrorCode, status: number, message: string, options?: GatewayErrorOptions) {
    super(message, options)
    this.code = code
    this.status = status
    this.retryAfter = options?.retryAfter
    this.detail = options?.detail
  }
}

/** What it says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
