/** Work that a lock keeps from being done waits here in order, and the thread goes on meanwhile. */
import type { Schedule } from '../../schedule.ts'
import { isBusy } from './failure.ts'

/** Those who wait at once; beyond it, the lock is an outage without a wait. */
const maxWaiting = 1000
/** What is done in one go before others get the thread. */
const burst = 16
/**
 * Milliseconds between two attempts: the first ones, and those while it goes on. Each is drawn between half and one and
 * a half.
 */
const shortestPause = 1
const longestPause = 10

export interface WaitingOptions {
  /** Milliseconds of pauses after which one who waits gives up; asked when the wait begins. */
  limit(): number
  /** What to reject with. */
  failure(error: unknown): unknown
  schedule: Schedule
}

export interface WaitingLine {
  /**
   * Does the work at once when nobody waits. While it throws that a lock is held, it is tried again, after those who
   * came before; rejects when the limit is reached or too many wait, and then is never done.
   */
  run<Result>(work: () => Result): Promise<Result>
  /** All who wait are rejected with this. */
  stop(reason: unknown): void
}

interface Waiting {
  work(): unknown
  resolve(result: never): void
  reject(error: unknown): void
  /** In milliseconds of pauses since the line was made. */
  readonly until: number
}

export function createWaitingLine({ limit, failure, schedule }: WaitingOptions): WaitingLine {
  let line: Waiting[] = []
  let busy: unknown
  // Counted in pauses, not read from a clock: on a machine that stalls, everyone still gets as many attempts.
  let paused = 0
  let nextPause = shortestPause
  let callOff: (() => void) | undefined

  function pause(): void {
    if (callOff !== undefined) return
    const milliseconds = nextPause * (0.5 + Math.random())
    callOff = schedule(() => {
      paused += milliseconds
      advance()
    }, milliseconds)
  }

  function advance(): void {
    callOff = undefined
    nextPause = Math.min(nextPause * 2, longestPause)
    for (let done = 0; done < burst && line.length > 0; done += 1) {
      if (!tryFirst(line[0]!)) break
      line.shift()
      nextPause = shortestPause
    }
    if (line.length > 0) pause()
    else nextPause = shortestPause
  }

  /** False when it has to wait on. */
  function tryFirst({ work, resolve, reject }: Waiting): boolean {
    try {
      resolve(work() as never)
    } catch (error) {
      if (isBusy(error)) {
        giveUp(error)
        return false
      }
      reject(failure(error))
    }
    return true
  }

  function giveUp(error: unknown): void {
    busy = error
    for (const { until, reject } of line) if (until <= paused) reject(failure(error))
    line = line.filter(({ until }) => until > paused)
  }

  function wait<Result>(work: () => Result): Promise<Result> {
    if (line.length >= maxWaiting) return Promise.reject(failure(busy))
    const until = paused + limit()
    return new Promise<Result>((resolve, reject) => {
      line.push({ work, resolve, reject, until })
      pause()
    })
  }

  return {
    run(work) {
      if (line.length > 0) return wait(work)
      try {
        return Promise.resolve(work())
      } catch (error) {
        if (!isBusy(error)) return Promise.reject(failure(error))
        busy = error
        return wait(work)
      }
    },
    stop(reason) {
      callOff?.()
      callOff = undefined
      for (const { reject } of line) reject(reason)
      line = []
    },
  }
}
