import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@coatcheck/gateway'

/** Puts another worker in the place of each that ends. */
export interface Respawning {
  /** One ended that had lived for so many milliseconds. The pause before the next doubles while they are never well. */
  ended(lived: number): void
  /** Resolves when too many in a row were never well: no other is started. */
  readonly failed: Promise<void>
}

/** A worker that ends sooner than this after its start, in milliseconds, was never well. */
const wellAfter = 5_000
/** So many in a row that were never well, and the program gives up. */
const mostFailures = 5
/** Milliseconds from the first end to the next start. */
const firstPause = 100
/** The longest pause, in milliseconds, between two starts that a store did not let through. */
const longestPause = 5_000

/**
 * @param start starts a worker, which serves when it resolves
 * @param pause waits so many milliseconds
 */
export function createRespawning(
  start: () => Promise<void>,
  log: Log,
  pause: (milliseconds: number) => Promise<void> = sleep,
): Respawning {
  const failed = Promise.withResolvers<void>()
  let failures = 0
  let outages = 0

  async function respawn(): Promise<void> {
    if (failures >= mostFailures) {
      log.error('Workers end again and again')
      failed.resolve()
      return
    }
    await pause(Math.min(firstPause * 2 ** (failures - 1 + outages), longestPause))
    try {
      await start()
      outages = 0
    } catch (error) {
      // a store that is away is no fault of the worker: those that run go on, and this one follows when it is back
      if (isOutage(error)) outages++
      else failures++
      log.error('A worker could not be started', { error: { message: String(error) } })
      void respawn()
    }
  }

  return {
    ended(lived) {
      failures = lived > wellAfter ? 1 : failures + 1
      void respawn()
    },
    failed: failed.promise,
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STORE_UNAVAILABLE'
}
