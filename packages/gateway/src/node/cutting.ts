import { GatewayError } from '../errors.ts'
import type { Connection } from './connection.ts'

/** Ends a connection at once, with all that is under way on it; the log says why. */
export function cutOff(client: Connection, why: GatewayError): void {
  client.cut ??= why
  client.socket.destroy()
}

/** The client left of its own accord: nothing else ended its connection or stream. */
export function clientLeft(): GatewayError {
  const what = 'The connection or stream of the client ended before the end of the answer'
  return new GatewayError('client-gone', 499, what)
}

/** It takes no byte of its answer, for the listener's `timeouts.idle`. */
export function clientStalled(): GatewayError {
  return new GatewayError('client-timeout', 408, 'The client stopped reading its answer; the gateway ended it')
}

/** The time for what was under way is over. */
export function stopping(): GatewayError {
  return new GatewayError('shutting-down', 503, 'It was still under way when the gateway stopped')
}

/** @param what as nghttp2 names it: it does not say which stream is meant */
export function brokenHttp2(what: string): GatewayError {
  return new GatewayError('bad-request', 400, `What the client sent over its connection is not HTTP/2: ${what}`)
}

/** Above what a connection may have at once. */
export function tooManyStreams(): GatewayError {
  return new GatewayError('bad-request', 400, 'The client went on opening more streams than it may')
}

/** As many as only a client opens that does not want its answers (CVE-2023-44487). */
export function tooManyResets(): GatewayError {
  return new GatewayError('bad-request', 400, 'The client reset streams faster than it may')
}
