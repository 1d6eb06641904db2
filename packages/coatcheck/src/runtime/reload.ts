/** Runs one attempt at a time; what is asked for meanwhile, however often, becomes one more attempt. */
export interface Reloader {
  request(): void
  /** Nothing is tried from now on; resolves when an attempt under way is over. */
  stop(): Promise<void>
}

/** `attempt` must not reject. */
export function createReloader(attempt: () => Promise<void>): Reloader {
  let under: Promise<void> | undefined
  let again = false
  let stopped = false

  async function run(): Promise<void> {
    do {
      again = false
      await attempt()
    } while (again && !stopped)
    under = undefined
  }

  return {
    request() {
      if (stopped) return
      if (under === undefined) under = run()
      else again = true
    },
    async stop() {
      stopped = true
      await under
    },
  }
}
