/** Removes expired records in small batches on the way of writes, and tells of them. */
import type { Statements } from './statements.ts'

/** Milliseconds between two looks for expired records, when the last one found no more. */
const sweepEvery = 1000

export interface Sweeper {
  /** To be called with each write: removes one batch at most, and goes on with the next write when there is more. */
  sweep(now: number): void
  /** Of all processes on the file, the one that removes a record tells of its end. */
  onExpire(listener: (id: string, bytes: Uint8Array) => void): () => void
}

export function createSweeper(statements: Statements, batch: number): Sweeper {
  const listeners = new Set<(id: string, bytes: Uint8Array) => void>()
  let next = 0

  function removeExpired(now: number): number {
    if (listeners.size === 0) return statements.sweep(now, batch)
    const expired = statements.sweepAndTell(now, batch)
    for (const { id, bytes } of expired) for (const listener of listeners) listener(id, bytes)
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
