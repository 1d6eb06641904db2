import fc from 'fast-check'
import { expect, test } from 'vitest'
import { busSettings, testStandalone } from '../testing/servers.ts'
import { slotCount, slotOf } from './slot.ts'

test('slots are those of the specification', () => {
  expect(slotOf('123456789')).toBe(0x31c3)
  expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'))
  expect(slotOf('foo{}{bar}')).not.toBe(slotOf('bar'))
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'))
})

test('slots are those of the server', async () => {
  const settings = { 'cluster-enabled': 'yes', 'cluster-config-file': 'nodes' }
  const portSettings = (port: number) => ({ 'cluster-config-file': `${port}.nodes`, ...busSettings(port + 1) })
  await using server = await testStandalone({ settings, portSettings })
  for (const key of ['', 'a', 'shop:k3J', '{a}b', 'a{b', 'a}b{c}', 'ä{€}', '{}x']) {
    expect(slotOf(key)).toBe(Number(server.command('CLUSTER', 'KEYSLOT', key)))
  }
})

test('every key has a slot, and a thousand ids spread over them', () => {
  fc.assert(
    fc.property(fc.string(), (key) => {
      const slot = slotOf(key)
      return Number.isInteger(slot) && slot >= 0 && slot < slotCount
    }),
  )
  expect(new Set(Array.from({ length: 1000 }, (_, i) => slotOf(`shop:${i}`))).size).toBeGreaterThan(900)
})
