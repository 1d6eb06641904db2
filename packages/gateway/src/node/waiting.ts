/** Callers who wait until a condition holds. */
export interface Waiting {
  /** Resolves when it holds, at once where it does already. */
  wait(): Promise<void>
  /** To be called whenever it may have come true. */
  look(): void
}

export function createWaiting(holds: () => boolean): Waiting {
  let waiting: (() => void)[] = []
  return {
    wait: () => (holds() ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    look() {
      if (waiting.length === 0 || !holds()) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
  }
}
