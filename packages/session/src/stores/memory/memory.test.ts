import { describe, expect, test } from 'vitest'
import { recordStoreSuite } from '../../testing/index.ts'
import { memoryRecords } from './index.ts'

describe('the suite of record stores', () => {
  for (const { name, run } of recordStoreSuite({ open: (clock) => memoryRecords({ clock }) })) test(name, run)
})

const content = (length: number) => new Uint8Array(length)

test('a full store puts no session out for a new one', async () => {
  const store = memoryRecords({ maxEntries: 2 })
  await store.create('a', content(1), 1000)
  await store.create('b', content(1), 1000)
  await expect(store.create('c', content(1), 1000)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  expect(store.size).toBe(2)
  await store.delete('a')
  expect(await store.create('c', content(1), 1000)).toBeDefined()
})

test('bytes are bounded, for new records and for those that grow', async () => {
  const store = memoryRecords({ maxBytes: 100 })
  const version = await store.create('a', content(60), 1000)
  await expect(store.create('b', content(41), 1000)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  await expect(store.update('a', content(101), version!, 1000)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  expect(store.bytes).toBe(60)
  expect(await store.update('a', content(10), version!, 1000)).toBeDefined()
  expect(store.bytes).toBe(10)
  expect(await store.create('b', content(90), 1000)).toBeDefined()
})

test('ended records free their room without being asked for', async () => {
  let now = 0
  const store = memoryRecords({ maxEntries: 10, clock: () => now })
  for (let index = 0; index < 10; index += 1) await store.create(`old-${index}`, content(5), 1000)
  now = 1000
  for (let index = 0; index < 10; index += 1) await store.create(`new-${index}`, content(5), 1000)
  expect(store.size).toBe(10)
  expect(store.bytes).toBe(50)
})

test('a session that is touched for ever takes one place, however often it is', async () => {
  let now = 0
  const store = memoryRecords({ clock: () => now })
  await store.create('a', content(5), 1000)
  for (let index = 0; index < 10_000; index += 1) {
    now += 500
    expect(await store.touch('a', 1000)).toBe(true)
  }
  expect(store.size).toBe(1)
  now += 1000
  await store.read('b')
  expect(store.size).toBe(0)
})

test('bounds that bound nothing are refused', () => {
  for (const value of [0, -1, Number.NaN]) {
    expect(() => memoryRecords({ maxEntries: value })).toThrow(/maxEntries/)
    expect(() => memoryRecords({ maxBytes: value })).toThrow(/maxBytes/)
  }
})
