import { inspect } from 'node:util'
import { Secret } from '@coatcheck/model'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable } from './printable.ts'

const circle: Record<string, unknown> = {}
circle.self = circle

class Hostile {
  get name(): string {
    throw new Error('no name')
  }
  toJSON(): never {
    throw new Error('no JSON')
  }
}
const thrower = {
  get broken(): never {
    throw new Error('getter')
  },
  fine: 1,
}

test.each([
  ['a secret', { password: new Secret('hunter2') }, { password: '[secret]' }],
  ['a secret in a map', new Map([['key', new Secret(Buffer.from('k'))]]), { key: '[secret]' }],
  ['a buffer', { key: Buffer.from('0123456789abcdef') }, { key: '[16 bytes]' }],
  ['a bigint', { n: 1n }, { n: '1' }],
  ['a number that JSON has not', { n: Number.NaN }, { n: 'NaN' }],
  ['a function', { f: () => 1 }, { f: '[function]' }],
  ['a symbol', { s: Symbol('x') }, { s: 'Symbol(x)' }],
  ['a date', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
  ['a date that is none', { at: new Date(Number.NaN) }, { at: null }],
  ['a set', { s: new Set([1]) }, { s: [1] }],
  ['a toJSON that throws', { h: new Hostile() }, { h: '[unreadable]' }],
  ['a getter that throws', thrower, { broken: '[unreadable]', fine: 1 }],
  ['a key that is a setter', JSON.parse('{"__proto__": {"x": 1}}'), JSON.parse('{"__proto__": {"x": 1}}')],
])('%s', (_, value, expected) => {
  expect(JSON.parse(JSON.stringify(printable(value)))).toEqual(expected)
})

test('circles and depth end', () => {
  expect(JSON.stringify(printable(circle))).toContain('[deeper]')
})

test('size is bounded', () => {
  const wide = Array.from({ length: 10_000 }, (_, at) => 'x'.repeat(at))
  expect((printable(wide) as unknown[]).length).toBe(50)
  expect((printable('x'.repeat(100_000)) as string).length).toBeLessThan(8200)
})

test('errors show type, code, message, stack and causes', () => {
  const error = Object.assign(new TypeError('outer', { cause: new Error('inner') }), { code: 'ERR_X' })
  const shown = printable({ error }) as { error: Record<string, string> }
  expect(shown.error).toMatchObject({ type: 'TypeError', code: 'ERR_X', message: 'outer' })
  expect(shown.error.stack_trace).toContain('Caused by: Error: inner')
})

test('never throws, and is always JSON', () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withMap: true, withSet: true, withDate: true, withTypedArray: true }),
      (value) => {
        expect(() => JSON.stringify(printable(value)), inspect(value)).not.toThrow()
      },
    ),
  )
})
