import { inspect } from 'node:util'
import { SessionError, type SessionErrorCode } from '@coatcheck/session'
import { prefersHtml } from './accept.ts'
import { pagePolicy, problemJson, problemPage, sentenceOf } from './error-page.ts'
import { GatewayError } from './errors.ts'
import type { HeaderList } from './headers.ts'
import { ownHeaders } from './own-headers.ts'
import type { Log } from './ports.ts'
import { reasonPhrase } from './reason-phrase.ts'
import type { Reply } from './reply.ts'

/**
 * Of the request, what an error's answer needs. An exchange: `{ id, method: request.method, headers: request.headers
 * }`.
 */
export interface ErrorContext {
  readonly id: string
  readonly method: string
  readonly headers: HeaderList
}

/**
 * The one place where something thrown becomes an answer: problem+json, or a small page where the client prefers HTML.
 * Whatever is no GatewayError and no SessionError is answered as `internal`; all that is, is logged under the request's
 * id.
 */
export function toReply(error: unknown, context: ErrorContext, log: Log): Reply {
  return replyTo(toGatewayError(error, context.id, log), context)
}

/** The answer to an error that is known. `extra` headers stand first. */
export function replyTo(error: GatewayError, context: ErrorContext, extra: HeaderList = []): Reply {
  const { status, code, detail = sentenceOf(code), retryAfter } = error
  const html = prefersHtml(context.headers)
  const problem = { status, code, detail, requestId: context.id }
  const body = Buffer.from(html ? problemPage(problem) : problemJson(problem))
  const headers = [...extra, 'Content-Type', html ? 'text/html; charset=utf-8' : 'application/problem+json']
  headers.push('Content-Length', String(body.length), 'Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff')
  if (html) headers.push('Content-Security-Policy', pagePolicy, 'Referrer-Policy', 'no-referrer')
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter))
  headers.push(...ownHeaders(code, context.id))
  return { status, statusText: reasonPhrase(status), headers, body: context.method === 'HEAD' ? undefined : body }
}

/** What was thrown, as an error that has a code. */
export function toGatewayError(error: unknown, id: string, log: Log): GatewayError {
  if (error instanceof GatewayError) {
    if (error.code === 'internal') logUnknown(error.message, error.cause ?? error, id, log)
    return error
  }
  if (error instanceof SessionError) {
    const known = sessionErrors[error.code]
    if (known !== undefined) {
      const [code, status, retryAfter] = known
      const options = { cause: error, ...(retryAfter === undefined ? {} : { retryAfter }) }
      return new GatewayError(code, status, error.message, options)
    }
  }
  logUnknown('A request failed in a way that the gateway does not know', error, id, log)
  return new GatewayError('internal', 500, 'An unexpected error; the log has it under the request id', { cause: error })
}

function logUnknown(message: string, error: unknown, id: string, log: Log): void {
  log.error(message, {
    http: { request: { id } },
    error: error instanceof Error ? { message: error.message, stack_trace: error.stack } : { message: inspect(error) },
  })
}

/** An outage is not a logout: 503, and the cookie stays as it is. What is missing here is a mistake of the gateway. */
const sessionErrors: Readonly<
  Partial<Record<SessionErrorCode, readonly [code: GatewayError['code'], status: number, retryAfter?: number]>>
> = {
  ERR_STORE_UNAVAILABLE: ['store-unavailable', 503, 2],
  ERR_KEY_UNKNOWN: ['session-key-unknown', 503, 2],
  ERR_STORE_CONFLICT: ['session-conflict', 503, 1],
  ERR_SESSION_TOO_LARGE: ['session-too-large', 500],
  ERR_COOKIE_TOO_LARGE: ['session-too-large', 500],
}
