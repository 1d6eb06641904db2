import type { GatewayModel, ProxyAction, Route, RouteStatus, SessionStatus, UpstreamSpec } from '@coatcheck/model'
import { GatewayError, messageOf } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Forward } from './forward.ts'
import type { RouteContext } from './middleware/context.ts'
import { compileOwnNames } from './middleware/own-names.ts'
import { proxy } from './middleware/proxy.ts'
import { redirect } from './middleware/redirect.ts'
import { foldChain } from './middleware/table.ts'
import { compileOriginCheck } from './middleware/web-socket-origin.ts'
import type { Handler } from './middleware.ts'
import type { Ports } from './ports.ts'
import { readRoute } from './read-matches.ts'
import type { Reply } from './reply.ts'
import { createListenerRouters } from './router/listener-routers.ts'
import { compileSessions } from './sessions.ts'
import { readTarget } from './target.ts'
import { replyTo, toGatewayError } from './to-reply.ts'
import { createForward } from './upstream/forward.ts'

/** A model that runs. */
export interface Gateway {
  /** Never rejects: everything thrown becomes an answer. */
  handle(exchange: Exchange): Promise<Reply>
  /** Every route of the model, the broken ones with their reason. */
  readonly routes: readonly RouteStatus[]
  /** Of every session of the model, as it is now. */
  sessions(): SessionStatus[]
  /** Writes touches that are owed, closes idle upstream connections. Stores are the caller's. */
  close(): Promise<void>
}

/** Makes the hop to an upstream. */
export type ForwardFactory = (spec: UpstreamSpec, ports: Ports) => Forward

interface CompiledRoute {
  readonly status: RouteStatus
  readonly handler: Handler
}

/**
 * Compiles a model: routes are sorted, middleware is folded, upstreams and sessions are made; no socket is opened.
 * A route that cannot be compiled is broken: it keeps its match and answers 500 with its name.
 *
 * @param makeForward another hop than our HTTP/1.1 client
 * @throws Error when a session or an upstream cannot be made, which no route can do without, and when a value that
 * matches ask for cannot be read
 */
export function compile(model: GatewayModel, ports: Ports, makeForward: ForwardFactory = createForward): Gateway {
  const forwards = new Map(model.upstreams.map((spec) => [spec.name, makeForward(spec, ports)]))
  const sessions = compileSessions(model, ports)
  const compiled = model.routes.map((route) => compileRoute(contextOf(route)))
  const routerOf = createListenerRouters(
    model.routes.flatMap((route, i) =>
      readRoute(route, ports.secret).matches.map((match) => ({
        match,
        listeners: route.listeners,
        value: compiled[i]!,
      })),
    ),
  )

  function contextOf(route: Route): RouteContext {
    return {
      route,
      routes: model.routes,
      ports,
      session: (name) =>
        named(
          `session "${name}"`,
          sessions.find(({ spec }) => spec.name === name),
        ),
      sessions,
      forward: (name) => named(`upstream "${name}"`, forwards.get(name)),
      recover,
      checkTarget,
    }
  }

  function recover(error: unknown, exchange: Exchange): Reply {
    const { id, request } = exchange
    const known = toGatewayError(error, id, ports.log)
    exchange.reason = known.code
    exchange.detail = known.message
    return replyTo(known, { id, method: request.method, headers: request.headers })
  }

  /** The route of a path, which has to be that of all its readings. */
  function findRoute({ request }: Exchange, path: string, readings: readonly string[] | undefined) {
    const router = routerOf(request.listener)
    const found = router.find(request.host, path, request)
    if (readings === undefined) return found
    const other = readings.find((reading) => router.find(request.host, reading, request)?.value !== found?.value)
    if (other === undefined) return found
    throw new GatewayError(
      'ambiguous-target',
      400,
      `Servers may read the path as ${JSON.stringify(other)}, which is another route's`,
    )
  }

  function checkTarget(target: string, exchange: Exchange): void {
    const { path, readings } = readTarget(target)
    if (readings !== undefined) findRoute(exchange, path, readings)
  }

  function dispatch(exchange: Exchange): Promise<Reply> {
    const found = findRoute(exchange, exchange.request.path, exchange.request.readings)
    if (found === undefined) throw new GatewayError('no-route', 404, 'No route takes this request')
    exchange.route = found.value.status.name
    exchange.matchedSegments = found.segments
    return found.value.handler(exchange)
  }

  return {
    async handle(exchange) {
      try {
        return await dispatch(exchange)
      } catch (error) {
        return recover(error, exchange)
      }
    },
    routes: compiled.map(({ status }) => status),
    sessions: () => sessions.map(({ status }) => status()),
    async close() {
      for (const forward of forwards.values()) forward.close()
      await Promise.all(sessions.map(({ manager }) => manager.close()))
    },
  }
}

function named<T>(what: string, found: T | undefined): T {
  if (found === undefined) throw new Error(`it names ${what}, which is not defined`)
  return found
}

function compileRoute(context: RouteContext): CompiledRoute {
  const { route } = context
  try {
    return { status: { name: route.name, state: 'running', reason: undefined }, handler: compileHandler(context) }
  } catch (error) {
    return brokenRoute(route, messageOf(error))
  }
}

function compileHandler(context: RouteContext): Handler {
  const { action } = context.route
  switch (action.kind) {
    case 'proxy':
      return compileProxy(action, context)
    case 'redirect':
      return foldChain(context, redirect(action))
    case 'broken':
      throw new Error(action.reason)
  }
}

function compileProxy(action: ProxyAction, context: RouteContext): Handler {
  const own = compileOwnNames(context)
  const chain = foldChain(context, proxy(action, context, own))
  const checkOrigin = compileOriginCheck(context, action.webSocketOrigins)
  return function proxied(exchange) {
    checkOrigin?.(exchange)
    own.fromRequest(exchange.outgoing.headers)
    return chain(exchange)
  }
}

/** Keeps its match, so that no wider route takes its requests. */
function brokenRoute({ name }: Route, reason: string): CompiledRoute {
  const detail = `Route "${name}" cannot serve requests: its configuration has errors.`
  return {
    status: { name, state: 'broken', reason },
    async handler() {
      throw new GatewayError('route-broken', 500, `Route "${name}" is broken: ${reason}`, { detail })
    },
  }
}
