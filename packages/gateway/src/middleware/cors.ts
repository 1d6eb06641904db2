import type { CorsSpec } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import { headerValue, isNamed, removeHeaders } from '../headers.ts'
import type { Middleware } from '../middleware.ts'
import { ownHeaders } from '../own-headers.ts'
import { reasonPhrase } from '../reason-phrase.ts'
import type { Reply } from '../reply.ts'
import type { RouteContext } from './context.ts'

/** A browser's question before a request to another origin (Fetch standard, CORS protocol). It carries no cookie. */
export function isPreflight({ request }: Exchange): boolean {
  return (
    request.method === 'OPTIONS' &&
    headerValue(request.headers, 'origin') !== undefined &&
    headerValue(request.headers, 'access-control-request-method') !== undefined
  )
}

/**
 * Answers preflights itself, and says in every other answer of the route, errors too, which origins may read it. What
 * the upstream says of that is removed: the route decides. With origin `*` nobody gets credentials, only origins that
 * are named.
 */
export function cors(spec: CorsSpec, context: RouteContext): Middleware {
  const allows = originTest(spec.origins)
  const anyOrigin = spec.origins.includes('*')
  const exposed = spec.exposeHeaders.join(', ')

  /** What `Access-Control-Allow-Origin` says, and whether cookies are welcome. */
  function addOrigin(origin: string | undefined, headers: string[]): boolean {
    if (!anyOrigin || spec.credentials) addVary(headers, 'Origin')
    if (origin === undefined) return false
    const named = allows(origin)
    if (!named && !anyOrigin) return false
    headers.push('Access-Control-Allow-Origin', named ? origin : '*')
    if (named && spec.credentials) headers.push('Access-Control-Allow-Credentials', 'true')
    return true
  }

  function preflight(exchange: Exchange): Reply {
    const asked = exchange.request.headers
    const headers: string[] = []
    if (addOrigin(headerValue(asked, 'origin'), headers)) {
      const method = headerValue(asked, 'access-control-request-method')!
      headers.push('Access-Control-Allow-Methods', spec.methods.includes('*') ? method : spec.methods.join(', '))
      const wanted = headerValue(asked, 'access-control-request-headers')
      const allowed = spec.headers.includes('*') ? wanted : spec.headers.join(', ')
      if (allowed !== undefined && allowed !== '') headers.push('Access-Control-Allow-Headers', allowed)
      headers.push('Access-Control-Max-Age', String(Math.floor(spec.maxAge / 1000)))
    }
    addVary(headers, 'Access-Control-Request-Method, Access-Control-Request-Headers')
    headers.push(...ownHeaders('cors-preflight', exchange.id))
    exchange.reason = 'cors-preflight'
    return { status: 204, statusText: reasonPhrase(204), headers, body: undefined }
  }

  return (next) =>
    async function withCors(exchange) {
      if (isPreflight(exchange)) return preflight(exchange)
      let reply: Reply
      try {
        reply = await next(exchange)
      } catch (error) {
        reply = context.recover(error, exchange)
      }
      removeHeaders(reply.headers, (name) => /^access-control-/i.test(name))
      if (addOrigin(headerValue(exchange.request.headers, 'origin'), reply.headers) && exposed !== '') {
        reply.headers.push('Access-Control-Expose-Headers', exposed)
      }
      return reply
    }
}

/** Exact origins, and `https://*.example.com` for one label or more. */
export function originTest(origins: readonly string[]): (origin: string) => boolean {
  const exact = new Set(origins)
  const wildcards = origins.filter((origin) => origin.includes('://*.')).map((origin) => origin.split('*.', 2))
  return function allows(origin) {
    if (origin === '*') return false
    if (exact.has(origin)) return true
    return wildcards.some(([scheme, suffix]) => {
      const end = `.${suffix}`
      const middle = origin.slice(scheme!.length, -end.length)
      return origin.startsWith(scheme!) && origin.endsWith(end) && /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(middle)
    })
  }
}

function addVary(headers: string[], names: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (!isNamed(headers[i]!, 'vary')) continue
    if (headers[i + 1] !== '*') headers[i + 1] += `, ${names}`
    return
  }
  headers.push('Vary', names)
}
