/**
 * The store's clock, as it can be known from here: every gateway goes by it, so that their own clocks do not matter. It is
 * the time that a reply told, carried on by a clock that nobody sets.
 */

export interface StoreClock {
  /** Milliseconds since 1970, whole. As long as no reply told it: by the clock of this machine. */
  now(): number
  /** Takes note of the reply to TIME, which was true at some moment between the two, given by `monotonic`. */
  sample(seconds: unknown, microseconds: unknown, sentAt: number, receivedAt: number): void
}

/** By how much clocks may drift apart, per millisecond: then an older sample is worth less. */
const drift = 1 / 5000

/**
 * @param monotonic milliseconds of a clock that is never set
 * @param wall milliseconds since 1970
 */
export function createStoreClock(monotonic: () => number, wall: () => number): StoreClock {
  let best: { readonly offset: number; readonly error: number; readonly at: number } | undefined

  return {
    now: () => Math.round(best === undefined ? wall() : monotonic() + best.offset),
    sample(seconds, microseconds, sentAt, receivedAt) {
      const toldAt = Number(seconds) * 1000 + Number(microseconds) / 1000
      if (!Number.isFinite(toldAt)) return
      const sample = { offset: toldAt - (sentAt + receivedAt) / 2, error: (receivedAt - sentAt) / 2, at: receivedAt }
      const bestError = best === undefined ? Number.POSITIVE_INFINITY : best.error + (receivedAt - best.at) * drift
      // Further apart than both can be wrong: the server's clock was set, or another server answers.
      const wasSet = best !== undefined && Math.abs(sample.offset - best.offset) > sample.error + bestError
      if (wasSet || sample.error <= bestError) best = sample
    },
  }
}
