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

/** @param start starts a worker, which serves when it resolves */
export function createRespawning(start: () => Promise<void>, log: Log): Respawning {
  const failed = Promise.withResolvers<void>()
  let failures = 0

  async function respawn(): Promise<void> {
    if (failures >= mostFailures) {
      log.error('Workers end again and again')
      failed.resolve()
      return
    }
    await sleep(firstPause * 2 ** (failures - 1))
    try {
      await start()
    } catch (error) {
      failures++
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
