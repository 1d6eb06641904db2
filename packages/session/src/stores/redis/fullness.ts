/** Whether servers refuse what would take more of their memory, as writes find out. Reading and ending go on meanwhile. */
import { isOutOfMemory } from './connection/failure.ts'

/** Milliseconds after a refusal in which a write says nothing: in a cluster, one server alone may be full. */
const lasts = 10_000

export interface Fullness {
  readonly full: boolean
  /** Runs a write that takes memory. */
  watch<Result>(write: () => Promise<Result>): Promise<Result>
}

/** @param now milliseconds of a clock that is never set */
export function createFullness(now: () => number): Fullness {
  let refusedAt: number | undefined
  return {
    get full() {
      return refusedAt !== undefined
    },
    async watch(write) {
      try {
        const result = await write()
        if (refusedAt !== undefined && now() - refusedAt >= lasts) refusedAt = undefined
        return result
      } catch (error) {
        if (isOutOfMemory(error)) refusedAt = now()
        throw error
      }
    },
  }
}
