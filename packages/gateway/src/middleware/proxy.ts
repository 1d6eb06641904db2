import type { ProxyAction } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import type { ForwardRequest } from '../forward.ts'
import type { Handler } from '../middleware.ts'
import { now } from '../now.ts'
import { sift } from '../sift.ts'
import type { RouteContext } from './context.ts'
import type { OwnNames } from './own-names.ts'

/** Sends the exchange to the route's upstream. `Host` is where `beginExchange` put it: first. */
export function proxy(action: ProxyAction, context: RouteContext, own: OwnNames): Handler {
  const forward = context.forward(action.upstream)

  return async function toUpstream(exchange) {
    if (action.host.kind === 'fixed') exchange.outgoing.headers[1] = action.host.value
    exchange.upstream = action.upstream
    const sent = now()
    try {
      const reply = await forward.send(forwardRequest(exchange, action, own))
      own.fromReply(reply.headers)
      return reply
    } finally {
      exchange.timings.upstream = now() - sent
    }
  }
}

function forwardRequest(exchange: Exchange, action: ProxyAction, own: OwnNames): ForwardRequest {
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
      own.fromTrailers(headers)
      connection.inform(status, statusText, headers)
    },
    onBodyWanted: () => connection.bodyWanted(),
    trailers(received) {
      const { headers } = sift(received)
      headers.splice(0, 2)
      own.fromRequest(headers)
      return headers
    },
    replyTrailers: own.fromTrailers,
    onTarget(target) {
      exchange.target = target
    },
  }
}
