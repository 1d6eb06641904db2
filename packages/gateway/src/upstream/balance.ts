import type { Target } from './target.ts'

/** How a target does. Only `Balance` changes it. */
export interface Standing<T extends Target> {
  readonly target: T
  /** Of the smooth weighted round robin. */
  credit: number
  /** Failures since the last answer. */
  failures: number
  /** Until then it is set aside, by the clock; 0: it is not. */
  asideUntil: number
}

export interface BalanceOptions<T extends Target> {
  readonly targets: readonly T[]
  readonly failing: { readonly after: number; readonly for: number }
  readonly clock: () => number
  /** A target was set aside (`false`) or answered again. */
  readonly changed: (target: T, up: boolean) => void
}

/**
 * Chooses targets by smooth weighted round robin. One that fails `failing.after` times in a row is set aside for
 * `failing.for` milliseconds; then one request tries it, and its answer brings it back.
 *
 * Set aside means tried last, not never: when no other is left a request still goes there, spread over all of them by
 * weight. A refusal without a try would turn the restart of a lone upstream into `failing.for` of 503, and costs are
 * bounded by the connect timeout either way.
 */
export class Balance<T extends Target> {
  readonly #standings: readonly Standing<T>[]
  readonly #options: BalanceOptions<T>

  constructor(options: BalanceOptions<T>) {
    this.#options = options
    this.#standings = options.targets
      .filter(({ weight }) => weight > 0)
      .map((target) => ({ target, credit: 0, failures: 0, asideUntil: 0 }))
  }

  /** @returns `undefined` when every target with a weight has been tried */
  pick(tried: readonly Standing<T>[]): Standing<T> | undefined {
    const first = this.#standings[0]
    if (this.#standings.length === 1 && tried.length === 0) return first
    return this.#turn(tried, false) ?? this.#turn(tried, true)
  }

  /** It answered, whatever the status. */
  succeeded(standing: Standing<T>): void {
    if (standing.failures === 0) return
    standing.failures = 0
    if (standing.asideUntil === 0) return
    standing.asideUntil = 0
    this.#options.changed(standing.target, true)
  }

  /** It could not be reached, was silent for too long, or broke off before an answer. */
  failed(standing: Standing<T>): void {
    const { failing, clock, changed } = this.#options
    standing.failures++
    if (standing.failures < failing.after) return
    const fresh = standing.asideUntil === 0
    standing.asideUntil = clock() + failing.for
    if (fresh) changed(standing.target, false)
  }

  #turn(tried: readonly Standing<T>[], aside: boolean): Standing<T> | undefined {
    let best: Standing<T> | undefined
    let total = 0
    for (const standing of this.#standings) {
      if (tried.includes(standing) || this.#isAside(standing) !== aside) continue
      standing.credit += standing.target.weight
      total += standing.target.weight
      if (!best || standing.credit > best.credit) best = standing
    }
    if (!best) return undefined
    best.credit -= total
    // Its time is over, so this request tries it; the others wait for the outcome.
    if (!aside && best.asideUntil > 0) best.asideUntil = this.#options.clock() + this.#options.failing.for
    return best
  }

  #isAside(standing: Standing<T>): boolean {
    if (standing.asideUntil === 0) return false
    const left = standing.asideUntil - this.#options.clock()
    // A clock that was set back must not hold a target for longer than it was told.
    return left > 0 && left <= this.#options.failing.for
  }
}
