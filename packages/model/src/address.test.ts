import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatAddress, parseAddress } from './address.ts'

test.each([
  [':8080', undefined, 8080],
  ['127.0.0.1:8080', '127.0.0.1', 8080],
  ['[::1]:443', '::1', 443],
  ['localhost:3000', '127.0.0.1', 3000],
  ['0.0.0.0:0', '0.0.0.0', 0],
])('parseAddress(%s)', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ ok: true, value: { host, port } })
})

test.each([
  '',
  '8080',
  ':',
  ':65536',
  '::1:8080',
  '::1',
  'example.com:80',
  '[127.0.0.1]:80',
  '127.0.0.1',
  ':80 ',
  ' :80',
  '127.1:80',
  '[]:80',
])('parseAddress(%j) is refused', (text) => {
  expect(parseAddress(text).ok).toBe(false)
})

test('parseAddress() reads what formatAddress() writes', () => {
  const host = fc.option(fc.oneof(fc.ipV4(), fc.ipV6()), { nil: undefined })
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      expect(parseAddress(formatAddress({ host, port }))).toEqual({ ok: true, value: { host, port } })
    }),
  )
})
