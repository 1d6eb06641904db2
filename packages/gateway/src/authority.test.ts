import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAuthority } from './authority.ts'

describe('parseAuthority', () => {
  test.each([
    ['shop.example.com', 'shop.example.com', undefined],
    ['Shop.Example.COM.', 'shop.example.com', undefined],
    ['localhost:8080', 'localhost', 8080],
    ['127.0.0.1:1', '127.0.0.1', 1],
    ['[::1]', '[::1]', undefined],
    ['[2001:DB8::1]:443', '[2001:db8::1]', 443],
    ['my_host', 'my_host', undefined],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', undefined],
  ])('reads %s', (text, host, port) => {
    expect(parseAuthority(text)).toEqual({ host, port })
  })

  test.each([
    '',
    '.',
    ':80',
    'a:',
    'a:80:80',
    'a:65536',
    'a:-1',
    'a:+80',
    'a: 80',
    'a b',
    ' a',
    'a ',
    'a..b',
    '.a',
    'user@a',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'a,b',
    'a%2eb',
    'a\0b',
    'a\r\nX: y',
    'é.example',
    '[::1',
    '[::1]x',
    '[1.2.3.4]',
    '[::g]',
    '[fe80::1%25eth0]',
    '::1',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(200)}a`,
  ])('refuses %j', (text) => {
    expect(parseAuthority(text)).toBeUndefined()
  })

  test('whatever it takes, it takes again in the form that it gave', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.:[]-_1A@/%\\ ') }), (text) => {
        const read = parseAuthority(text)
        if (read === undefined) return
        expect(parseAuthority(read.port === undefined ? read.host : `${read.host}:${read.port}`)).toEqual(read)
      }),
      { numRuns: 20_000 },
    )
  })
})
