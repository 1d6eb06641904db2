import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultPrefix } from './defaults.ts'

test('the default prefix is the name of the configuration, and tells its sessions apart', () => {
  expect(defaultPrefix('shop', 'default')).toBe('shop')
  expect(defaultPrefix('shop', 'admin')).toBe('shop..admin')
  expect(defaultPrefix('shop', 'eu/admin')).toBe('shop..eu:2f:admin')
})

test('gateways whose names differ never meet under a default prefix', () => {
  const installation = fc.stringMatching(/^[a-z0-9](?:[._:-]?[a-z0-9]){0,6}$/)
  const session = fc.oneof(fc.constant('default'), fc.stringMatching(/^[a-z0-9][a-z0-9._:@/[\]-]{0,6}$/))
  fc.assert(
    fc.property(installation, session, installation, session, (a, x, b, y) => {
      fc.pre(a !== b || x !== y)
      expect(defaultPrefix(a, x)).not.toBe(defaultPrefix(b, y))
    }),
    {
      examples: [
        ['shop', 'admin', 'shop.admin', 'default'],
        ['shop', 'a/b', 'shop', 'a_b'],
      ],
    },
  )
})
