import type { RedirectAction } from '@coatcheck/model'
import { parseAuthority } from '../authority.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Handler } from '../middleware.ts'
import { ownHeaders } from '../own-headers.ts'
import { reasonPhrase } from '../reason-phrase.ts'
import { compileRewrite } from './rewrite.ts'

/** Stands in the upstream's place. */
export function redirect(action: RedirectAction): Handler {
  const locate = compileLocation(action)
  return async function redirectTo(exchange) {
    const headers = ['Location', locate(exchange), 'Content-Length', '0', ...ownHeaders('redirect', exchange.id)]
    exchange.reason = 'redirect'
    return { status: action.status, statusText: reasonPhrase(action.status), headers, body: undefined }
  }
}

/**
 * Where a redirect leads: always an absolute URL, so that no path can pass for a host. A port that is not given is the
 * default of the scheme that is given, else the request's own.
 *
 * @see https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
export function compileLocation(action: RedirectAction): (exchange: Exchange) => string {
  const rewritten =
    action.path === undefined ? ({ outgoing }: Exchange) => outgoing.target : compileRewrite(action.path)
  return function locate(exchange) {
    const { request } = exchange
    const own = parseAuthority(request.authority)
    const host = action.host ?? own?.host
    if (host === undefined) throw new GatewayError('bad-host', 400, 'A redirect needs a host, and the request has none')
    const scheme = action.scheme ?? request.scheme
    const port = action.port ?? (action.scheme === undefined ? own?.port : undefined)
    const suffix = port === undefined || port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`
    const target = rewritten(exchange)
    return `${scheme}://${host}${suffix}${target === '*' ? '/' : target}`
  }
}
