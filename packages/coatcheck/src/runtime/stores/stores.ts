import { isAbsolute, join } from 'node:path'
import type { GatewayModel, SqliteStoreSpec, StoreSpec, StoreStatus } from '@coatcheck/model'
import type { RecordStore } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { sqliteRecords } from '@coatcheck/session/stores/sqlite'
import type { StateFolder } from '../../state/state-folder.ts'
import { createStoreHealth, realTiming, type StoreHealth, type Timing } from './store-health.ts'

/** The record stores of a process, kept over reloads while their settings are the same. */
export interface Stores {
  /**
   * Opens what is not open yet.
   *
   * @throws SessionError, ProgramError when a store cannot be opened; nothing that was opened for it stays open
   */
  prepare(specs: GatewayModel['stores']): PreparedStores
  status(): StoreStatus[]
  close(): Promise<void>
}

export interface PreparedStores {
  /** `undefined` for a store that keeps no records: a sealed cookie. */
  records(name: string): RecordStore | undefined
  /** An operation of this store failed. */
  failed(name: string, error: unknown): void
  commit(): void
  /** Closes what was opened for this, or, once it was committed and is replaced, what nobody uses any more. */
  release(): Promise<void>
}

export interface StoresOptions {
  /** Other stores run, or one that does went down or came back. */
  readonly changed?: (() => void) | undefined
  /** @defaultValue that of the process */
  readonly timing?: Timing | undefined
}

interface Open {
  readonly spec: StoreSpec
  readonly records: RecordStore | undefined
  readonly health: StoreHealth
  /** Prepared sets that it belongs to. */
  users: number
}

/** A name that no session has, nor can have: its read finds nothing, and says whether the store answers. */
const nobody = '~nobody'

export function createStores(
  state: StateFolder,
  { changed = () => {}, timing = realTiming }: StoresOptions = {},
): Stores {
  const open = new Map<string, Open>()
  let running: readonly Open[] = []

  function use(spec: StoreSpec): Open {
    const key = JSON.stringify(spec)
    const store = open.get(key) ?? make(spec)
    open.set(key, store)
    store.users++
    return store
  }

  function make(spec: StoreSpec): Open {
    const records = openRecords(spec, state)
    const health = createStoreHealth({
      look: async () => records?.read(nobody),
      changed: () => running.includes(store) && changed(),
      timing,
    })
    const store: Open = { spec, records, health, users: 0 }
    return store
  }

  async function close({ records, health }: Open): Promise<void> {
    health.close()
    await records?.close()
  }

  async function release(stores: readonly Open[]): Promise<void> {
    for (const store of stores) {
      if (--store.users > 0) continue
      open.delete(JSON.stringify(store.spec))
      await close(store)
    }
  }

  return {
    prepare(specs) {
      const stores: Open[] = []
      try {
        for (const spec of specs) stores.push(use(spec))
      } catch (error) {
        void release(stores)
        throw error
      }
      return {
        records: (name) => stores.find(({ spec }) => spec.name === name)?.records,
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
      for (const store of open.values()) await close(store)
      open.clear()
    },
  }
}

function statusOf({ spec: { name, kind }, health: { problem } }: Open): StoreStatus {
  return { name, kind, state: problem === undefined ? 'up' : 'down', reason: problem }
}

function openRecords(spec: StoreSpec, state: StateFolder): RecordStore | undefined {
  switch (spec.kind) {
    case 'memory':
      return memoryRecords({ maxEntries: spec.maxSessions, maxBytes: spec.maxBytes })
    case 'sqlite':
      return sqliteRecords({ file: databaseFile(spec, state) })
    case 'sealed-cookie':
      return undefined
  }
}

/** A relative path starts at the state folder: nothing is ever written beside the configuration or where one stands. */
function databaseFile({ name, file = `sessions-${name}.db` }: SqliteStoreSpec, state: StateFolder): string {
  return isAbsolute(file) ? file : join(state.make(), file)
}
