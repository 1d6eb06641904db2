import fc from 'fast-check'
import { expect, test } from 'vitest'
import { native } from './dialect.ts'
import { readFile } from './read.ts'

const read = (text: string) => readFile({ name: 'x.yaml', text })
const codes = (text: string) => read(text).diagnostics.map(({ code }) => code)

test.each([
  ['a tab that indents', 'a:\n\tb: 1\n', 'yaml-invalid'],
  ['brackets that stay open', 'a: [1, 2\n', 'yaml-invalid'],
  ['a quote that stays open', 'a: "b\n', 'yaml-invalid'],
  ['an unknown tag', 'a: !!js/function x\n', 'yaml-invalid'],
  ['a key that is a list', '? [a]\n: b\n', 'yaml-invalid'],
  ['an alias of nothing', 'a: *b\n', 'yaml-invalid'],
  ['a second document', 'a: 1\n---\nb: 1\n', 'yaml-several-documents'],
  ['a key twice', 'a: 1\na: 2\n', 'key-twice'],
  ['a key twice, spelled otherwise', 'a: 1\n"a": 2\n', 'key-twice'],
  ['an alias of itself', 'a: &a [*a]\n', 'yaml-aliases'],
  ['__proto__', '__proto__: { polluted: 1 }\n', 'field-unknown'],
])('readFile() refuses %s', (_, text, code) => {
  expect(codes(text)).toContain(code)
  expect((Object.prototype as unknown as Record<string, unknown>).polluted).toBeUndefined()
})

test.each([
  ['to the end of the file', 'name: shop\nup:\n  a: [{ url: "http://a }]\n', ['3:14']],
  ['to the end of the file, in single quotes', "name: 'shop\nb: 1\n", ['1:7']],
  ['to where the text is indented less', 'a: { b: "x }\nc: 1\nd: "y"\n', ['1:9']],
  ['to the next quote', 'a: "x\n  b: "y"\n  c: 1\n', ['1:4']],
  ['twice', 'a: "x\nb: "y\nc: 1\n', ['1:4', '2:4']],
  ['before a mistake that is another', 'a: { b: "x }\nc: "y"\nd: { e: 1\nf: 2\n', ['1:9', '4:1']],
])(
  'readFile() places a quote that stays open %s where it opens, and tells nothing that only follows',
  (_, text, at) => {
    expect(read(text).diagnostics.map(({ place }) => `${place?.line}:${place?.column}`)).toEqual(at)
  },
)

test('readFile() refuses nesting that would exhaust the stack', () => {
  const deep = `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`
  expect(read(deep).diagnostics.map(({ message }) => message)).toEqual(['The file is nested too deeply.'])
})

test('readFile() refuses a file that is too long before it is parsed', () => {
  expect(codes(`# ${'x'.repeat(16 * 1024 * 1024)}`)).toEqual(['yaml-too-long'])
})

test('readFile() bounds what aliases stand for', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  expect(codes(`${lines.join('\n')}\n`)).toEqual(['yaml-aliases'])
})

test('readFile() reads text with a byte order mark, with CRLF, with comments alone, and empty', () => {
  expect(read('\ufeffa: 1\r\nb: 2\r\n').file?.content).toEqual({ a: 1, b: 2 })
  expect(read('# nothing\n').file?.content ?? null).toBeNull()
  expect(read('').file?.content).toBeUndefined()
  expect(codes('')).toEqual([])
})

test('placeOf() finds keys, items, what stands under an alias, and the nearest parent of what is not there', () => {
  const { file } = read('a: &x\n  b: [1, 2]\nc: *x\n"d/~": 1\n')
  const at = (pointer: string) => {
    const place = file!.placeOf(pointer)
    return `${place?.line}:${place?.column}`
  }
  expect(at('')).toBe('1:1')
  expect(at('/a')).toBe('1:1')
  expect(at('/a/b')).toBe('2:3')
  expect(at('/a/b/1')).toBe('2:10')
  expect(at('/c/b/0')).toBe('2:7')
  expect(at('/d~1~0')).toBe('4:1')
  expect(at('/a/b/9/z')).toBe('2:3')
  expect(at('/nothing')).toBe('1:1')
})

test('translate() never throws, whatever the file holds', () => {
  const word = fc.constantFrom(
    'listeners',
    'routes',
    'sessions',
    'upstreams',
    'match',
    'upstream',
    'env',
    'file',
    '__proto__',
    'web',
    ':8080',
    'a',
  )
  const piece = fc.oneof(
    word,
    fc.constantFrom(': ', '\n', '\n  ', '- ', '{ ', ' }', '[', ']', '"', '&a ', '*a', '!x ', '|', '---\n', ', '),
  )
  const texts = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const { diagnostics } = native.translate([{ name: 'x.yaml', text }], () => undefined)
      for (const { place } of diagnostics) expect(place?.line).toBeGreaterThan(0)
    }),
    { numRuns: 300 },
  )
})

test('translate() never throws, whatever stands where something else is expected', () => {
  const keys = [
    'listeners',
    'keys',
    'stores',
    'sessions',
    'upstreams',
    'routes',
    'internal',
    'accessLog',
    'web',
    'match',
    'cookie',
    'tls',
    'urls',
    'headers',
    'request',
    'set',
    'capture',
    'env',
    'file',
    'redis',
    'login',
    'provider',
  ]
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, 0, 1.5, 'x', 'off', ':8080', '10m', ''),
      fc.array(tie('value'), { maxLength: 3 }),
      tie('map'),
    ),
    map: fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 5 }),
  }))
  fc.assert(
    fc.property(value, (content) => {
      const { model, diagnostics } = native.translate([{ name: 'x.yaml', text: JSON.stringify(content) }], () => 'x')
      expect(model).toBeDefined()
      for (const { message, remedy, consequence } of diagnostics) {
        expect(`${message} ${remedy} ${consequence}`).not.toMatch(/undefined|\[object|NaN/)
      }
    }),
    { numRuns: 1000 },
  )
})
