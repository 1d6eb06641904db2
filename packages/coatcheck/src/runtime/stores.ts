import { isAbsolute, join } from 'node:path'
import type { GatewayModel, SqliteStoreSpec, StoreSpec, StoreStatus } from '@coatcheck/model'
import type { PrefixedStores, RecordStore } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import type { RedisStores } from '@coatcheck/session/stores/redis'
import { sqliteRecords } from '@coatcheck/session/stores/sqlite'
import { readText } from '../secrets.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { redisOptions, withoutUrl } from './redis-options.ts'

/** The record stores of a process, kept over reloads while their settings are the same. */
export interface Stores {
  /**
   * Opens what is not open yet. A Redis connects in the background: one that is down is open as well.
   *
   * @throws SessionError, ProgramError when a store cannot be opened; nothing that was opened for it stays open
   */
  prepare(specs: GatewayModel['stores']): Promise<PreparedStores>
  status(): StoreStatus[]
  /** A store was heard to answer or to fail. True when that is news. */
  heard(name: string, up: boolean): boolean
  close(): Promise<void>
}

export interface PreparedStores {
  /** `undefined` for a store that keeps no records: a sealed cookie. */
  records(name: string): RecordStore | PrefixedStores | undefined
  commit(): void
  /** Closes what was opened for this, or, once it was committed and is replaced, what nobody uses any more. */
  release(): Promise<void>
}

type Opened = RecordStore | RedisStores | undefined
type ConnectRedis = typeof import('@coatcheck/session/stores/redis').connectRedis

interface Open {
  readonly key: string
  readonly spec: StoreSpec
  readonly store: Opened
  /** Prepared sets that it belongs to. */
  users: number
}

/** Told of a write that fewer replicas confirmed in time than were asked for. */
export type Unconfirmed = (store: string, operation: 'create' | 'update' | 'delete') => void

export function createStores(state: StateFolder, unconfirmed: Unconfirmed = () => {}): Stores {
  const open = new Map<string, Open>()
  let running: readonly Open[] = []
  const down = new Set<string>()

  function use(spec: StoreSpec, connectRedis: ConnectRedis | undefined): Open {
    const key = keyOf(spec)
    const found = open.get(key) ?? { key, spec, store: openStore(spec, state, connectRedis, unconfirmed), users: 0 }
    open.set(key, found)
    found.users++
    return found
  }

  async function release(stores: readonly Open[]): Promise<void> {
    for (const found of stores) {
      if (--found.users > 0) continue
      open.delete(found.key)
      await found.store?.close()
    }
  }

  return {
    async prepare(specs) {
      const connectRedis = specs.some(({ kind }) => kind === 'redis') ? await loadRedis() : undefined
      const stores: Open[] = []
      try {
        for (const spec of specs) stores.push(use(spec, connectRedis))
      } catch (error) {
        void release(stores)
        throw error
      }
      return {
        records: (name) => stores.find(({ spec }) => spec.name === name)?.store,
        commit() {
          running = stores
        },
        release: () => release(stores),
      }
    },
    status: () => running.map((one) => statusOf(one, down.has(one.spec.name))),
    heard(name, up) {
      if (down.has(name) !== up) return false
      if (up) down.delete(name)
      else down.add(name)
      return true
    },
    async close() {
      for (const { store } of open.values()) await store?.close()
      open.clear()
    },
  }
}

/** The client is loaded when it is needed: most of what starts has none. */
async function loadRedis(): Promise<ConnectRedis> {
  return (await import('@coatcheck/session/stores/redis')).connectRedis
}

/** Stores with one key are one store. A URL that lies elsewhere may lead somewhere else by now. */
function keyOf(spec: StoreSpec): string {
  if (spec.kind !== 'redis') return JSON.stringify(spec)
  const { deployment, auth, tls } = withoutUrl(spec, readText)
  return JSON.stringify([spec, deployment, auth?.username, tls])
}

/** A Redis knows by itself whether it is reached, whoever asks for it; of the others, the last operation tells. */
function statusOf({ spec: { name, kind }, store }: Open, down: boolean): StoreStatus {
  const failed = down ? 'its last operation failed' : undefined
  if (store === undefined || !('under' in store)) return { name, kind, state: down ? 'down' : 'up', reason: failed }
  const { state, channel, tells } = store
  if (!state.up) return { name, kind, state: 'down', reason: `${state.reason}: ${state.message}` }
  const silent = channel.up ? undefined : `no changes are heard, so that nothing is cached (${channel.reason})`
  const mute = tells ? undefined : 'the server does not let changes be told to other gateways'
  const reasons = [failed, silent, mute].filter((reason) => reason !== undefined)
  return { name, kind, state: 'up', reason: reasons.length === 0 ? undefined : reasons.join('; ') }
}

function openStore(
  spec: StoreSpec,
  state: StateFolder,
  connectRedis: ConnectRedis | undefined,
  unconfirmed: Unconfirmed,
): Opened {
  switch (spec.kind) {
    case 'memory':
      return memoryRecords({ maxEntries: spec.maxSessions, maxBytes: spec.maxBytes })
    case 'sqlite':
      if (!isAbsolute(spec.file ?? '')) state.make()
      return sqliteRecords({ file: databaseFile(spec, state) })
    case 'sealed-cookie':
      return undefined
    case 'redis':
      return connectRedis?.(redisOptions(spec, readText, (operation) => unconfirmed(spec.name, operation)))
  }
}

/** A relative path starts at the state folder: nothing is ever written beside the configuration or where one stands. */
export function databaseFile({ name, file = `sessions-${name}.db` }: SqliteStoreSpec, state: StateFolder): string {
  return isAbsolute(file) ? file : join(state.path, file)
}
