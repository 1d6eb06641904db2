/** The time that one request waits for the store, however many times it asks: then it fails, whatever is under way. */
import { SessionError } from './errors.ts'
import { backgroundTimer, type Schedule } from './schedule.ts'

export interface Deadline {
  /**
   * The same result, or `ERR_STORE_UNAVAILABLE` when the time is over first. What was begun by then goes on, and may be done; what
   * was not is never begun, and the error says so (`notExecuted`).
   */
  within<Result>(work: () => Promise<Result>): Promise<Result>
}

/** Gives the time to what is done, and stops the timer after it. */
export async function untilDeadline<Result>(
  milliseconds: number,
  schedule: Schedule = backgroundTimer,
  work: (deadline: Deadline) => Promise<Result>,
): Promise<Result> {
  const over = Promise.withResolvers<never>()
  // Nobody may be waiting.
  over.promise.catch(() => {})
  let isOver = milliseconds <= 0
  const callOff = schedule(
    () => {
      isOver = true
      over.reject(tooLate('It may be done all the same.', false))
    },
    Math.max(milliseconds, 0),
  )
  try {
    return await work({
      within: (step) =>
        isOver ? Promise.reject(tooLate('It was not asked.', true)) : Promise.race([step(), over.promise]),
    })
  } finally {
    callOff()
  }
}

function tooLate(what: string, notExecuted: boolean): SessionError {
  const message = `The session store took longer than one request waits for it. ${what} Try again when it answers in time.`
  return new SessionError('ERR_STORE_UNAVAILABLE', message, { notExecuted })
}
