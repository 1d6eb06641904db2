import { expect, test } from 'vitest'
import { createReloader } from './reload.ts'

/** Attempts that a test lets end. */
function attempts() {
  const ends: (() => void)[] = []
  let started = 0
  return {
    ends,
    get started() {
      return started
    },
    attempt: () => {
      started++
      return new Promise<void>((resolve) => ends.push(resolve))
    },
  }
}

test('a burst becomes one attempt now and one for all that came meanwhile', async () => {
  const made = attempts()
  const reloader = createReloader(made.attempt)
  for (let i = 0; i < 10; i++) reloader.request()
  expect(made.started).toBe(1)
  made.ends[0]!()
  await expect.poll(() => made.started).toBe(2)
  made.ends[1]!()
  // ten turns would be enough for an attempt that should not come
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(made.started).toBe(2)
  reloader.request()
  await expect.poll(() => made.started).toBe(3)
})

test('stop() waits for the attempt under way, and none begins any more', async () => {
  const made = attempts()
  const reloader = createReloader(made.attempt)
  reloader.request()
  reloader.request()
  let stopped = false
  const stopping = reloader.stop().then(() => {
    stopped = true
  })
  await Promise.resolve()
  expect(stopped).toBe(false)
  made.ends[0]!()
  await stopping
  reloader.request()
  expect(made.started).toBe(1)
})
