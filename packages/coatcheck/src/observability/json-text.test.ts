import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quote, quoteWire, visible } from './json-text.ts'

test('plain text stands as it is', () => {
  expect(quote('GET /a b', 100)).toBe('"GET /a b"')
})

test('a quoted text is JSON of the same text when it fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      expect(JSON.parse(quote(text, 1000))).toBe(text.toWellFormed())
    }),
  )
})

test('whatever the text, the result is JSON of at most the bound, and its start', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 16, max: 200 }), (text, cap) => {
      const quoted = quote(text, cap)
      expect(Buffer.byteLength(quoted)).toBeLessThanOrEqual(cap + 2)
      const back = JSON.parse(quoted) as string
      if (back === text.toWellFormed()) return
      expect(back.endsWith('…')).toBe(true)
      expect(text.startsWith(back.slice(0, -1).replace(/\ufffd$/, ''))).toBe(true)
    }),
  )
})

test('wire text is bytes of UTF-8', () => {
  const bytes = Buffer.from('Zürich 🚀')
  expect(JSON.parse(quoteWire(bytes.toString('latin1'), 100))).toBe('Zürich 🚀')
  expect(JSON.parse(quoteWire('\xff\xfe', 100))).toBe('\ufffd\ufffd')
})

test('characters that a terminal obeys or a splitter breaks at are escaped', () => {
  expect(quote('a\x1b[2Jb\x9bc\u2028d\x7fe\nf', 100)).toBe('"a\\u001b[2Jb\\u009bc\\u2028d\\u007fe\\nf"')
})

test('visible() leaves no control character, and no direction override', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(visible(text))).toBe(false)
    }),
  )
  expect(visible('a\x1b[31mb')).toBe('a\\x1b[31mb')
})
