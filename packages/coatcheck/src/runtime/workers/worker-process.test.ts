import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { WorkerStart } from './worker-messages.ts'
import { startWorker } from './worker-process.ts'

test('a worker that stands still is not asked for more than four snapshots, and for new ones when it goes on', async () => {
  const state = mkdtempSync(join(tmpdir(), 'coatcheck-worker-'))
  const start: WorkerStart = { version: '1', revision: undefined, logLevel: 'error', state, workers: 2 }
  let told = 0
  const share = { told: () => void told++, ended() {} }
  const worker = startWorker(start, share, () => {})
  await worker.order({ kind: 'undo' })
  process.kill(worker.pid, 'SIGSTOP')
  for (let asked = 0; asked < 10; asked++) await worker.snapshot(false, 1)
  process.kill(worker.pid, 'SIGCONT')
  // answered in the order of the orders
  await worker.order({ kind: 'undo' })
  expect(told).toBe(4)
  await worker.snapshot(false, 2 ** 31 - 1)
  expect(told).toBe(5)
  worker.kill()
  await worker.exited
  rmSync(state, { recursive: true })
})
