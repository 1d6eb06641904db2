import { backgroundTimer, type Schedule } from '@coatcheck/session'
import { messageOf } from '../../errors.ts'

/** Whether a store answers. */
export interface StoreHealth {
  /** Why it is down; `undefined` while it is up. */
  readonly problem: string | undefined
  /** What is not well although it is up. */
  readonly note: string | undefined
  /** It takes nothing more. */
  readonly full: boolean
  /** An operation failed. */
  failed(error: unknown): void
  /** Looks at it no more. */
  close(): void
}

export interface StoreHealthOptions {
  /** Asks the store for something harmless; rejects when it fails. */
  readonly look: () => Promise<unknown>
  /** It went down or came back. */
  readonly changed: () => void
  readonly timing: Timing
}

/** What tells and takes time; tests move a clock instead. */
export interface Timing {
  /** Milliseconds from any beginning. */
  readonly clock: () => number
  readonly schedule: Schedule
}

/** Milliseconds from a failure to the first look, and between looks. */
const firstPause = 1_000
/** The same for a store that goes down again and again: twice as long each time, up to this. */
const longestPause = 30_000
/** Up for so many milliseconds, it is well again. */
const wellAfter = 60_000

/** The clock and the timers of the process, which these do not keep alive. */
export const realTiming: Timing = { clock: () => performance.now(), schedule: backgroundTimer }

/**
 * The health of a store of which only operations tell: down from one that failed until a look at it succeeds.
 *
 * Operations that succeed meanwhile change nothing. Of a store that is full, reads succeed while new sessions fail: it
 * would be down and up again with every request. Nor can recovery wait for a request: nobody may come.
 */
export function createStoreHealth({ look, changed, timing }: StoreHealthOptions): StoreHealth {
  const { clock, schedule } = timing
  let problem: string | undefined
  let pause = firstPause
  let backAt = Number.NEGATIVE_INFINITY
  let closed = false
  let cancel = () => {}

  function failed(error: unknown): void {
    if (problem !== undefined || closed) return
    problem = messageOf(error)
    pause = clock() - backAt < wellAfter ? Math.min(pause * 2, longestPause) : firstPause
    cancel = schedule(lookAgain, pause)
    changed()
  }

  function lookAgain(): void {
    look().then(back, (error) => {
      if (closed) return
      problem = messageOf(error)
      cancel = schedule(lookAgain, pause)
    })
  }

  function back(): void {
    if (closed) return
    problem = undefined
    backAt = clock()
    changed()
  }

  return {
    get problem() {
      return problem
    },
    note: undefined,
    full: false,
    failed,
    close() {
      closed = true
      cancel()
    },
  }
}

export interface Seen {
  readonly problem: string | undefined
  readonly notes: readonly string[]
  readonly full: boolean
}

export interface WatchedHealthOptions {
  /** How the store is by what it knows itself: why it is down, what is not well. */
  readonly see: () => Seen
  /** That is not as it was. */
  readonly changed: () => void
  readonly timing: Timing
}

/**
 * The health of a store that knows by itself whether it is reached: seen once a second, and when an operation fails.
 *
 * An operation that fails while the store is reached is a note until a second passes without another: one slow answer,
 * or a store that is full, takes no gateway out of service.
 */
export function createWatchedHealth({ see, changed, timing: { schedule } }: WatchedHealthOptions): StoreHealth {
  let failure: string | undefined
  let failedSince = false
  let closed = false
  let told = shownState()
  let cancel = schedule(lookAgain, firstPause)

  function noteOf(notes: readonly string[]): string | undefined {
    const all = failure === undefined ? notes : [`an operation failed: ${failure}`, ...notes]
    return all.length === 0 ? undefined : all.join('; ')
  }

  function shownState(): string {
    const { problem, notes } = see()
    return problem === undefined ? `up ${noteOf(notes)}` : `down ${problem}`
  }

  function tell(): void {
    const now = shownState()
    if (now === told) return
    told = now
    changed()
  }

  function lookAgain(): void {
    if (!failedSince) failure = undefined
    failedSince = false
    cancel = schedule(lookAgain, firstPause)
    tell()
  }

  return {
    get problem() {
      return see().problem
    },
    get note() {
      return noteOf(see().notes)
    },
    get full() {
      return see().full
    },
    failed(error) {
      if (closed) return
      failure ??= messageOf(error)
      failedSince = true
      tell()
    },
    close() {
      closed = true
      cancel()
    },
  }
}
