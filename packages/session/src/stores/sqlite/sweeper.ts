/** Removes expired records in small batches on the way of writes, and tells of them. */
import type { Expiring } from '../../store.ts'
import type { Statements } from './statements.ts'

/** Milliseconds between two looks for expired records, when the last one found no more. */
const sweepEvery = 1000

export interface Sweeper extends Expiring {
  /** To be called with each write: removes one batch at most, and goes on with the next write when there is more. */
  sweep(now: number): void
}

export function createSweeper(statements: Statements, batch: number): Sweeper {
  const listeners = new Set<Parameters<Expiring['onExpire']>[0]>()
  let next = 0

  /** Of all processes on the file, the one that removes a record tells of its end. */
  function removeExpired(now: number): number {
    if (listeners.size === 0) return statements.sweep(now, batch)
    const expired = statements.sweepAndTell(now, batch)
    for (const { id, bytes, ends } of expired) {
      for (const listener of listeners) listener(id, bytes, ends)
    }
    return expired.length
  }

  return {
    sweep(now) {
      if (now >= next) next = removeExpired(now) < batch ? now + sweepEvery : now
    },
    onExpire(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
