/** The time that one request waits for the store, however many times it asks: then it fails, whatever is under way. */
import { SessionError } from './errors.ts'
import { backgroundTimer, type Schedule } from './schedule.ts'

export interface Deadline {
  /**
   * The same result, or `ERR_STORE_UNAVAILABLE` when the time is over first. What was begun by then goes on, and may be done; what
   * was not is never begun, and the error says so (`notExecuted`).
   *
   * @param work gets the milliseconds that are left
   */
  within<Result>(work: (left: number) => Promise<Result>): Promise<Result>
}

/** Milliseconds more than a store was given: it knows whether it had begun, and should be the one who says that the time is over. */
const afterStore = 20

/** Gives the time to what is done, and stops the timer after it. */
export async function untilDeadline<Result>(
  milliseconds: number,
  schedule: Schedule = backgroundTimer,
  work: (deadline: Deadline) => Promise<Result>,
): Promise<Result> {
  const over = Promise.withResolvers<never>()
  // Nobody may be waiting.
  over.promise.catch(() => {})
  const startedAt = performance.now()
  const giveUp = () => over.reject(tooLate('It may be done all the same.', false))
  const callOff = schedule(giveUp, Math.max(milliseconds, 0) + afterStore)
  try {
    return await work({
      within(step) {
        const left = milliseconds - (performance.now() - startedAt)
        if (left <= 0) return Promise.reject(tooLate('It was not asked.', true))
        return Promise.race([step(left), over.promise])
      },
    })
  } finally {
    callOff()
  }
}

function tooLate(what: string, notExecuted: boolean): SessionError {
  const message = `The session store took longer than one request waits for it. ${what} Try again when it answers in time.`
  return new SessionError('ERR_STORE_UNAVAILABLE', message, { notExecuted })
}
