import type { RouteSessionSpec } from '@coatcheck/model'
import { type Commit, commitOf } from '@coatcheck/session'
import { isNavigation } from '../accept.ts'
import { discard } from '../discard.ts'
import type { Exchange } from '../exchange.ts'
import { headerValue } from '../headers.ts'
import type { Middleware } from '../middleware.ts'
import type { Reply } from '../reply.ts'
import { type CompiledSession, readsSession } from '../sessions.ts'
import type { RouteContext } from './context.ts'
import { isPreflight } from './cors.ts'

/**
 * Opens the visitor's session, and commits it once, before the head of the answer goes back.
 *
 * Mode `enforce` starts one for every request but CORS preflights, which carry no cookie; `on-demand` opens one on
 * routes with `login` or `capture` alone; `off` never. A store that fails gives 503 and leaves the visitor's cookie as
 * it is, but for what may have been written all the same: its ticket goes back with the 503.
 */
export function session(spec: RouteSessionSpec, context: RouteContext): Middleware {
  const served = context.session(spec.session)
  if (!readsSession(served.spec, context.route)) return (next) => next
  const starts = served.spec.mode === 'enforce'
  return (next) =>
    async function withSession(exchange) {
      const opening = performance.now()
      try {
        exchange.session = await served.manager.open(presented(served, exchange))
      } finally {
        exchange.timings.store = performance.now() - opening
      }
      if (starts && !isPreflight(exchange)) exchange.session.start()
      let reply: Reply
      try {
        reply = await next(exchange)
      } catch (error) {
        reply = context.recover(error, exchange)
      }
      return commit(served, exchange, reply, context)
    }
}

function presented({ spec }: CompiledSession, { request, client }: Exchange) {
  const { headers } = request
  return {
    cookie: request.cookie,
    ticket: spec.lookup.kind === 'header' ? headerValue(headers, spec.lookup.name.toLowerCase()) : undefined,
    navigation: isNavigation(request.method, headers),
    address: client.address,
    userAgent: headerValue(headers, 'user-agent'),
  }
}

async function commit(
  served: CompiledSession,
  exchange: Exchange,
  reply: Reply,
  { recover }: RouteContext,
): Promise<Reply> {
  const committing = performance.now()
  try {
    tell(served, await exchange.session!.commit(), reply)
    return reply
  } catch (error) {
    discard(reply)
    const told = commitOf(error)
    if (told === undefined) throw error
    const failed = recover(error, exchange)
    tell(served, told, failed)
    return failed
  } finally {
    exchange.timings.store = exchange.timings.store! + performance.now() - committing
  }
}

/** What the browser is to hold stands behind the upstream's own cookies. */
function tell({ spec }: CompiledSession, { setCookie, ticket }: Commit, { headers }: Reply): void {
  for (const cookie of setCookie) headers.push('Set-Cookie', cookie)
  if (ticket !== undefined && spec.lookup.kind === 'header') headers.push(spec.lookup.name, ticket)
}
