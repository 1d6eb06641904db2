/**
 * What a gateway has in common with those that share its Redis: the keys of each session, found when they are found.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@coatcheck/gateway'
import type { GatewayModel, SessionSpec, StoreStatus } from '@coatcheck/model'
import { type PrefixedStores, type RecordStore, type SealingKey, SessionError } from '@coatcheck/session'
import type { CommonKeys, RedisStores } from '@coatcheck/session/stores/redis'
import { settingsOf } from './shared-settings.ts'
import type { PreparedStores } from './stores.ts'

export interface Sharing {
  /** Of a session whose keys lie in its store; `undefined`: those of the process. */
  keysOf(session: string): readonly SealingKey[] | undefined
  /** The stores, closed to sessions whose keys are not known, or not those of the gateways that run. */
  records(store: string): RecordStore | PrefixedStores | undefined
  /** Why this gateway must not start: it shares no key with those that run. */
  readonly refused: SessionError | undefined
  /** The status of a store, with what is wrong with its keys. */
  statusOf(status: StoreStatus): StoreStatus
  close(): void
}

export interface SharingOptions {
  readonly stores: PreparedStores
  /** Keys that are configured; none: they lie in the store. */
  readonly configured: readonly SealingKey[] | undefined
  readonly log: Log
  /** Other keys are known now, or may be used: what was compiled has to be compiled anew. */
  readonly changed: () => void
  /** What `statusOf` gives is another. */
  readonly statusChanged: () => void
}

/** What the sessions of one store under one prefix share. */
interface Shared {
  readonly store: string
  readonly redis: RedisStores
  readonly prefix: string
  readonly sessions: readonly string[]
  readonly common: CommonKeys
}

/** Resolves when each store was asked once, or is not reached: then within a second, whatever its timeouts are. */
export async function shareKeys(model: GatewayModel, options: SharingOptions): Promise<Sharing> {
  const { stores, configured, log, changed, statusChanged } = options
  const all = sharedOf(model, stores, configured)
  await Promise.all(all.map(lookedAt))
  const compiled = new Map(all.map((one) => [one, usable(one)]))
  for (const one of all) listen(one)
  const find = (store: string, prefix: string) => all.find((one) => one.store === store && one.prefix === prefix)

  function listen(one: Shared): void {
    let warned = new Set<string>()
    const warn = () => {
      const { warnings } = one.common.state
      for (const warning of warnings) if (!warned.has(warning)) log.warn(`Store "${one.store}": ${warning}`)
      warned = new Set(warnings)
    }
    warn()
    one.common.onChange(() => {
      warn()
      statusChanged()
      const { refused } = one.common.state
      if (refused !== undefined) log.error(refused.message, { error: { code: refused.code } })
      if (compiled.get(one) !== usable(one)) changed()
    })
  }

  return {
    keysOf: (session) => all.find(({ sessions }) => sessions.includes(session))?.common.state.keys,
    records(name) {
      const store = stores.records(name)
      if (store === undefined || !('under' in store)) return store
      return {
        under(prefix) {
          const one = find(name, prefix)
          return one === undefined || compiled.get(one) !== undefined ? store.under(prefix) : closedTo(one)
        },
      }
    },
    get refused() {
      return all.map(({ common }) => common.state.refused).find((refused) => refused !== undefined)
    },
    statusOf: (status) => all.filter(({ store }) => store === status.name).reduce(withKeys, status),
    close() {
      for (const { common } of all) common.close()
    },
  }
}

function sharedOf(model: GatewayModel, stores: PreparedStores, configured: SharingOptions['configured']): Shared[] {
  const groups = Map.groupBy(
    model.sessions.filter(({ mode }) => mode !== 'off'),
    ({ store, prefix }) => `${store}\0${prefix}`,
  )
  return [...groups.values()].flatMap((sessions) => {
    const [first] = sessions as [SessionSpec]
    const store = stores.records(first.store)
    if (store === undefined || !('common' in store)) return []
    const redis = store as RedisStores
    const common = redis.common(first.prefix, { keys: configured, settings: settingsOf(first) })
    return [{ store: first.store, redis, prefix: first.prefix, sessions: sessions.map(({ name }) => name), common }]
  })
}

/** Milliseconds that a start, and a reload, waits for a store that is not reached. */
const reachedWithin = 1000

/** One that is reached is waited for: whoever shares no key with the others must not start. */
async function lookedAt({ redis, common }: Shared): Promise<void> {
  await Promise.race([common.looked, sleep(reachedWithin, undefined, { ref: false })])
  if (redis.state.up) await common.looked
}

/** The keys that may be used; compared as they are, since they are the same list as long as nothing changed. */
function usable({ common: { state } }: Shared): readonly SealingKey[] | undefined {
  return state.refused === undefined ? state.keys : undefined
}

function problemOf({ common: { state } }: Shared): string | undefined {
  if (state.refused !== undefined) return state.refused.message
  if (state.keys !== undefined) return undefined
  return `its keys are not known yet${state.failure === undefined ? '' : `: ${state.failure.message}`}`
}

function withKeys(status: StoreStatus, one: Shared): StoreStatus {
  const problem = problemOf(one)
  if (problem !== undefined && status.state === 'up') return { ...status, state: 'down', reason: `keys: ${problem}` }
  const { warnings, failure } = one.common.state
  const unasked =
    failure && status.state === 'up' ? `the gateways that share it are not known: ${failure.message}` : undefined
  const reasons = [status.reason, unasked, ...warnings].filter((reason) => reason !== undefined)
  return reasons.length === 0 ? status : { ...status, reason: reasons.join('; ') }
}

/** A store that is as good as down, for sessions that could not be opened or would be no use to others. */
function closedTo(one: Shared): RecordStore {
  const fail = () => {
    const why = problemOf(one) ?? 'its keys became known a moment ago'
    const message = `Sessions in store "${one.store}" cannot be used: ${why}. Nothing was changed.`
    return Promise.reject(
      new SessionError('ERR_STORE_UNAVAILABLE', message, { cause: one.common.state.refused, notExecuted: true }),
    )
  }
  return { read: fail, create: fail, update: fail, touch: fail, delete: fail, close: async () => {} }
}
