import type { GatewayModel, HeadersSpec, ProxyAction, Route, UpstreamSpec } from '@coatcheck/model'
import { beginExchange } from '../begin.ts'
import { GatewayError, messageOf } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderList } from '../headers.ts'
import { compileListener } from '../listener.ts'
import { maskUrl } from '../mask-query.ts'
import type { RouteContext } from '../middleware/context.ts'
import { findSpec } from '../middleware/find-spec.ts'
import { compileOwnNames } from '../middleware/own-names.ts'
import { compileRewrite } from '../middleware/rewrite.ts'
import { compileOriginCheck } from '../middleware/web-socket-origin.ts'
import { readRoute } from '../read-matches.ts'
import { segmentsOf } from '../router/precedence.ts'
import type { SecretReader } from '../secret-text.ts'
import { readsSession } from '../sessions.ts'
import { compileTemplate, speaksOfVisitor } from '../template-value.ts'
import { type Candidate, chooseRoute, type LowerCandidate } from './candidates.ts'
import { chooseListener, describeListener } from './listener.ts'
import { maskHeader } from './mask.ts'
import { offlineContext, type ReadModel, requestFor } from './offline.ts'
import { otherReading, type Refusal } from './other-reading.ts'
import { describeChain, type Step } from './steps.ts'

export type { Refusal } from './other-reading.ts'

/** A request to think through. */
export interface ExplainedRequest {
  readonly method: string
  /** Absolute, `http` or `https`. The explanation shows it without secrets. */
  readonly url: string
  /** `Host` is taken from the URL. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Name of the listener that it comes in through. @defaultValue by the URL's scheme and port */
  readonly listener?: string | undefined
}

/** What the gateway would do with a request. */
export interface Explanation {
  readonly method: string
  readonly url: string
  /** What the request comes in through, and why it is taken to. */
  readonly listener: ListenerView
  /** The gateway would answer itself before any route's chain. */
  readonly refused: Refusal | undefined
  /** The path that routes are chosen by. */
  readonly path: string | undefined
  readonly route: string | undefined
  /** In the order in which they are tried, the one that takes the request as the last. */
  readonly candidates: readonly Candidate[]
  /** What would take the request, were there not the route that does. */
  readonly lower: readonly LowerCandidate[]
  /** What the route's chain would do, in its order. */
  readonly steps: readonly Step[]
  /** What the upstream would get once every middleware lets the request through; secrets are masked. */
  readonly upstream: UpstreamView | undefined
}

export interface ListenerView {
  readonly name: string
  /** Address, and `plain` or `TLS`. */
  readonly is: string
  readonly reason: string
}

export interface UpstreamView {
  readonly name: string
  readonly urls: readonly string[]
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/**
 * Says what a gateway of this model would do with a request, without a socket, a store or an upstream. The request
 * comes in through one listener, from a peer that is no trusted proxy.
 *
 * @param secret reads the values that matches compare with; they are not in the explanation
 * @throws TypeError when the URL is none, RangeError when there is no listener of that name, Error when a value cannot
 * be read
 */
export function explain(written: GatewayModel, asked: ExplainedRequest, secret: SecretReader = unread): Explanation {
  const model = { ...written, routes: written.routes.map((route) => readRoute(route, secret)) }
  const { method, url: text, headers } = asked
  const url = new URL(text)
  const { listener, scheme, reason } = chooseListener(model, url, asked.listener)
  const through = { name: listener.name, is: describeListener(listener), reason }
  const nothing = { refused: undefined, path: undefined, route: undefined, upstream: undefined }
  const start = { method, url: maskUrl(text), listener: through, ...nothing, candidates: [], lower: [], steps: [] }
  try {
    const untrusting = compileListener({ ...listener, trustedProxies: [] })
    const exchange = beginExchange(untrusting, requestFor(method, text, url, scheme, headers))
    return { ...start, ...explainExchange(model, exchange) }
  } catch (error) {
    return { ...start, refused: refusal(error) }
  }
}

const unread: SecretReader = () => {
  throw new Error('a value that lies elsewhere is asked for, and nothing to read it by was given')
}

function refusal(error: unknown): Refusal {
  if (!(error instanceof GatewayError)) throw error
  return { status: error.status, code: error.code, message: error.detail ?? error.message }
}

function explainExchange(model: ReadModel, exchange: Exchange): Partial<Explanation> {
  const { request } = exchange
  const { route, match, candidates, lower } = chooseRoute(model.routes, request)
  const known = { path: request.path, route: route?.name, candidates, lower }
  const ambiguous = otherReading(model.routes, request, request.readings, route)
  if (ambiguous !== undefined) return { ...known, refused: ambiguous }
  if (route === undefined || match === undefined) {
    return { ...known, refused: { status: 404, code: 'no-route', message: 'no route takes this request' } }
  }
  exchange.route = route.name
  exchange.matchedSegments = match.path.kind === 'prefix' ? segmentsOf(match.path.value).length : -1
  return { ...known, ...explainRoute(model, route, exchange) }
}

/** A route that cannot be compiled is broken, and says why. */
function explainRoute(model: ReadModel, route: Route, exchange: Exchange): Partial<Explanation> {
  const { action } = route
  try {
    const context = offlineContext(model, route)
    if (action.kind === 'proxy') compileOriginCheck(context, action.webSocketOrigins)?.(exchange)
    const steps = describeChain(context, exchange)
    if (action.kind !== 'proxy' || steps.at(-1)?.kind !== 'proxy') return { steps }
    return { steps, upstream: upstreamView(model, action, context, exchange) }
  } catch (error) {
    if (error instanceof GatewayError) return { refused: refusal(error) }
    return {
      steps: [{ kind: 'broken', does: `answers 500: ${messageOf(error)}` }],
    }
  }
}

function upstreamView(
  model: ReadModel,
  action: ProxyAction,
  context: RouteContext,
  exchange: Exchange,
): UpstreamView | undefined {
  const spec = model.upstreams.find(({ name }) => name === action.upstream)
  if (spec === undefined) throw new Error(`it names upstream "${action.upstream}", which is not defined`)
  const { outgoing, request } = exchange
  const rewrite = findSpec(context.route, 'rewrite')
  compileOwnNames(context).fromRequest(outgoing.headers)
  addHeaders(findSpec(context.route, 'headers'), exchange, opensSession(context))
  outgoing.headers[1] = hostFor(action, spec, outgoing.headers[1]!)
  if (request.upgrade !== undefined) outgoing.headers.push('Connection', 'Upgrade', 'Upgrade', request.upgrade)
  return {
    name: spec.name,
    urls: spec.targets.map(({ url }) => url),
    method: outgoing.method,
    target: maskUrl(rewrite === undefined ? outgoing.target : compileRewrite(rewrite.path)(exchange)),
    headers: visibleHeaders(outgoing.headers, exchange.id, secretHeaders(model)),
  }
}

function hostFor({ host }: ProxyAction, { targets }: UpstreamSpec, own: string): string {
  if (host.kind === 'keep') return own
  if (host.kind === 'fixed') return host.value
  const hosts = new Set(targets.map(({ url }) => new URL(url).host))
  return hosts.size === 1 ? [...hosts][0]! : '(that of the target whose turn it is)'
}

function opensSession({ route, session }: RouteContext): boolean {
  const spec = findSpec(route, 'session')
  return spec !== undefined && readsSession(session(spec.session).spec, route)
}

/** What depends on a session stands as it is written in the configuration; where none is opened, it has no value. */
function addHeaders(spec: HeadersSpec | undefined, exchange: Exchange, withSession: boolean): void {
  if (spec === undefined) return
  for (const { name, value } of [...spec.request.set, ...spec.request.add]) {
    const text = typeof value === 'string' ? filledTemplate(value, exchange, withSession) : '[secret]'
    if (text !== undefined) exchange.outgoing.headers.push(name, text)
  }
}

function filledTemplate(value: string, exchange: Exchange, withSession: boolean): string | undefined {
  return compileTemplate(value)(exchange) ?? (withSession && speaksOfVisitor(value) ? value : undefined)
}

/** Headers that some match compares with a value that lies elsewhere; what a request brings there may be that value. */
function secretHeaders({ routes }: ReadModel): Set<string> {
  const fields = routes.flatMap(({ matches }) => matches.flatMap(({ headers }) => headers))
  return new Set(fields.flatMap(({ name, isSecret }) => (isSecret ? [name.toLowerCase()] : [])))
}

function visibleHeaders(
  headers: HeaderList,
  requestId: string,
  secret: ReadonlySet<string>,
): [name: string, value: string][] {
  const visible: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!.replaceAll(requestId, '{request.id}')
    const name = headers[i]!
    visible.push([name, secret.has(name.toLowerCase()) ? '[secret]' : maskHeader(name, value)])
  }
  return visible
}
