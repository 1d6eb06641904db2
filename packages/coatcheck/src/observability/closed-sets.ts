import type { MirrorSkip, UpstreamErrorReason } from '@coatcheck/gateway'
import type { GatewayModel, Route } from '@coatcheck/model'
import type { EndReason, RejectReason, StoreOperation } from '@coatcheck/session'
import type { Families } from './families.ts'
import { set } from './family.ts'
import { logLevels } from './log.ts'
import type { ConnectionProtocol } from './observability.ts'

/** All members of a union: the compiler asks for each, and the order is that of the text. */
function members<Member extends string>(set: Readonly<Record<Member, true>>): readonly Member[] {
  return Object.keys(set) as Member[]
}

const endReasons = members<EndReason>({ idle: true, lifetime: true, sign_out: true, revoked: true, provider: true })
const rejectReasons = members<RejectReason>({
  malformed: true,
  unknown: true,
  wrong_secret: true,
  damaged: true,
  ambiguous: true,
  oversized: true,
  key_unknown: true,
})
const storeOperations = members<StoreOperation>({ read: true, create: true, update: true, touch: true, delete: true })
const upstreamErrors = members<UpstreamErrorReason>({
  connect: true,
  connect_timeout: true,
  timeout: true,
  reset: true,
  protocol: true,
  unavailable: true,
})
const mirrorSkips = members<MirrorSkip>({ too_large: true, busy: true })
const protocols = members<ConnectionProtocol>({ http: true, https: true, h2: true, websocket: true })

/**
 * Makes the series that are known beforehand, so that a rate is right from the first event on: closed sets, and one
 * series for each route. The rest appears when it happens (everything up front is 13 MB for 5,000 routes).
 */
export function startAtZero(all: Families, model: GatewayModel | undefined): void {
  for (const result of ['hit', 'miss']) all.cacheLookups.series(result)
  for (const result of ['success', 'failure']) all.reloads.series(result)
  for (const level of logLevels) all.logMessages.series(level)
  for (const output of ['access_log', 'log']) all.linesDropped.series(output)
  if (model === undefined) return
  startListeners(all, model)
  for (const { name } of model.sessions) startSession(all, name)
  for (const { kind, name } of model.stores) if (kind !== 'sealed-cookie') startStore(all, name)
  for (const store of model.stores) if (store.kind === 'redis' && store.durability) startDurable(all, store.name)
  for (const { name, targets } of model.upstreams) startUpstream(all, name, targets)
  for (const { name, middleware } of model.routes) {
    if (!middleware.some(({ kind }) => kind === 'mirror')) continue
    for (const reason of mirrorSkips) all.mirrorSkipped.series(name, reason)
  }
}

function startListeners(all: Families, { listeners, routes }: GatewayModel): void {
  for (const { name } of listeners) {
    all.requestsInFlight.series(name)
    for (const protocol of protocols) all.connections.series(name, protocol)
  }
  const first = listeners[0]?.name
  if (first !== undefined)
    for (const route of routes) all.requests.series(first, route.name, firstMethod(route), firstCode(route))
}

function firstMethod({ matches }: Route): string {
  return matches[0]?.methods[0] ?? 'GET'
}

function firstCode({ action }: Route): string {
  if (action.kind === 'redirect') return String(action.status)
  return action.kind === 'broken' ? '500' : '200'
}

function startSession(all: Families, session: string): void {
  for (const family of [all.created, all.reused, all.rotated, all.oldSeals]) family.series(session)
  for (const reason of endReasons) all.ended.series(session, reason)
  for (const reason of rejectReasons) all.rejected.series(session, reason)
}

function startStore(all: Families, store: string): void {
  for (const operation of storeOperations) {
    all.storeDuration.series(store, operation)
    all.storeErrors.series(store, operation, 'unavailable')
  }
}

function startDurable(all: Families, store: string): void {
  for (const operation of ['create', 'update', 'delete']) all.storeUnconfirmed.series(store, operation)
}

function startUpstream(all: Families, upstream: string, targets: readonly { readonly url: string }[]): void {
  for (const reason of upstreamErrors) all.upstreamErrors.series(upstream, reason)
  for (const { url } of targets) {
    if (!all.upstreamUp.has(upstream, url)) set(all.upstreamUp.series(upstream, url), 1)
  }
}
