import type { MiddlewareKind, MiddlewareSpec, RouteAction } from '@coatcheck/model'
import { isNavigation } from '../accept.ts'
import type { Exchange } from '../exchange.ts'
import { captureIssuer } from '../middleware/capture.ts'
import type { RouteContext } from '../middleware/context.ts'
import { isPreflight } from '../middleware/cors.ts'
import { findSpec } from '../middleware/find-spec.ts'
import { compileLocation } from '../middleware/redirect.ts'
import { compileRewrite } from '../middleware/rewrite.ts'
import { middlewareOrder } from '../middleware/table.ts'
import { readsSession } from '../sessions.ts'
import { canonicalPath } from '../target.ts'

/** What one part of the chain would do. */
export interface Step {
  readonly kind: MiddlewareKind | RouteAction['kind']
  readonly does: string
}

type Describe<K extends MiddlewareKind> = (
  spec: Extract<MiddlewareSpec, { kind: K }>,
  exchange: Exchange,
  context: RouteContext,
) => string

/** A kind that does not say what it would do does not compile. */
const describers: { readonly [K in MiddlewareKind]: Describe<K> } = {
  cors: (spec, exchange) =>
    isPreflight(exchange)
      ? 'answers this preflight itself; nothing further happens'
      : `says which origins may read the answer: ${spec.origins.join(', ')}`,
  session: (spec, exchange, context) => describeSession(spec.session, exchange, context),
  login: (spec, exchange) => describeLogin(spec.at, exchange),
  capture: (spec, _, { route }) => {
    const subject = spec.subject === undefined ? [] : [`${spec.subject} as identity (${captureIssuer(route.name)})`]
    const attributes = spec.attributes.map(({ attribute, header }) => `${header} as attribute "${attribute}"`)
    return `takes from the answer ${[...subject, ...attributes].join(', ')}; these headers go no further`
  },
  headers: ({ request, response }) =>
    `changes ${request.set.length + request.add.length + request.remove.length} headers of the request and ` +
    `${response.set.length + response.add.length + response.remove.length} of the answer`,
  rewrite: (spec, exchange) => `makes the target ${compileRewrite(spec.path)(exchange)}`,
  mirror: (spec) =>
    `sends ${spec.percent} % of the requests to upstream "${spec.upstream}" as well, and drops its answers`,
}

/** What the chain of a route would do, in its order, what answers in the end as the last. */
export function describeChain(context: RouteContext, exchange: Exchange): Step[] {
  const steps = middlewareOrder.flatMap((kind) => describe(kind, context, exchange) ?? [])
  return [...steps, { kind: context.route.action.kind, does: describeAction(context.route.action, exchange) }]
}

function describe<K extends MiddlewareKind>(kind: K, context: RouteContext, exchange: Exchange): Step | undefined {
  const spec = findSpec(context.route, kind)
  return spec && { kind, does: describers[kind](spec, exchange, context) }
}

function describeSession(name: string, exchange: Exchange, context: RouteContext): string {
  const { spec } = context.session(name)
  if (spec.mode === 'off') return `session "${name}" is off: none is read and none is made`
  if (!readsSession(spec, context.route)) {
    return `session "${name}" is on demand, and this route has neither login nor capture: none is read and none is made`
  }
  const where = spec.lookup.kind === 'cookie' ? `the cookie ${spec.cookie.name}` : `the header ${spec.lookup.name}`
  const starts = spec.mode === 'enforce' && !isPreflight(exchange)
  return `opens session "${name}" by ${where}${starts ? ', and starts one where there is none' : ''}`
}

function describeLogin(at: string, exchange: Exchange): string {
  if (isPreflight(exchange)) return 'lets this preflight through'
  const { method, headers, path, readings } = exchange.request
  if (path === canonicalPath(at) && readings === undefined) return 'lets the login page through'
  const otherwise = isNavigation(method, headers) ? `is led to ${at} (303)` : 'gets 401'
  return `lets through who has an identity that a capture route of the same session learned; everybody else ${otherwise}`
}

function describeAction(action: RouteAction, exchange: Exchange): string {
  switch (action.kind) {
    case 'broken':
      return `answers 500: ${action.reason}`
    case 'redirect':
      return `answers ${action.status} and leads to ${compileLocation(action)(exchange)}`
    case 'proxy':
      return `forwards to upstream "${action.upstream}"`
  }
}
