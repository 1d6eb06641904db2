import { isIP } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isCidr, isIp, isIpv4, isIpv6, isLoopback } from './ip.ts'

test.each([
  '127.0.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  '1:2:3:4:5:6:7:8',
  '1::8',
  '::ffff:10.0.0.1',
])('%s is an address', (text) => {
  expect(isIp(text)).toBe(true)
})

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '256.1.1.1',
  '1.2.3.4 ',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '12345::',
  'g::',
  '[::1]',
])('%j is no address', (text) => {
  expect(isIp(text)).toBe(false)
})

test('isIpv4() and isIpv6() agree with the platform', () => {
  const near = fc.string({ unit: fc.constantFrom('0', '1', '25', 'f', ':', '::', '.', '/') })
  fc.assert(
    fc.property(fc.oneof(near, fc.ipV4(), fc.ipV6()), (text) => {
      expect([isIpv4(text), isIpv6(text)]).toEqual([isIP(text) === 4, isIP(text) === 6])
    }),
    { numRuns: 2000 },
  )
})

test.each(['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1'])('%s is loopback', (text) => {
  expect(isLoopback(text)).toBe(true)
})

test.each(['10.0.0.1', '::', '::2', 'fe80::1', '128.0.0.1'])('%s is not loopback', (text) => {
  expect(isLoopback(text)).toBe(false)
})

test.each(['10.0.0.0/8', '10.0.0.1', '::/0', 'fd00::/8', '0.0.0.0/0', '1.2.3.4/32', '::1/128'])(
  '%s is a range',
  (text) => {
    expect(isCidr(text)).toBe(true)
  },
)

test.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0/8', 'all', '10.0.0.0/8/8', '10.0.0.0/-1'])(
  '%j is no range',
  (text) => {
    expect(isCidr(text)).toBe(false)
  },
)
