/** How many replicas a primary has, and had a moment ago: the one that left may be the one that takes over. */
import { StoreFailure } from './failure.ts'

/** Milliseconds for which one that left counts. A failover that somebody planned takes a few seconds. */
const countsFor = 30_000

export interface ReplicaCount {
  saw(replicas: number): void
  /** The most that were seen together within the last 30 seconds; 0 when nothing was seen. */
  most(): number
}

/** @param now milliseconds of a clock that is never set */
export function replicaCount(now: () => number): ReplicaCount {
  /** When each number was seen last: there are few. */
  const seen = new Map<number, number>()
  return {
    saw: (replicas) => void seen.set(replicas, now()),
    most() {
      let most = 0
      for (const [replicas, at] of seen) {
        if (now() - at >= countsFor) seen.delete(replicas)
        else most = Math.max(most, replicas)
      }
      return most
    },
  }
}

/** In the reply to ROLE: those that follow, and could be promoted. @throws StoreFailure when it is of no primary */
export function replicasIn(role: unknown): number {
  if (role === undefined) return 0
  const [name, , replicas] = Array.isArray(role) ? role : []
  if (String(name) === 'master' && Array.isArray(replicas)) return replicas.length
  throw new StoreFailure('role', 'The server is no primary any more.', { notExecuted: true })
}
