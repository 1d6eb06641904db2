import {
  type GatewayModel,
  type OldSealStatus,
  type Route,
  readsOldSeals,
  type Sealing as SealingSpec,
  type SessionSpec,
  type SessionStatus,
  type StoreSpec,
} from '@coatcheck/model'
import { createSessions, type Sealing, type SealingKey, type SessionManager } from '@coatcheck/session'
import { sealedCookies } from '@coatcheck/session/stores/sealed-cookie'
import type { GatewaySessionData } from './exchange.ts'
import { findSpec } from './middleware/find-spec.ts'
import type { Ports } from './ports.ts'

/** One of the model's sessions, running. */
export interface CompiledSession {
  readonly spec: SessionSpec
  readonly manager: SessionManager<GatewaySessionData>
  readonly status: () => SessionStatus
}

/** Makes the managers of all sessions; mode `off` has one too, so that its cookie is known, and it is never asked. */
export function compileSessions(model: GatewayModel, ports: Ports): CompiledSession[] {
  return model.sessions.map((spec) => {
    const oldSeal = watchOldSeals(spec, readsOldSeals(spec, model), ports)
    const manager = createManager(spec, model.stores, oldSeal.seen, ports)
    return { spec, manager, status: () => ({ name: spec.name, oldSeal: oldSeal.status() }) }
  })
}

/** Whether a route looks at its session at all: on demand that takes `login` or `capture`. */
export function readsSession(spec: SessionSpec, route: Route): boolean {
  if (spec.mode === 'on-demand')
    return findSpec(route, 'login') !== undefined || findSpec(route, 'capture') !== undefined
  return spec.mode === 'enforce'
}

/**
 * What is known of sessions under an older seal, from here on: one that is not seen within its idle timeout has ended,
 * and of those that are seen the latest end is kept.
 */
function watchOldSeals({ name, timeouts }: SessionSpec, isExpected: boolean, { clock, observer }: Ports) {
  let opened = 0
  let until = clock() + Math.min(timeouts.idle, timeouts.lifetime)
  if (isExpected) observer.oldSealUntil(name, until)
  return {
    seen(lastsUntil: number): void {
      opened += 1
      until = Math.max(until, lastsUntil)
      observer.sessionOldSeal(name)
      observer.oldSealUntil(name, until)
    },
    status: (): OldSealStatus | undefined => (isExpected || opened > 0 ? { opened, until } : undefined),
  }
}

function createManager(
  spec: SessionSpec,
  stores: readonly StoreSpec[],
  oldSeal: (lastsUntil: number) => void,
  ports: Ports,
): SessionManager<GatewaySessionData> {
  const storeSpec = stores.find(({ name }) => name === spec.store)
  const store = openStore(spec, storeSpec, ports)
  return createSessions<GatewaySessionData>({
    store,
    prefix: spec.prefix,
    lookup: spec.lookup,
    cookie: spec.cookie,
    timeouts: spec.timeouts,
    rotateAfter: spec.rotateAfter,
    sealing: compileSealing(spec.sealing, ports.keys),
    serverKeys: ports.keysOf?.(spec.name) ?? ports.keys,
    maxBytes: spec.maxBytes,
    serveCachedFor: spec.serveCachedFor,
    // Gateways that share a store go by its clock.
    ...('under' in store ? {} : { clock: ports.clock }),
    ...(storeSpec?.kind === 'redis' ? { cache: storeSpec.cache ?? false } : {}),
    observer: { ...observe(spec, ports), oldSeal },
  })
}

function openStore(spec: SessionSpec, store: StoreSpec | undefined, ports: Ports) {
  if (store?.kind === 'sealed-cookie') return sealedCookies({ keys: ports.keys, maxParts: store.maxParts })
  const records = ports.records(spec.store)
  if (records === undefined) throw new Error(`Session "${spec.name}" names store "${spec.store}", which is not open`)
  return records
}

/** The model's sealing with its keys. @throws Error for a key that is not among them */
export function compileSealing(spec: SealingSpec, keys: readonly SealingKey[]): Sealing {
  if (spec.kind === 'migrate') {
    const { from, to, until } = spec
    return { kind: 'migrate', from: compileSealing(from, keys), to: compileSealing(to, keys), until }
  }
  return spec.kind === 'keys' ? { kind: 'keys', keys: spec.keys.map((id) => findKey(id, keys)) } : spec
}

function findKey(id: string, keys: readonly SealingKey[]): SealingKey {
  const key = keys.find((candidate) => candidate.id === id)
  if (key === undefined) throw new Error(`Sealing names key "${id}", which is not among the keys`)
  return key
}

function observe({ name, store }: SessionSpec, { observer }: Ports) {
  return {
    created: () => observer.sessionEvent(name, 'created'),
    reused: () => observer.sessionEvent(name, 'reused'),
    rotated: () => observer.sessionEvent(name, 'rotated'),
    ended: observer.sessionEnded.bind(observer, name),
    rejected: observer.sessionRejected.bind(observer, name),
    cacheLookup: observer.cacheLookup.bind(observer),
    storeOperation: observer.storeOperation.bind(observer, store),
  }
}
