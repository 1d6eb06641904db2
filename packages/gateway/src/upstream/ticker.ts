/** Something with a deadline. */
export interface Watched {
  /** @param now the ticker's time */
  check(now: number): void
}

/**
 * The time that timeouts are measured in: milliseconds of ticks that really happened. One interval serves all
 * connections of an upstream, so a request costs no timer; a clock that is set, or a process that stood still, makes
 * nothing time out. Deadlines are never early, and late by at most two ticks.
 */
export class Ticker {
  now = 0
  readonly #period: number
  readonly #watched = new Set<Watched>()
  #interval: NodeJS.Timeout | undefined

  /** @param shortest the shortest timeout in milliseconds; a tick is a tenth of it, 10 to 250 ms */
  constructor(shortest: number) {
    this.#period = Math.min(250, Math.max(10, Math.floor(shortest / 10)))
  }

  /** Ticks as long as anything is watched; keeps no process alive. */
  add(watched: Watched): void {
    this.#watched.add(watched)
    this.#interval ??= setInterval(() => this.#tick(), this.#period).unref()
  }

  remove(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size > 0) return
    clearInterval(this.#interval)
    this.#interval = undefined
  }

  /** Whether `limit` milliseconds have passed for certain since `now` was `since`. */
  passed(since: number, limit: number): boolean {
    return this.now - since >= limit + this.#period
  }

  #tick(): void {
    this.now += this.#period
    for (const watched of this.#watched) watched.check(this.now)
  }
}
