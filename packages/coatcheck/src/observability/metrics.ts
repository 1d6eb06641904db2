import type { FinishedExchange, GatewayObserver, RejectedRequest } from '@coatcheck/gateway'
import { type GatewayModel, readsOldSeals } from '@coatcheck/model'
import { startAtZero } from './closed-sets.ts'
import { type Families, families } from './families.ts'
import { add, observe, set } from './family.ts'
import { namesOf, noRoute } from './label-values.ts'
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
  storeFull(store: string, full: boolean): void
  storeUnconfirmed(store: string, operation: 'create' | 'update' | 'delete'): void
  logged(level: LogLevel): void
  dropped(output: 'access_log' | 'log', lines: number): void
  counted(): MetricsSnapshot
  snapshot(): Promise<MetricsSnapshot>
}

/** Methods that are labels; a client can invent any number of others (semantic conventions: `_OTHER`). */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY'])

function methodLabel(method: string | undefined): string {
  return method !== undefined && knownMethods.has(method) ? method : '_OTHER'
}

export function createMetrics({ version, revision }: MetricsOptions): Metrics {
  const all = families()
  const ofProcess = processMetrics()
  const certificates = agingNames()
  set(all.build.series(version, revision), 1)
  startAtZero(all, undefined)

  function exchangeFinished({ exchange, status, requestBytes, responseBytes, duration }: FinishedExchange): void {
    const { request, route = noRoute } = exchange
    const method = methodLabel(request.method)
    add(all.requests.series(request.listener, route, method, String(status)), 1)
    add(all.requestsInFlight.series(request.listener), -1)
    observe(all.requestDuration, all.requestDuration.series(route, method), duration / 1000)
    observe(all.requestSize, all.requestSize.series(route), requestBytes)
    observe(all.responseSize, all.responseSize.series(route), responseBytes)
  }

  const counted = () => Object.values(all).map((family) => family.snapshot())

  return {
    ...observeSessions(all),
    ...observeUpstreams(all),
    exchangeStarted: (listener) => add(all.requestsInFlight.series(listener), 1),
    exchangeFinished,
    requestRejected: ({ listener, status, line }: RejectedRequest) =>
      add(all.requests.series(listener, noRoute, methodLabel(line?.method), String(status)), 1),
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
    storeFull: (store, full) => set(all.storeFull.series(store), Number(full)),
    storeUnconfirmed: (store, operation) => add(all.storeUnconfirmed.series(store, operation), 1),
    logged: (level) => add(all.logMessages.series(level), 1),
    dropped: (output, lines) => add(all.linesDropped.series(output), lines),
    counted,
    snapshot: async () => [...counted(), ...(await ofProcess())],
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
    mirrorSkipped: (route, reason) => add(all.mirrorSkipped.series(route, reason), 1),
  } satisfies Partial<GatewayObserver>
}

/** Series of what a model no longer names go; a gauge that still counts something goes at a later reload. */
function forget(all: Families, model: GatewayModel): void {
  const names = namesOf(model)
  const open = [all.requestsInFlight, all.connections]
  for (const family of open) {
    family.retain('listener', (name, { value }) => value !== 0 || names.get('listener')!.has(name))
  }
  for (const family of Object.values(all)) {
    if (open.some((one) => one === family)) continue
    for (const label of family.labels) {
      const named = names.get(label)
      if (named !== undefined) family.retain(label, (name) => named.has(name))
    }
  }
  const ofOldSeals = new Set(model.sessions.filter((spec) => readsOldSeals(spec, model)).map(({ name }) => name))
  all.oldSealUntil.retain('session', (name) => ofOldSeals.has(name))
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
