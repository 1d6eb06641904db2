import { type ErrorCode, GatewayError } from '../errors.ts'
import type { UpstreamErrorReason } from '../ports.ts'
import { describeTlsError } from './tls.ts'

/** What can go wrong at one target, each as the error that the client's answer is made of. */
export class Failures {
  readonly #where: string

  /** @param upstream its name @param address `host:port` */
  constructor(upstream: string, address: string) {
    this.#where = `Upstream "${upstream}" at ${address}`
  }

  connect(cause: NodeJS.ErrnoException): GatewayError {
    const tls = describeTlsError(cause)
    const what = tls
      ? `cannot be trusted or trusts us not: ${tls}`
      : `cannot be reached (${cause.code ?? cause.message})`
    return this.#make('upstream-connect', 502, `${what}. Nothing of the request was sent to it.`, cause)
  }

  connectTimeout(limit: number): GatewayError {
    const what = `did not accept a connection within ${limit} ms. Nothing of the request was sent to it.`
    return this.#make('upstream-connect-timeout', 504, what)
  }

  responseTimeout(limit: number): GatewayError {
    const what = `sent no response headers within ${limit} ms after the request. It may have acted on it.`
    return this.#make('upstream-timeout', 504, what)
  }

  idleTimeout(limit: number): GatewayError {
    const what = `neither took nor sent a byte for ${limit} ms in the middle of a body.`
    return this.#make('upstream-timeout', 504, what)
  }

  reset(cause: NodeJS.ErrnoException | undefined): GatewayError {
    const why = cause ? ` (${describeTlsError(cause) ?? cause.code ?? cause.message})` : ''
    const what = `closed the connection before its response was complete${why}. It may have acted on the request.`
    return this.#make('upstream-reset', 502, what, cause)
  }

  malformed(cause: Error): GatewayError {
    const what = `sent a response that is not valid HTTP/1.1: ${cause.message}. The connection was closed.`
    return this.#make('upstream-protocol', 502, what, cause)
  }

  #make(code: ErrorCode, status: number, what: string, cause?: Error): GatewayError {
    return new GatewayError(code, status, `${this.#where} ${what}`, cause && { cause })
  }
}

/** No target has a weight, or all were tried and none is left. */
export const unavailable = (upstream: string): GatewayError =>
  new GatewayError('upstream-unavailable', 503, `Upstream "${upstream}" has no target with a weight above 0.`)

/** 499 is never sent: nobody is there to read it. */
export const clientGone = (): GatewayError =>
  new GatewayError('client-gone', 499, 'The client left before the answer. The upstream request was ended.')

export const uploadMismatch = (): GatewayError =>
  new GatewayError('bad-framing', 400, 'The body is not as long as its Content-Length. The upstream request was ended.')

/** The metric label of a failure; `undefined` for what is not the upstream's doing. */
export function reasonOf(error: GatewayError): UpstreamErrorReason | undefined {
  return reasons[error.code]
}

const reasons: { readonly [code in ErrorCode]?: UpstreamErrorReason } = {
  'upstream-connect': 'connect',
  'upstream-connect-timeout': 'connect_timeout',
  'upstream-timeout': 'timeout',
  'upstream-reset': 'reset',
  'upstream-protocol': 'protocol',
  'upstream-unavailable': 'unavailable',
}
