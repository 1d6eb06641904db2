import { expect, test, vi } from 'vitest'
import { createTouches } from './touches.ts'

const timeouts = { idle: 1000, lifetime: 1_000_000 }

test('what is tracked is bounded: beyond it, the oldest that is owed a touch gets it at once', async () => {
  let now = 0
  const touched: string[] = []
  const touch = async (id: string) => touched.push(id) > 0
  const touches = createTouches(
    { touch },
    timeouts,
    () => now,
    () => () => undefined,
  )
  const first = touches.written('first', 0, 1000, 0)
  now = 50
  touches.use(first, now)
  for (let index = 0; index < 100_000; index += 1) touches.written(`${index}`, now, 1000, now)
  expect(touched).toEqual(['first'])
  expect(first.endsAt).toBe(1050)
  await touches.close()
})

test('requests that come while a touch is under way do not touch too', async () => {
  let now = 0
  let answer: (there: boolean) => void = () => undefined
  const touch = () => new Promise<boolean>((resolve) => (answer = resolve))
  const touches = createTouches(
    { touch },
    timeouts,
    () => now,
    () => () => undefined,
  )
  const life = touches.written('a', 0, 1000, 0)
  now = 100
  expect(touches.use(life, now)).toBe(true)
  const touching = touches.touch(life, now)
  expect(touches.use(life, now + 1)).toBe(false)
  answer(true)
  expect(await touching).toBe(true)
})

test('a touch that failed is tried again a tenth later, not at every request', async () => {
  let now = 0
  let ring: (() => void) | undefined
  const touched: number[] = []
  const touch = async () => {
    touched.push(now)
    if (touched.length === 1) throw new Error('down')
    return true
  }
  const touches = createTouches(
    { touch },
    timeouts,
    () => now,
    (callback) => {
      ring = callback
      return () => undefined
    },
  )
  const life = touches.written('a', 0, 1000, 0)
  now = 100
  expect(touches.use(life, now)).toBe(true)
  await expect(touches.touch(life, now)).rejects.toThrow('down')
  expect(life.endsAt).toBe(1000)
  now = 150
  expect(touches.use(life, now)).toBe(false)
  now = 200
  ring?.()
  expect(touched).toEqual([100, 200])
  expect(life.endsAt).toBe(1150)
})

test('close() says when what is owed could not be written', async () => {
  let now = 0
  const touch = () => Promise.reject(new Error('down'))
  const touches = createTouches(
    { touch },
    timeouts,
    () => now,
    () => () => undefined,
  )
  const life = touches.written('a', 0, 1000, 0)
  now = 50
  touches.use(life, now)
  await expect(touches.close()).rejects.toThrow('down')
})

test('a timer of its own keeps no process alive, and one that is far away does not come at once', async () => {
  const refs = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const started = vi.spyOn(globalThis, 'setTimeout')
  const touches = createTouches({ touch: async () => true }, { idle: 1e12, lifetime: 1e12 }, () => 0)
  const before = refs()
  touches.written('a', 0, 1e12, 0)
  expect(started).toHaveBeenCalledExactlyOnceWith(expect.any(Function), 2 ** 31 - 1)
  expect(refs()).toBe(before)
  await touches.close()
})

test('what another gateway touched is not touched again before a tenth has passed since', () => {
  const touches = createTouches(
    { touch: async () => true },
    timeouts,
    () => 0,
    () => () => undefined,
  )
  const life = touches.written('a', 0, 1000, 0)
  // At 100 there are 970 ms left: it was touched at 70.
  expect(touches.read('a', 0, 970, 100)).toBe(life)
  expect([100, 169, 170].map((now) => touches.use(life, now))).toEqual([false, false, true])
})
