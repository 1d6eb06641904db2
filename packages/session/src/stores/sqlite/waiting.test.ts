import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTimers } from '../../fixtures/timers.ts'
import { createWaitingLine } from './waiting.ts'

const busy = Object.assign(new Error('database is locked'), { errcode: 5 })

/** A lock that is held or not, a line before it, and timers that run when they are told to. */
function world({ limit = 1000 } = {}) {
  const timers = createTimers()
  const world = {
    held: true,
    attempts: 0,
    done: [] as number[],
    timers,
    line: createWaitingLine({
      limit: () => limit,
      failure: (error) => `failed: ${(error as Error).message}`,
      schedule: timers.schedule,
    }),
    work: (number: number) => () => {
      world.attempts += 1
      if (world.held) throw busy
      world.done.push(number)
      return number
    },
    run: (number: number) => world.line.run(world.work(number)),
  }
  return world
}

test('work that finds no lock is done before run() returns', () => {
  const one = world()
  one.held = false
  void one.run(1)
  expect([one.done, one.timers.waiting]).toEqual([[1], 0])
})

test('what a lock keeps waiting is done in the order in which it came, once each', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), async (steps) => {
      const one = world({ limit: 1e6 })
      const results: Promise<number>[] = []
      for (const [number, held] of steps.entries()) {
        results.push(one.run(number))
        one.held = held
        one.timers.next()
      }
      one.held = false
      while (one.timers.waiting > 0) one.timers.next()
      expect(await Promise.all(results)).toEqual(steps.map((_, number) => number))
      expect(one.done).toEqual(steps.map((_, number) => number))
    }),
  )
})

test('however many wait, one pause is under way and one of them tries', async () => {
  const one = world()
  const results = Array.from({ length: 200 }, (_, number) => one.run(number))
  expect([one.attempts, one.timers.waiting]).toEqual([1, 1])
  for (let count = 0; count < 10; count += 1) one.timers.next()
  expect([one.attempts, one.timers.waiting]).toEqual([11, 1])
  one.held = false
  while (one.timers.waiting > 0) one.timers.next()
  expect((await Promise.all(results)).length).toBe(200)
})

test('many that can go on at last leave the thread to others in between', async () => {
  const one = world()
  const results = Array.from({ length: 100 }, (_, number) => one.run(number))
  one.held = false
  one.timers.next()
  expect(one.done.length).toBeLessThanOrEqual(20)
  while (one.timers.waiting > 0) one.timers.next()
  await Promise.all(results)
})

test('who waited for the limit fails and is never done later; who came later waits on', async () => {
  const one = world({ limit: 100 })
  const first = one.run(1)
  for (let passed = 0; passed < 60; ) passed += one.timers.next()
  const second = one.run(2)
  for (let passed = 0; passed < 60; ) passed += one.timers.next()
  await expect(first).rejects.toBe('failed: database is locked')
  one.held = false
  while (one.timers.waiting > 0) one.timers.next()
  expect(await second).toBe(2)
  expect(one.done).toEqual([2])
})

test('the number of those who wait is bounded: one too many fails at once', async () => {
  const one = world()
  const results = Array.from({ length: 1000 }, (_, number) => one.run(number))
  await expect(one.run(1000)).rejects.toBe('failed: database is locked')
  expect(one.attempts).toBe(1)
  one.held = false
  while (one.timers.waiting > 0) one.timers.next()
  expect((await Promise.all(results)).length).toBe(1000)
})

test('another failure fails the one it befell, and no other', async () => {
  const one = world()
  const first = one.line.run(() => {
    if (one.held) throw busy
    throw new Error('disk')
  })
  const second = one.run(2)
  one.held = false
  while (one.timers.waiting > 0) one.timers.next()
  await expect(first).rejects.toBe('failed: disk')
  expect(await second).toBe(2)
})

test('pauses are short at first, and never long', () => {
  const one = world()
  void one.run(1).catch(() => {})
  const pauses = Array.from({ length: 50 }, () => one.timers.next())
  expect(pauses[0]).toBeLessThan(2)
  expect(Math.max(...pauses)).toBeLessThanOrEqual(15)
  expect(Math.min(...pauses.slice(5))).toBeGreaterThanOrEqual(5)
})

test('stop() fails all who wait, and leaves no timer', async () => {
  const one = world()
  const results = [one.run(1), one.run(2)]
  one.line.stop('closed')
  for (const result of results) await expect(result).rejects.toBe('closed')
  expect(one.timers.waiting).toBe(0)
})
