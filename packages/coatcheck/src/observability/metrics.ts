import type { FinishedExchange, GatewayObserver, RejectedRequest } from '@coatcheck/gateway'
import { type GatewayModel, readsOldSeals } from '@coatcheck/model'
import { startAtZero } from './closed-sets.ts'
import { type Families, families } from './families.ts'
import { add, type Cell, observe, set } from './family.ts'
import type { LogLevel } from './log.ts'
import type { ConnectionProtocol, MetricsSnapshot } from './observability.ts'
import { processMetrics } from './process-metrics.ts'

export interface MetricsOptions {
  readonly version: string
  /** Source revision of the build, `''` when it is not known. */
  readonly revision: string
}

/** Counts what an observer is told. */
export interface Metrics extends GatewayObserver {
  configured(model: GatewayModel): void
  reloaded(result: 'success' | 'failure', at: number): void
  connections(listener: string, protocol: ConnectionProtocol, change: 1 | -1): void
  certificate(name: string, notAfter: number): void
  storeUp(store: string, up: boolean): void
  storeUnconfirmed(store: string, operation: 'create' | 'update' | 'delete'): void
  logged(level: LogLevel): void
  dropped(output: 'access_log' | 'log', lines: number): void
  snapshot(): Promise<MetricsSnapshot>
}

/** Methods that are labels; a client can invent any number of others (semantic conventions: `_OTHER`). */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY'])
/** Stands for the route of a request that no route took. */
const noRoute = 'none'

export function createMetrics({ version, revision }: MetricsOptions): Metrics {
  const all = families()
  const ofProcess = processMetrics()
  const certificates = agingNames()
  set(all.build.series(version, revision), 1)
  startAtZero(all, undefined)

  function exchangeFinished({ exchange, status, requestBytes, responseBytes, duration }: FinishedExchange): void {
    const { request, route = noRoute } = exchange
    const method = knownMethods.has(request.method) ? request.method : '_OTHER'
    add(all.requests.series(request.listener, route, method, String(status)), 1)
    add(all.requestsInFlight.series(request.listener), -1)
    observe(all.requestDuration, all.requestDuration.series(route, method), duration / 1000)
    observe(all.requestSize, all.requestSize.series(route), requestBytes)
    observe(all.responseSize, all.responseSize.series(route), responseBytes)
  }

  return {
    ...observeSessions(all),
    ...observeUpstreams(all),
    exchangeStarted: (listener) => add(all.requestsInFlight.series(listener), 1),
    exchangeFinished,
    requestRejected: ({ listener, status }: RejectedRequest) =>
      add(all.requests.series(listener, noRoute, '_OTHER', String(status)), 1),
    configured(model) {
      forget(all, model)
      all.certificates.retain('name', certificates.keepsOnReload())
      startAtZero(all, model)
    },
    reloaded(result, at) {
      add(all.reloads.series(result), 1)
      if (result === 'success') set(all.reloadedAt.series(), at / 1000)
    },
    connections: (listener, protocol, change) => add(all.connections.series(listener, protocol), change),
    certificate(name, notAfter) {
      certificates.seen(name)
      set(all.certificates.series(name), notAfter / 1000)
    },
    storeUp: (store, up) => set(all.storeUp.series(store), Number(up)),
    storeUnconfirmed: (store, operation) => add(all.storeUnconfirmed.series(store, operation), 1),
    logged: (level) => add(all.logMessages.series(level), 1),
    dropped: (output, lines) => add(all.linesDropped.series(output), lines),
    snapshot: async () => [...Object.values(all).map((family) => family.snapshot()), ...(await ofProcess())],
  }
}

function observeSessions(all: Families) {
  const events = { created: all.created, reused: all.reused, rotated: all.rotated }
  return {
    sessionEvent: (session, event) => add(events[event].series(session), 1),
    sessionEnded: (session, reason) => add(all.ended.series(session, reason), 1),
    sessionRejected: (session, reason) => add(all.rejected.series(session, reason), 1),
    sessionOldSeal: (session) => add(all.oldSeals.series(session), 1),
    oldSealUntil: (session, until) => set(all.oldSealUntil.series(session), until / 1000),
    cacheLookup: (result) => add(all.cacheLookups.series(result), 1),
    storeOperation(store, operation, milliseconds, failure) {
      observe(all.storeDuration, all.storeDuration.series(store, operation), milliseconds / 1000)
      if (failure !== undefined) add(all.storeErrors.series(store, operation, failure), 1)
    },
  } satisfies Partial<GatewayObserver>
}

function observeUpstreams(all: Families) {
  return {
    upstreamRequest: (upstream, milliseconds) =>
      observe(all.upstreamDuration, all.upstreamDuration.series(upstream), milliseconds / 1000),
    upstreamError: (upstream, reason) => add(all.upstreamErrors.series(upstream, reason), 1),
    upstreamTarget: (upstream, url, up) => set(all.upstreamUp.series(upstream, url), Number(up)),
  } satisfies Partial<GatewayObserver>
}

/** Series of what a model no longer names go; a gauge that still counts something goes at a later reload. */
function forget(all: Families, model: GatewayModel): void {
  const named = (list: readonly { readonly name: string }[], ...more: string[]) => {
    const names = new Set([...list.map(({ name }) => name), ...more])
    return (name: string) => names.has(name)
  }
  const route = named(model.routes, noRoute)
  const listener = named(model.listeners)
  const session = named(model.sessions)
  const store = named(model.stores)
  const upstream = named(model.upstreams)
  const living = (name: string, { value }: Cell) => value !== 0 || listener(name)
  for (const family of [all.requests, all.requestDuration, all.requestSize, all.responseSize])
    family.retain('route', route)
  all.requests.retain('listener', listener)
  for (const family of [all.requestsInFlight, all.connections]) family.retain('listener', living)
  for (const family of [all.created, all.reused, all.rotated, all.ended, all.rejected, all.oldSeals])
    family.retain('session', session)
  all.oldSealUntil.retain('session', named(model.sessions.filter((spec) => readsOldSeals(spec, model))))
  for (const family of [all.storeDuration, all.storeErrors, all.storeUp, all.storeUnconfirmed])
    family.retain('store', store)
  for (const family of [all.upstreamDuration, all.upstreamErrors, all.upstreamUp]) family.retain('upstream', upstream)
  const urls = new Set(model.upstreams.flatMap(({ targets }) => targets.map(({ url }) => url)))
  all.upstreamUp.retain('url', (url) => urls.has(url))
}

/** Certificates are announced around a reload, before or after it: those not seen since the one before are gone. */
function agingNames() {
  let seen = new Set<string>()
  return {
    seen: (name: string) => void seen.add(name),
    keepsOnReload(): (name: string) => boolean {
      const before = seen
      seen = new Set()
      return (name) => before.has(name)
    },
  }
}
