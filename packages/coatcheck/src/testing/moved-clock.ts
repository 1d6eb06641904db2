import type { Schedule } from '@coatcheck/session'

/** A clock that stands still until a test moves it. */
export interface MovedClock {
  readonly schedule: Schedule
  /** Calls back what is due within so many milliseconds, in its order; also what begins meanwhile. */
  move(milliseconds: number): void
}

export function createMovedClock(): MovedClock {
  const waiting = new Set<{ at: number; callback: () => void }>()
  let now = 0

  function nextUntil(end: number) {
    const due = [...waiting].filter(({ at }) => at <= end)
    return due.toSorted((a, b) => a.at - b.at)[0]
  }

  return {
    schedule(callback, milliseconds) {
      const timer = { at: now + milliseconds, callback }
      waiting.add(timer)
      return () => waiting.delete(timer)
    },
    move(milliseconds) {
      const end = now + milliseconds
      for (let next = nextUntil(end); next !== undefined; next = nextUntil(end)) {
        waiting.delete(next)
        now = next.at
        next.callback()
      }
      now = end
    },
  }
}
