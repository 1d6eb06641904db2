import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createExpiry, type Expires } from './expiry.ts'

const entry = (endsAt: number): Expires => ({ endsAt, gone: false })

test('what ends first comes out first, whatever was moved or discarded in between', () => {
  const action = fc.record({ end: fc.nat(1000), move: fc.option(fc.nat(2000)), discard: fc.boolean() })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
      const expiry = createExpiry<Expires>()
      const kept: Expires[] = []
      for (const { end, move, discard } of actions) {
        const added = entry(end)
        expiry.add(added)
        if (move !== null) added.endsAt = end + move
        if (discard) expiry.discard(added)
        else kept.push(added)
      }
      const out: Expires[] = []
      for (let now = 0; now <= 3000; now += 100) {
        for (let next = expiry.takeEnded(now, 1000); next !== undefined; next = expiry.takeEnded(now, 1000)) {
          expect(next.endsAt).toBeLessThanOrEqual(now)
          out.push(next)
        }
        expect(kept.filter(({ endsAt }) => endsAt <= now).length).toBe(out.length)
      }
      expect(new Set(out)).toEqual(new Set(kept))
      expect(expiry.size).toBe(0)
    }),
  )
})

test('discarded entries do not pile up until their time', () => {
  const expiry = createExpiry<Expires>()
  for (let index = 0; index < 10_000; index += 1) {
    const added = entry(1_000_000)
    expiry.add(added)
    expiry.discard(added)
  }
  expect(expiry.size).toBeLessThan(100)
})

test('the work of one call is bounded', () => {
  const expiry = createExpiry<Expires>()
  const entries = Array.from({ length: 1000 }, () => entry(1))
  for (const one of entries) expiry.add(one)
  for (const one of entries) one.endsAt = 100
  expect(expiry.takeEnded(50, 10)).toBeUndefined()
  expect(entries.every(({ gone }) => !gone)).toBe(true)
})
