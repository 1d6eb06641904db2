import { expect, test } from 'vitest'
import type { RedisNode } from '../connection/connection.ts'
import { slotOf } from '../connection/slot.ts'
import { keyOnEach, readSlots } from './slots.ts'

const server = (id: string, host: string) => [Buffer.from(host), 7000, Buffer.from(id), []]
const answering = (reply: unknown) => ({ call: async () => reply }) as unknown as RedisNode

test('the same distribution gives the same text, whatever replicas there are and how servers are reached', async () => {
  const one = await readSlots(answering([[0, 99, server('a', '10.0.0.1'), server('r', '10.0.0.9')]]))
  const other = await readSlots(answering([[0, 99, server('a', 'a.example')]]))
  const moved = await readSlots(answering([[0, 99, server('b', '10.0.0.1')]]))
  expect(one.text).toBe(other.text)
  expect(one.text).not.toBe(moved.text)
})

test('each server has one key, and the name itself where it lies', async () => {
  const slots = await readSlots(
    answering([
      [0, 5460, server('a', 'a')],
      [5461, 10_922, server('b', 'b')],
      [10_923, 16_000, server('c', 'c')],
      [16_001, 16_383, server('a', 'a')],
    ]),
  )
  const keys = keyOnEach('shop:~keys', slots)
  expect(keys).toHaveLength(3)
  expect(keys).toContain('shop:~keys')
  for (const [index, owns] of slots.owners.entries()) expect(owns(slotOf(keys[index]!))).toBe(true)
})

test('a server with one slot has its key too', async () => {
  const slots = await readSlots(
    answering([
      [0, 0, server('a', 'a')],
      [1, 16_383, server('b', 'b')],
    ]),
  )
  expect(keyOnEach('shop:~keys', slots).map(slotOf)).toContain(0)
})
