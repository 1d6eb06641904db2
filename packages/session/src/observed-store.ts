/** A record store as the engine sees it: timed for whoever watches, and failing in one way only. */
import type { SessionObserver, StoreOperation } from './api.ts'
import { SessionError } from './errors.ts'
import { shownKind } from './invalid-option.ts'
import { isReplicating, type RecordStore, type Replicating, type StoredRecord } from './store.ts'

/** Where nothing is replicated, everything that has to be is. */
type Operations = Omit<RecordStore, 'close'> & Replicating

/** Every failure of the store becomes `ERR_STORE_UNAVAILABLE`, with what it was as `cause`. */
export function observeStore(records: RecordStore, observer: SessionObserver): Operations {
  async function run<Result>(operation: StoreOperation, work: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now()
    try {
      const result = await work()
      observer.storeOperation?.(operation, performance.now() - startedAt, undefined)
      return result
    } catch (error) {
      observer.storeOperation?.(operation, performance.now() - startedAt, 'unavailable', error)
      throw asUnavailable(operation, error)
    }
  }
  return {
    read: (id) => run('read', async () => checkStored(await records.read(id))),
    create: (...given) => run('create', () => records.create(...given)),
    update: (...given) => run('update', () => records.update(...given)),
    touch: (id, ttl) => run('touch', () => records.touch(id, ttl)),
    replicated: isReplicating(records)
      ? (id, version, ttl) => run('touch', () => records.replicated(id, version, ttl))
      : async () => true,
    delete: (id) => run('delete', () => records.delete(id)),
  }
}

/** A store that answers otherwise than it should is out of order: its sessions are not absent. */
function checkStored(stored: StoredRecord | undefined): StoredRecord | undefined {
  if (stored === undefined) return undefined
  if (stored?.bytes instanceof Uint8Array && typeof stored.version === 'string' && stored.remaining > 0) return stored
  throw new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `The session store's read() gave ${shownKind(stored)} that is no record, so the session cannot be opened, and was left ` +
      'alone. Let it give undefined, or { bytes, version, remaining } with a Uint8Array, text and milliseconds above 0.',
  )
}

function asUnavailable(operation: StoreOperation, error: unknown): SessionError {
  if (error instanceof SessionError && error.code === 'ERR_STORE_UNAVAILABLE') return error
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `The session store failed to ${operation} a record. Sessions were left as they are; try again when it answers.`,
    { cause: error },
  )
}
