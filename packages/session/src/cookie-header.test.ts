import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ownsCookieName, readCookies, withholdCookies } from './cookie-header.ts'

const name = '__Host-session'
const read = (header: string | undefined, maxParts = 3) => readCookies(header, name, maxParts)
const none = { values: [], present: 0, rejected: undefined }
const octet = fc.mapToConstant(
  { num: 26, build: (n) => String.fromCharCode(97 + n) },
  { num: 10, build: (n) => String.fromCharCode(48 + n) },
  { num: 4, build: (n) => '._-~'[n]! },
)

test('one cookie of ours is found wherever it stands', () => {
  const found = { values: ['1.a.b'], present: 1, rejected: undefined }
  expect(read(`${name}=1.a.b`)).toEqual(found)
  expect(read(`a=b; ${name}=1.a.b; c=d`)).toEqual(found)
  expect(read(`a=b;${name}=1.a.b;c=d`)).toEqual(found)
  expect(read(`a=b; ${name}=1.a.b`)).toEqual(found)
})

test.each([
  ['no header', undefined],
  ['an empty header', ''],
  ['other cookies', 'a=b; c=d'],
  ['another case', '__host-session=x'],
  ['U+2000 before the name', `a=b; \u2000${name}=x`],
  ['U+2000 as it looks in latin1', `a=b; \u00e2\u0080\u0080${name}=x`],
  ['a no-break space before the name', `\u00a0${name}=x`],
  ['a tab before the name', `a=b;\t${name}=x`],
  ['two spaces before the name', `a=b;  ${name}=x`],
  ['a space before the first name', ` ${name}=x`],
  ['a comma instead of a semicolon', `a=b, ${name}=x`],
  ['a newline instead of a semicolon', `a=b\n${name}=x`],
  ['a NUL before the name', `a=b;\0${name}=x`],
  ['a space before the equals sign', `${name} =x`],
  ['a quoted name', `"${name}"=x`],
  ['a nameless cookie', `=${name}=x`],
  ['a nameless cookie after another', `a=b; =${name}=x`],
  ['the name in a value', `a=${name}=x`],
  ['the name in a value with a space', `a=b ${name}=x`],
  ['$Version', `$Version=1,${name}=x`],
  ['a name that begins like ours', `${name}s=x; ${name}_0=y; ${name}-0=z`],
  ['the name alone', name],
  ['an encoded name', '%5F_Host-session=x'],
  ['parts that nobody numbers so', `${name}.0=a; ${name}.01=b; ${name}.17=c; ${name}.x=d; ${name}.=e; ${name}.1 =f`],
])('%s is not our cookie', (_, header) => {
  expect(read(header)).toEqual(none)
})

test('a value is taken as it is: no quote, blank or escape is removed', () => {
  expect(read(`${name}="1.a.b"`).values).toEqual(['"1.a.b"'])
  expect(read(`${name}= 1.a.b `).values).toEqual([' 1.a.b '])
  expect(read(`${name}=1%2Ea; $Path=/`).values).toEqual(['1%2Ea'])
  expect(read(`${name}=`).values).toEqual([''])
  expect(read(`${name}=a=b=c`).values).toEqual(['a=b=c'])
  expect(read(`$Version=1; ${name}=x; $Path=/`).values).toEqual(['x'])
})

test('of doubled cookies the first two that differ are given, and more are told', () => {
  expect(read(`${name}=a; ${name}=a`)).toEqual({ values: ['a'], present: 1, rejected: undefined })
  expect(read(`${name}=a; ${name}=b`)).toEqual({ values: ['a', 'b'], present: 1, rejected: undefined })
  expect(read(`${name}=a; ${name}=b; ${name}=c`)).toEqual({
    values: ['a', 'b'],
    present: 1,
    rejected: 'oversized',
    untried: true,
  })
})

test('a value longer than a cookie can be is not given', () => {
  const longest = 'x'.repeat(4096 - name.length)
  expect(read(`${name}=${longest}`).values).toEqual([longest])
  expect(read(`${name}=${longest}x`)).toEqual({ values: [], present: 1, rejected: 'oversized' })
  expect(read(`${name}.1=2.AAAAAAAA.${longest}`)).toEqual({ values: [], present: 2, rejected: 'malformed' })
})

test('a header of 64 KB that holds thousands of our cookies is read as two of them, quickly', () => {
  const hostile = [
    `${name}=; `.repeat(4096),
    `${name}`.repeat(4681),
    `${name}.1=; `.repeat(3640),
    `${name}.`.repeat(4369),
    '; '.repeat(32768),
    `${'_'.repeat(65_000)}${name}=x`,
    Array.from({ length: 2500 }, (_, index) => `${name}.${(index % 16) + 1}=16.AAAAAAA${index % 10}.x`).join('; '),
  ]
  const start = performance.now()
  for (const header of hostile) expect(read(header).values.length).toBeLessThanOrEqual(2)
  // A generous bound: quadratic work would take seconds.
  expect(performance.now() - start).toBeLessThan(500)
})

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    `; ${name}=`,
    `;${name}=a`,
    name,
    `${name}=`,
    `${name}.1=`,
    '=',
    ';',
    '; ',
    ' ',
    '.',
    '2.AAAAAAAA.x',
    '"',
    '$',
    ',',
    '\t',
    '\0',
  ),
)
const hostileHeader = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))

/** RFC 6265, 4.2.1, as plainly as it can be written: pairs between semicolons, one space after each. */
function plainly(header: string): string[] {
  const pairs = header.split(';').map((pair, index) => (index > 0 && pair.startsWith(' ') ? pair.slice(1) : pair))
  const ours = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
  return [...new Set(ours)].slice(0, 2)
}

test('reading never throws, and finds what a plain reading finds, whatever the header', () => {
  fc.assert(
    fc.property(hostileHeader, (header) => {
      expect(read(header).values).toEqual(plainly(header))
    }),
    { numRuns: 3000 },
  )
})

test('withholding never throws, and leaves nothing that reads as ours, whatever the header', () => {
  fc.assert(
    fc.property(hostileHeader, (header) => {
      const kept = withholdCookies(header, (candidate) => ownsCookieName(name, candidate))
      expect(read(kept)).toEqual(none)
    }),
    { numRuns: 3000 },
  )
})

test('a cookie is ours by its name or that of a part, exactly', () => {
  for (const ours of [name, `${name}.1`, `${name}.16`]) expect(ownsCookieName(name, ours)).toBe(true)
  for (const other of [
    '',
    'a',
    `${name}.`,
    `${name}.0`,
    `${name}.17`,
    `${name}.1a`,
    `${name}_0`,
    `${name}x`,
    `x${name}`,
  ]) {
    expect(ownsCookieName(name, other)).toBe(false)
  }
})

test('our cookies are withheld and the others stay as they came', () => {
  const withhold = (header: string) => withholdCookies(header, (candidate) => ownsCookieName(name, candidate))
  expect(withhold(`${name}=x`)).toBeUndefined()
  expect(withhold(`${name}.1=x; ${name}.2=y`)).toBeUndefined()
  expect(withhold(`a=b; ${name}=x; c="d e"; =f; g`)).toBe('a=b; c="d e"; =f; g')
  expect(withhold(`${name}=x; a=b`)).toBe('a=b')
  expect(withhold(`a=b; ${name}=x`)).toBe('a=b')
  expect(withhold(`a=b;;${name}=x;`)).toBe('a=b')
  expect(withhold(`${name}`)).toBeUndefined()
  const untouched = 'a=b;c=d;;  e=f '
  expect(withhold(untouched)).toBe(untouched)
})

test('what looks like our cookie to a lenient reader is withheld too', () => {
  const withhold = (header: string) => withholdCookies(header, (candidate) => candidate === name)
  for (const lenient of [`  ${name}=x`, `\t${name}=x`, `${name} =x`, `${name}\t=x`]) {
    expect(withhold(`a=b;${lenient}`)).toBe('a=b')
  }
})

test('whatever is read as ours is gone after withholding, and nothing else is', () => {
  const pair = fc.oneof(
    fc.constantFrom(`${name}=x`, `${name}.1=y`, `${name}.2=z`),
    fc.string({ unit: octet, maxLength: 8 }),
  )
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 10 }), (pairs) => {
      const kept = withholdCookies(pairs.join('; '), (candidate) => ownsCookieName(name, candidate))
      expect(read(kept)).toEqual(none)
      const others = pairs.filter((text) => text !== '' && !text.startsWith(name))
      const left = kept === undefined ? [] : kept.split('; ').filter((text) => text !== '')
      expect(left).toEqual(others)
    }),
  )
})
