import type {
  CorsSpec,
  HeaderChanges,
  HeadersSpec,
  MiddlewareKind,
  MiddlewareSpec,
  RouteAction,
  SessionSpec,
} from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import { headerValue } from '../headers.ts'
import { maskUrl } from '../mask-query.ts'
import { captureIssuer } from '../middleware/capture.ts'
import type { RouteContext } from '../middleware/context.ts'
import { isPreflight, originTest } from '../middleware/cors.ts'
import { findSpec } from '../middleware/find-spec.ts'
import { capturingRoutes, loginLocation } from '../middleware/login.ts'
import { compileLocation } from '../middleware/redirect.ts'
import { compileRewrite } from '../middleware/rewrite.ts'
import { middlewareOrder } from '../middleware/table.ts'
import { readsSession } from '../sessions.ts'
import { canonicalPath, wirePath } from '../target.ts'

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
  cors: describeCors,
  session: (spec, exchange, context) => describeSession(spec.session, exchange, context),
  login: (spec, exchange, context) => describeLogin(spec.at, exchange, context),
  capture: (spec, _, { route }) => {
    const subject = spec.subject === undefined ? [] : [`${spec.subject} as identity (${captureIssuer(route.name)})`]
    const attributes = spec.attributes.map(({ attribute, header }) => `${header} as attribute "${attribute}"`)
    return `takes from the answer ${[...subject, ...attributes].join(', ')}; these headers go no further`
  },
  headers: describeHeaders,
  rewrite(spec, exchange, context) {
    const target = compileRewrite(spec.path)(exchange)
    context.checkTarget(target, exchange)
    return `makes the target ${maskUrl(target)}`
  },
  mirror: (spec) =>
    `sends ${spec.percent} % of the requests to upstream "${spec.upstream}" as well, and drops its answers`,
}

/**
 * What the chain of a route would do, in its order, what answers in the end as the last. A preflight ends at `cors`.
 */
export function describeChain(context: RouteContext, exchange: Exchange): Step[] {
  const steps = middlewareOrder.flatMap((kind) => describe(kind, context, exchange) ?? [])
  const last = steps.findIndex(({ kind }) => kind === 'cors' && isPreflight(exchange))
  if (last !== -1) return steps.slice(0, last + 1)
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
  const absent = bringsTicket(spec, exchange) ? '' : ', which this request does not bring'
  const starts = spec.mode === 'enforce' && !isPreflight(exchange)
  return `opens session "${name}" by ${where}${absent}${starts ? ', and starts one where there is none' : ''}`
}

function bringsTicket({ lookup, cookie }: SessionSpec, { request }: Exchange): boolean {
  if (lookup.kind === 'header') return headerValue(request.headers, lookup.name.toLowerCase()) !== undefined
  const names = (request.cookie ?? '').split(';').map((pair) => pair.split('=', 1)[0]!.trim())
  return names.some((name) => name === cookie.name || name.startsWith(`${cookie.name}.`))
}

function describeCors(spec: CorsSpec, exchange: Exchange): string {
  const origin = headerValue(exchange.request.headers, 'origin')
  if (origin === undefined) return `says which origins may read the answer: ${spec.origins.join(', ')}`
  const allowed = spec.origins.includes('*') || originTest(spec.origins)(origin)
  if (!isPreflight(exchange)) return `${allowed ? 'lets' : 'does not let'} pages of ${origin} read the answer`
  const missing = allowed ? notAllowed(spec, exchange) : `the origin ${origin} is not listed`
  return `answers this preflight with 204${missing === undefined ? ', and the browser sends the request' : `; ${missing}, so the browser does not send the request`}`
}

/** What a preflight asks for and does not get. */
function notAllowed(spec: CorsSpec, { request }: Exchange): string | undefined {
  const method = headerValue(request.headers, 'access-control-request-method')!
  const always = ['GET', 'HEAD', 'POST']
  if (!spec.methods.includes('*') && ![...always, ...spec.methods].includes(method))
    return `the method ${method} is not listed`
  const asked = (headerValue(request.headers, 'access-control-request-headers') ?? '')
    .split(',')
    .map((one) => one.trim())
  const listed = spec.headers.map((one) => one.toLowerCase())
  const header = asked.find((one) => one !== '' && !listed.includes('*') && !listed.includes(one.toLowerCase()))
  return header && `the header ${header} is not listed`
}

function describeHeaders({ request, response }: HeadersSpec): string {
  const said = [...changes('on the request', request), ...changes('on the answer', response)]
  return said.length === 0 ? 'changes nothing' : said.join('; ')
}

function changes(where: string, { set, add, remove }: HeaderChanges): string[] {
  const named = (verb: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${verb} ${[...new Set(names)].join(', ')}`]
  const said = [
    ...named(
      'sets',
      set.map(({ name }) => name),
    ),
    ...named(
      'adds',
      add.map(({ name }) => name),
    ),
    ...named('removes', remove),
  ]
  return said.length === 0 ? [] : [`${where} ${said.join(', ')}`]
}

function describeLogin(at: string, exchange: Exchange, { route, routes }: RouteContext): string {
  if (isPreflight(exchange)) return 'lets this preflight through'
  const { path, readings } = exchange.request
  if (path === canonicalPath(at) && readings === undefined) return 'lets the login page through'
  const location = loginLocation(wirePath(at), exchange)
  const otherwise = location === undefined ? 'gets 401' : `is led to ${maskUrl(location)} (303)`
  const learning = capturingRoutes(findSpec(route, 'session')?.session ?? '', routes).map(({ name }) => `"${name}"`)
  if (learning.length === 0) return `lets nobody through, since no route learns who signs in; everybody ${otherwise}`
  return `lets through who signed in by route ${learning.join(' or ')}; everybody else ${otherwise}`
}

function describeAction(action: RouteAction, exchange: Exchange): string {
  switch (action.kind) {
    case 'broken':
      return `answers 500: ${action.reason}`
    case 'redirect':
      return `answers ${action.status} and leads to ${maskUrl(compileLocation(action)(exchange))}`
    case 'proxy':
      return `forwards to upstream "${action.upstream}"`
  }
}
