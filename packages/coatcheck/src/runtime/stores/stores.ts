import { isAbsolute, join } from 'node:path'
import type { GatewayModel, SqliteStoreSpec, StoreSpec, StoreStatus } from '@coatcheck/model'
import type { PrefixedStores, RecordStore } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import type { RedisStores } from '@coatcheck/session/stores/redis'
import { sqliteRecords } from '@coatcheck/session/stores/sqlite'
import { readText } from '../../secrets.ts'
import type { StateFolder } from '../../state/state-folder.ts'
import { redisOptions, withoutUrl } from './redis-options.ts'
import {
  createStoreHealth,
  createWatchedHealth,
  realTiming,
  type Seen,
  type StoreHealth,
  type Timing,
} from './store-health.ts'

/** The record stores of a process, kept over reloads while their settings are the same. */
export interface Stores {
  /**
   * Opens what is not open yet. A Redis connects in the background: one that is down is open as well.
   *
   * @throws SessionError, ProgramError when a store cannot be opened; nothing that was opened for it stays open
   */
  prepare(specs: GatewayModel['stores']): Promise<PreparedStores>
  status(): StoreStatus[]
  close(): Promise<void>
}

export interface PreparedStores {
  /** `undefined` for a store that keeps no records: a sealed cookie. */
  records(name: string): RecordStore | PrefixedStores | undefined
  /** An operation of this store failed. */
  failed(name: string, error: unknown): void
  commit(): void
  /** Closes what was opened for this, or, once it was committed and is replaced, what nobody uses any more. */
  release(): Promise<void>
}

type Plain = (store: string, address: string) => void

export interface StoresOptions {
  /** Other stores run, or one that does went down or came back. */
  readonly changed?: (() => void) | undefined
  readonly unconfirmed?: Unconfirmed | undefined
  /** Told once of each server elsewhere that others named, and that is reached over plain TCP. */
  readonly plain?: Plain | undefined
  /** @defaultValue that of the process */
  readonly timing?: Timing | undefined
}

type Opened = RecordStore | RedisStores | undefined
type ConnectRedis = typeof import('@coatcheck/session/stores/redis').connectRedis

interface Open {
  readonly key: string
  readonly spec: StoreSpec
  readonly store: Opened
  readonly health: StoreHealth
  /** Prepared sets that it belongs to. */
  users: number
}

/** Told of a write that fewer replicas confirmed in time than were asked for. */
export type Unconfirmed = (store: string, operation: 'create' | 'update' | 'delete') => void

/** A name that no session has, nor can have: its read finds nothing, and says whether the store answers. */
const nobody = '~nobody'

export function createStores(
  state: StateFolder,
  { changed = () => {}, unconfirmed = () => {}, plain = () => {}, timing = realTiming }: StoresOptions = {},
): Stores {
  const open = new Map<string, Open>()
  let running: readonly Open[] = []

  function use(spec: StoreSpec, connectRedis: ConnectRedis | undefined): Open {
    const key = keyOf(spec)
    const found = open.get(key) ?? make(key, spec, connectRedis)
    open.set(key, found)
    found.users++
    return found
  }

  function make(key: string, spec: StoreSpec, connectRedis: ConnectRedis | undefined): Open {
    const store = openStore(spec, state, connectRedis, { unconfirmed, plain })
    const health = healthOf(store, () => running.includes(made) && changed(), timing)
    const made: Open = { key, spec, store, health, users: 0 }
    return made
  }

  async function close({ store, health }: Open): Promise<void> {
    health.close()
    await store?.close()
  }

  async function release(stores: readonly Open[]): Promise<void> {
    for (const found of stores) {
      if (--found.users > 0) continue
      open.delete(found.key)
      await close(found)
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
        failed: (name, error) => stores.find(({ spec }) => spec.name === name)?.health.failed(error),
        commit() {
          running = stores
          changed()
        },
        release: () => release(stores),
      }
    },
    status: () => running.map(statusOf),
    async close() {
      for (const found of open.values()) await close(found)
      open.clear()
    },
  }
}

function statusOf({ spec: { name, kind }, health: { problem, note, full } }: Open): StoreStatus {
  return { name, kind, state: problem === undefined ? 'up' : 'down', reason: problem ?? note, full }
}

/** A Redis knows by itself whether it is reached, whoever asks for it; of the others, their operations tell. */
function healthOf(store: Opened, changed: () => void, timing: Timing): StoreHealth {
  if (store !== undefined && 'under' in store) return createWatchedHealth({ see: () => seen(store), changed, timing })
  return createStoreHealth({ look: async () => store?.read(nobody), changed, timing })
}

function seen({ state, channel, tells, full, refusal }: RedisStores): Seen {
  if (state.up && refusal !== undefined) return { problem: `sessions are refused: ${refusal.message}`, notes: [], full }
  if (!state.up) return { problem: `${state.reason}: ${state.message}`, notes: [], full }
  const notes: string[] = []
  if (full) notes.push('its memory is full, so that no session is started or changed')
  if (!channel.up) notes.push(`no changes are heard, so that nothing is cached (${channel.reason})`)
  if (!tells) notes.push('the server does not let changes be told to other gateways')
  return { problem: undefined, notes, full }
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

function openStore(
  spec: StoreSpec,
  state: StateFolder,
  connectRedis: ConnectRedis | undefined,
  { unconfirmed, plain }: { readonly unconfirmed: Unconfirmed; readonly plain: Plain },
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
      return connectRedis?.(
        redisOptions(spec, readText, {
          onShort: (operation) => unconfirmed(spec.name, operation),
          onPlain: (address) => plain(spec.name, address),
        }),
      )
  }
}

/** A relative path starts at the state folder: nothing is ever written beside the configuration or where one stands. */
export function databaseFile({ name, file = `sessions-${name}.db` }: SqliteStoreSpec, state: StateFolder): string {
  return isAbsolute(file) ? file : join(state.path, file)
}
