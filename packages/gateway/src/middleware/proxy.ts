import type { ProxyAction, Route } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import type { ForwardRequest } from '../forward.ts'
import type { HeaderList } from '../headers.ts'
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
  const fromInformation = informationFilter(context.route, own)

  return async function toUpstream(exchange) {
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
