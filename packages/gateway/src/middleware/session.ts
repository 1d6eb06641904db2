import type { RouteSessionSpec } from '@coatcheck/model'
import { type Commit, commitOf, type Presented } from '@coatcheck/session'
import { isNavigation } from '../accept.ts'
import { discard } from '../discard.ts'
import type { Exchange, IncomingRequest } from '../exchange.ts'
import { headerValue } from '../headers.ts'
import type { Middleware } from '../middleware.ts'
import { now } from '../now.ts'
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
      const opening = now()
      try {
        exchange.session = await served.manager.open(new Visitor(served, exchange))
      } finally {
        exchange.timings.store = now() - opening
      }
      if (starts && !isPreflight(exchange)) exchange.session.start()
      let reply: Reply
      try {
        reply = await next(exchange)
      } catch (error) {
        reply = context.recover(error, exchange)
      }
      // here, since an async function of its own would cost each request a promise more
      const committing = now()
      try {
        tell(served, await exchange.session.commit(), reply)
        return reply
      } catch (error) {
        return uncommitted(served, exchange, reply, error, context)
      } finally {
        exchange.timings.store += now() - committing
      }
    }
}

/** What a visitor brings. A class, so that what only a new session or a stale ticket asks for is not looked up before. */
class Visitor implements Presented {
  readonly cookie: string | undefined
  readonly ticket: string | undefined
  readonly address: string
  readonly #request: IncomingRequest

  constructor({ spec }: CompiledSession, { request, client }: Exchange) {
    this.cookie = request.cookie
    this.ticket =
      spec.lookup.kind === 'header' ? headerValue(request.headers, spec.lookup.name.toLowerCase()) : undefined
    this.address = client.address
    this.#request = request
  }

  get navigation(): boolean {
    return isNavigation(this.#request.method, this.#request.headers)
  }
  get userAgent(): string | undefined {
    return headerValue(this.#request.headers, 'user-agent')
  }
}

function uncommitted(
  served: CompiledSession,
  exchange: Exchange,
  reply: Reply,
  error: unknown,
  { recover }: RouteContext,
): Reply {
  discard(reply)
  const told = commitOf(error)
  if (told === undefined) throw error
  const failed = recover(error, exchange)
  tell(served, told, failed)
  return failed
}

/** What the browser is to hold stands behind the upstream's own cookies. */
function tell({ spec }: CompiledSession, { setCookie, ticket }: Commit, { headers }: Reply): void {
  for (const cookie of setCookie) headers.push('Set-Cookie', cookie)
  if (ticket !== undefined && spec.lookup.kind === 'header') headers.push(spec.lookup.name, ticket)
}
