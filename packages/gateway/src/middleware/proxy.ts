import type { ProxyAction, Route } from '@coatcheck/model'
import { parseAuthority } from '../authority.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { ForwardRequest } from '../forward.ts'
import { type HeaderList, headerValue } from '../headers.ts'
import type { Handler } from '../middleware.ts'
import type { OwnNames } from '../own-names.ts'
import { sift } from '../sift.ts'
import { stripAliases } from '../strip-aliases.ts'
import { capturedHeaders } from './capture.ts'
import type { RouteContext } from './context.ts'
import { findSpec } from './find-spec.ts'

/** Sends the exchange to the route's upstream. `Host` is where `beginExchange` put it: first. */
export function proxy(action: ProxyAction, context: RouteContext, own: OwnNames): Handler {
  const forward = context.forward(action.upstream)
  const checkOrigin = compileOriginCheck(context, action.webSocketOrigins)
  const fromInformation = informationFilter(context.route, own)

  return async function toUpstream(exchange) {
    if (exchange.request.upgrade !== undefined) checkOrigin?.(exchange)
    if (action.host.kind === 'fixed') exchange.outgoing.headers[1] = action.host.value
    exchange.upstream = action.upstream
    const sent = performance.now()
    try {
      const reply = await forward.send(forwardRequest(exchange, action, own, fromInformation))
      own.fromReply(reply.headers)
      return reply
    } finally {
      exchange.timings.upstream = performance.now() - sent
    }
  }
}

function forwardRequest(
  exchange: Exchange,
  action: ProxyAction,
  own: OwnNames,
  filter: (headers: HeaderList) => void,
): ForwardRequest {
  const { request, outgoing, connection } = exchange
  return {
    method: outgoing.method,
    target: outgoing.target,
    headers: outgoing.headers,
    body: request.body,
    contentLength: request.contentLength,
    upgrade: request.upgrade,
    // HTTP/1.0 may come without a host; an upstream has to get one.
    hostFromTarget: action.host.kind === 'target' || (action.host.kind === 'keep' && request.authority === ''),
    signal: connection,
    onInformation(status, statusText, headers) {
      filter(headers)
      connection.inform(status, statusText, headers)
    },
    onBodyWanted: () => connection.bodyWanted(),
    trailers(received) {
      const { headers } = sift(received)
      headers.splice(0, 2)
      own.fromRequest(headers)
      return headers
    },
    onTarget(target) {
      exchange.target = target
    },
  }
}

/** A 1xx is held to what holds for the answer: what `capture` takes goes no further, and no ticket is replaced. */
function informationFilter(route: Route, own: OwnNames): (headers: HeaderList) => void {
  const capture = findSpec(route, 'capture')
  const isCaptured = capture && capturedHeaders(capture)
  return (headers) => {
    if (isCaptured !== undefined) stripAliases(headers, isCaptured)
    own.fromReply(headers)
  }
}

/**
 * A page of another site may open a WebSocket with the visitor's cookies (no CORS there). So on routes with a session that
 * cookies carry, `Origin` has to be there and be the own host or listed.
 *
 * @see OWASP ASVS 5.0, 4.4.2
 */
function compileOriginCheck({ route, session }: RouteContext, listed: readonly string[]) {
  const spec = findSpec(route, 'session')
  if (spec === undefined) return undefined
  const { mode, lookup } = session(spec.session).spec
  if (mode === 'off' || lookup.kind === 'header') return undefined
  const origins = new Set(listed.map((origin) => origin.toLowerCase()))

  return function checkOrigin({ request }: Exchange): void {
    const origin = headerValue(request.headers, 'origin')?.toLowerCase()
    if (origin !== undefined && (origins.has(origin) || isOwnOrigin(origin, request))) return
    throw new GatewayError(
      'origin-refused',
      403,
      `A WebSocket was asked for from origin ${JSON.stringify(origin ?? 'none')}`,
    )
  }
}

/** TLS may end in front of us, so `https` is taken on a plain listener; `http` is not taken on an encrypted one. */
function isOwnOrigin(origin: string, { authority, scheme }: Exchange['request']): boolean {
  const [, originScheme, rest] = /^(https?):\/\/(.+)$/.exec(origin) ?? []
  const theirs = rest === undefined ? undefined : parseAuthority(rest)
  const ours = parseAuthority(authority)
  if (theirs === undefined || ours === undefined) return false
  if (scheme === 'https' && originScheme === 'http') return false
  const port = originScheme === 'https' ? 443 : 80
  return theirs.host === ours.host && (theirs.port ?? port) === (ours.port ?? port)
}
