/** Removes expired records in small batches on the way of writes, and tells of them. */
import type { Expiring } from '../../store.ts'
import type { Statements } from './statements.ts'

/** Milliseconds between two looks for expired records, when the last one found no more. */
const sweepEvery = 1000

/** Who is told of expired records, whichever file they were in. */
export type Listeners = ReadonlySet<Parameters<Expiring['onExpire']>[0]>

/** To be called with each write: removes one batch at most, and goes on with the next write when there is more. */
export type Sweep = (now: number) => void

export function createSweeper(statements: Statements, batch: number, listeners: Listeners): Sweep {
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

  return (now) => {
    if (now >= next) next = removeExpired(now) < batch ? now + sweepEvery : now
  }
}
