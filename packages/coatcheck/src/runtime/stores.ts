import { isAbsolute, join } from 'node:path'
import type { GatewayModel, SqliteStoreSpec, StoreSpec, StoreStatus } from '@coatcheck/model'
import type { RecordStore } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { sqliteRecords } from '@coatcheck/session/stores/sqlite'
import type { StateFolder } from '../state/state-folder.ts'

/** The record stores of a process, kept over reloads while their settings are the same. */
export interface Stores {
  /**
   * Opens what is not open yet.
   *
   * @throws SessionError, ProgramError when a store cannot be opened; nothing that was opened for it stays open
   */
  prepare(specs: GatewayModel['stores']): PreparedStores
  status(): StoreStatus[]
  /** A store was heard to answer or to fail. True when that is news. */
  heard(name: string, up: boolean): boolean
  close(): Promise<void>
}

export interface PreparedStores {
  /** `undefined` for a store that keeps no records: a sealed cookie. */
  records(name: string): RecordStore | undefined
  commit(): void
  /** Closes what was opened for this, or, once it was committed and is replaced, what nobody uses any more. */
  release(): Promise<void>
}

interface Open {
  readonly spec: StoreSpec
  readonly records: RecordStore | undefined
  /** Prepared sets that it belongs to. */
  users: number
}

export function createStores(state: StateFolder): Stores {
  const open = new Map<string, Open>()
  let running: readonly Open[] = []
  const down = new Set<string>()

  function use(spec: StoreSpec): Open {
    const key = JSON.stringify(spec)
    const store = open.get(key) ?? { spec, records: openRecords(spec, state), users: 0 }
    open.set(key, store)
    store.users++
    return store
  }

  async function release(stores: readonly Open[]): Promise<void> {
    for (const store of stores) {
      if (--store.users > 0) continue
      open.delete(JSON.stringify(store.spec))
      await store.records?.close()
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
        commit() {
          running = stores
        },
        release: () => release(stores),
      }
    },
    status: () => running.map(({ spec: { name, kind } }) => statusOf(name, kind, down.has(name))),
    heard(name, up) {
      if (down.has(name) !== up) return false
      if (up) down.delete(name)
      else down.add(name)
      return true
    },
    async close() {
      for (const { records } of open.values()) await records?.close()
      open.clear()
    },
  }
}

function statusOf(name: string, kind: string, down: boolean): StoreStatus {
  return { name, kind, state: down ? 'down' : 'up', reason: down ? 'its last operation failed' : undefined }
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
