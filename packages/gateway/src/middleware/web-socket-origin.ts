import { parseAuthority } from '../authority.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { headerValues } from '../headers.ts'
import { readsSession } from '../sessions.ts'
import type { RouteContext } from './context.ts'
import { findSpec } from './find-spec.ts'

/**
 * A page of another site may open a WebSocket with the visitor's cookies (no CORS there). So on routes with a session
 * that cookies carry, `Origin` has to be there, once, and be the own host or listed; unless the route neither reads it,
 * nor passes its ticket on, nor lists origins. Asked before the chain, so that a refused socket starts no session.
 *
 * @see OWASP ASVS 5.0, 4.4.2
 */
export function compileOriginCheck({ route, session }: RouteContext, listed: readonly string[]) {
  const spec = findSpec(route, 'session')
  if (spec === undefined) return undefined
  const served = session(spec.session).spec
  if (served.mode === 'off' || served.lookup.kind === 'header') return undefined
  if (!readsSession(served, route) && !served.forward && listed.length === 0) return undefined
  const origins = new Set(listed.map((origin) => origin.toLowerCase()))

  return function checkOrigin({ request }: Exchange): void {
    if (request.upgrade === undefined) return
    const [origin, ...more] = headerValues(request.headers, 'origin').map((one) => one.toLowerCase())
    if (origin !== undefined && more.length === 0 && (origins.has(origin) || isOwnOrigin(origin, request))) return
    throw new GatewayError(
      'origin-refused',
      403,
      `A WebSocket was asked for from origin ${JSON.stringify([origin ?? 'none', ...more].join(', '))}`,
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
