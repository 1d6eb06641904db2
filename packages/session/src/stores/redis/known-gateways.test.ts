import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareGateways, fingerprint, formatGateway, type KnownGateway, parseGateway } from './known-gateways.ts'

const texts = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 32 }).filter((name) => name !== '__proto__'),
  fc.string({ maxLength: 256 }),
  { maxKeys: 8, noNullPrototype: true },
)
const gateways = fc.record({ keys: texts, settings: texts }, { noNullPrototype: true })

test('an entry that was written is read as it was, in whatever order its fields came', () => {
  fc.assert(
    fc.property(gateways, (gateway) => {
      expect(parseGateway(formatGateway(gateway))).toEqual(gateway)
      const reversed = (fields: KnownGateway['keys']) => Object.fromEntries(Object.entries(fields).reverse())
      const other = { keys: reversed(gateway.keys), settings: reversed(gateway.settings) }
      expect(formatGateway(other)).toBe(formatGateway(gateway))
    }),
  )
})

test('anything else is none, and never an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const gateway = parseGateway(text)
      expect(gateway === undefined || typeof gateway.keys === 'object').toBe(true)
    }),
  )
  for (const value of [null, [], 1, { keys: {} }, { keys: [], settings: {} }, { keys: { a: 1 }, settings: {} }]) {
    expect(parseGateway(JSON.stringify(value))).toBeUndefined()
  }
  expect(parseGateway(JSON.stringify({ keys: { a: 'x'.repeat(257) }, settings: {} }))).toBeUndefined()
})

test('a fingerprint tells apart keys, ids and prefixes', () => {
  const key = { id: 'k1', bytes: new Uint8Array(32).fill(1) }
  const prints = [
    fingerprint(key, 'shop'),
    fingerprint(key, 'shop2'),
    fingerprint({ ...key, id: 'k2' }, 'shop'),
    fingerprint({ ...key, bytes: new Uint8Array(32).fill(2) }, 'shop'),
  ]
  expect(new Set(prints).size).toBe(4)
  for (const print of prints) expect(print).toMatch(/^[\w-]{12}$/)
})

describe('compared with those that run', () => {
  const gateway = (keys: KnownGateway['keys'], settings = {}): KnownGateway => ({ keys, settings })
  const own = gateway({ a: '1', b: '2' })

  test.each([
    ['nobody', [], false, undefined],
    ['one that shares a key', [gateway({ b: '2', c: '3' })], false, undefined],
    ['one that shares none', [gateway({ c: '3' })], false, /^None of the keys here \("a", "b"\)/],
    ['one that shares none, beside one that is alike', [gateway({ c: '3' })], true, undefined],
    ['two, of which one shares a key', [gateway({ c: '3' }), gateway({ a: '1' })], false, undefined],
    ['one with another key of the same id', [gateway({ a: '9', b: '2' })], true, /^Under the key id "a"/],
    ['one that has no keys yet', [gateway({})], false, /^None of the keys here/],
  ])('%s', (_, others, alike, conflict) => {
    const found = compareGateways(own, others.map(formatGateway), alike)
    if (conflict === undefined) expect(found.conflict).toBeUndefined()
    else expect(found.conflict).toMatch(conflict)
  })

  test('keys that others have are missing, whatever else', () => {
    const missing = (...others: KnownGateway[]) => compareGateways(own, others.map(formatGateway), false).missing
    expect(missing(gateway({ b: '2', c: '3' }), gateway({ a: '1', 'd\u001b': '4' }))).toEqual(['c', 'd?'])
    expect([missing(), missing(gateway({ a: '1' })), missing(gateway({ c: '3' }))]).toEqual([[], [], ['c']])
  })

  test('what others say steers no terminal', () => {
    const other = gateway({ 'a\u001b[2J': '1' }, { idle: '\u001b[31m\n\u009b' })
    const sharing = gateway({ a: '1' }, { idle: '1' })
    const entries = [formatGateway(other), formatGateway(sharing)]
    expect(compareGateways(gateway({ a: '1' }, { idle: '1' }), entries, true).warnings).toEqual([
      'The setting "idle" is 1 here and ?[31m?? in gateways that share the sessions.',
      expect.stringContaining('but "a?[2J":'),
    ])
  })

  test('settings that the other does not have differ in nothing', () => {
    const [one, other] = [gateway({ a: '1' }, { idle: '1', new: '2' }), gateway({ a: '1' }, { idle: '1', old: '3' })]
    expect(compareGateways(one, [formatGateway(other)], false).warnings).toEqual([])
  })
})
