import type { Log } from '@coatcheck/gateway'
import { SessionError } from '@coatcheck/session'
import { expect, test } from 'vitest'
import { createRespawning } from './respawning.ts'

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Starts that end as the list says, one after another; the last one for ever. */
function respawn(outcomes: readonly (Error | undefined)[]) {
  const pauses: number[] = []
  const served = Promise.withResolvers<void>()
  let started = 0
  const respawning = createRespawning(
    async () => {
      const outcome = outcomes[Math.min(started++, outcomes.length - 1)]
      if (outcome !== undefined) throw outcome
      served.resolve()
    },
    quiet,
    async (milliseconds) => {
      pauses.push(milliseconds)
    },
  )
  respawning.ended(10_000)
  return { pauses, served: served.promise, failed: respawning.failed.then(() => started) }
}

test('five starts in a row that fail are given up', async () => {
  const { failed, pauses } = respawn([new Error('broken')])
  expect(await failed).toBe(4)
  expect(pauses).toEqual([100, 200, 400, 800])
})

test('a store that is away keeps a worker waiting, for ever and without haste', async () => {
  const outage = new SessionError('ERR_STORE_UNAVAILABLE', 'damaged')
  const { served, pauses } = respawn([...Array.from({ length: 20 }, () => outage), undefined])
  await served
  expect(pauses).toHaveLength(21)
  expect(pauses.slice(0, 3)).toEqual([100, 200, 400])
  expect(pauses.at(-1)).toBe(5_000)
})
