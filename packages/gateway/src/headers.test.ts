import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isNamed } from './headers.ts'

const octets = fc.array(fc.integer({ min: 0, max: 0xff }), { minLength: 1, maxLength: 20 })
const text = octets.map((codes) => String.fromCharCode(...codes))
const lowerCase = text.map((name) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()))

test('isNamed() does not mind the case of letters', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/), (name) => isNamed(name, name.toLowerCase())),
  )
})

test('isNamed() takes nothing else for the same name: no other character differs from its neighbour by one bit alone', () => {
  const folded = (name: string) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  fc.assert(fc.property(text, lowerCase, (name, wanted) => isNamed(name, wanted) === (folded(name) === wanted)))
  for (const [name, wanted] of [
    ['@', '`'],
    ['[', '{'],
    ['^', '~'],
    ['\r', '-'],
    ['\u212a', 'k'],
    ['À', 'à'],
  ] as const) {
    expect(isNamed(name, wanted), name).toBe(false)
  }
})

test('isNamed() looks at the whole name', () => {
  expect([isNamed('Host', 'hos'), isNamed('Hos', 'host'), isNamed('', 'host')]).toEqual([false, false, false])
})
