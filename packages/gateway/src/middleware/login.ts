import type { LoginSpec, Route } from '@coatcheck/model'
import { isNavigation } from '../accept.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Middleware } from '../middleware.ts'
import type { Reply } from '../reply.ts'
import { canonicalPath, wirePath } from '../target.ts'
import { replyTo } from '../to-reply.ts'
import { captureIssuer } from './capture.ts'
import type { RouteContext } from './context.ts'
import { isPreflight } from './cors.ts'
import { findSpec } from './find-spec.ts'

/**
 * Lets requests through whose session has an identity that a `capture` route of the same session learned; leads people
 * to the application's own login page, and answers programs with 401. CORS preflights and the login page itself pass.
 *
 * @throws Error when the route has no session
 */
export function login(spec: LoginSpec, context: RouteContext): Middleware {
  const name = findSpec(context.route, 'session')?.session
  if (name === undefined || context.session(name).spec.mode === 'off') {
    throw new Error('it has login, and no session to keep who signed in')
  }
  const issuers = capturingIssuers(name, context)
  const page = canonicalPath(spec.at)
  const at = wirePath(spec.at)

  function passes(exchange: Exchange): boolean {
    const session = exchange.session
    const issuer = session?.state === 'open' ? session.get('identity')?.issuer : undefined
    if (issuer !== undefined && issuers.has(issuer)) return true
    const { path, readings } = exchange.request
    return (path === page && readings === undefined) || isPreflight(exchange)
  }

  return (next) =>
    function requireLogin(exchange) {
      return passes(exchange) ? next(exchange) : Promise.resolve(askForLogin(at, exchange))
    }
}

function capturingIssuers(session: string, { routes }: RouteContext): Set<string> {
  return new Set(capturingRoutes(session, routes).map((route) => captureIssuer(route.name)))
}

/** Routes that learn who signs in to this session. */
export function capturingRoutes(session: string, routes: readonly Route[]): Route[] {
  return routes.filter(
    (route) => findSpec(route, 'session')?.session === session && findSpec(route, 'capture')?.subject !== undefined,
  )
}

function askForLogin(at: string, exchange: Exchange): Reply {
  const { method, headers } = exchange.request
  const context = { id: exchange.id, method, headers }
  exchange.reason = 'login-required'
  const location = loginLocation(at, exchange)
  if (location !== undefined) {
    return replyTo(new GatewayError('login-required', 303, 'A navigation is led to the login page'), context, [
      'Location',
      location,
    ])
  }
  const error = new GatewayError('login-required', 401, 'The session has no identity that this route asks for')
  return replyTo(error, context, ['WWW-Authenticate', `Cookie form-action="${at}"`])
}

/**
 * Where a navigation without an identity is led; `undefined` for a request that is none.
 *
 * @param at the login page, as it stands in a request
 */
export function loginLocation(at: string, { request }: Exchange): string | undefined {
  const { method, headers, target, upgrade } = request
  if (upgrade !== undefined || !isNavigation(method, headers)) return undefined
  return isReturnTarget(method, target) ? `${at}?return=${encodeURIComponent(target)}` : at
}

/** Only what every browser takes for a path of the same site, and only what can be asked for again. */
function isReturnTarget(method: string, target: string): boolean {
  return (method === 'GET' || method === 'HEAD') && /^\/(?![/\\])/.test(target)
}
