/** A record store as the engine sees it: timed for whoever watches, and failing in one way only. */
import type { SessionObserver, StoreOperation } from './api.ts'
import { SessionError } from './errors.ts'
import type { RecordStore } from './store.ts'

type Operations = Omit<RecordStore, 'close'>

/** Every failure of the store becomes `ERR_STORE_UNAVAILABLE`, with what it was as `cause`. */
export function observeStore(records: RecordStore, observer: SessionObserver): Operations {
  async function run<Result>(operation: StoreOperation, work: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now()
    try {
      const result = await work()
      observer.storeOperation?.(operation, performance.now() - startedAt, undefined)
      return result
    } catch (error) {
      observer.storeOperation?.(operation, performance.now() - startedAt, 'unavailable')
      throw asUnavailable(operation, error)
    }
  }
  return {
    read: (id) => run('read', () => records.read(id)),
    create: (id, bytes, ttl) => run('create', () => records.create(id, bytes, ttl)),
    update: (id, bytes, version, ttl) => run('update', () => records.update(id, bytes, version, ttl)),
    touch: (id, ttl) => run('touch', () => records.touch(id, ttl)),
    delete: (id) => run('delete', () => records.delete(id)),
  }
}

function asUnavailable(operation: StoreOperation, error: unknown): SessionError {
  if (error instanceof SessionError && error.code === 'ERR_STORE_UNAVAILABLE') return error
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `The session store failed to ${operation} a record. Sessions were left as they are; try again when it answers.`,
    { cause: error },
  )
}
