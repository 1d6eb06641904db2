import fc from 'fast-check'
import { expect, test } from 'vitest'
import { largestReply, NotAReply, type Reply, readReply } from './reply.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => readReply(bytes(text), 0)

const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.constant(null),
    fc.string().map((text) => ({ error: text.replaceAll(/[\r\n]/g, ' ') })),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
}))

function written(reply: Reply): string {
  if (reply === null) return '$-1\r\n'
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'string') return `$${bytes(reply).length}\r\n${reply}\r\n`
  if ('error' in reply) return `-${reply.error}\r\n`
  return `*${reply.length}\r\n${reply.map(written).join('')}`
}

test('every reply is read as it was written, and its end is found', () => {
  fc.assert(
    fc.property(anyReply, fc.string(), (reply, behind) => {
      const text = written(reply)
      expect(readReply(bytes(text + behind), 0)).toEqual({ reply, next: bytes(text).length })
    }),
  )
})

test('of a reply that is not whole nothing is read', () => {
  fc.assert(
    fc.property(anyReply, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (reply, share) => {
      const whole = bytes(written(reply))
      expect(readReply(whole.subarray(0, Math.floor(whole.length * share)), 0)).toBeUndefined()
    }),
  )
})

test('whatever comes, it is a reply, the beginning of one, or none', () => {
  const pieces = fc.constantFrom('*', '$', '+', '-', ':', '\r\n', '1', '-1', '9', '0', 'a', '\r', '\n')
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map((list) => list.join('')),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (text) => {
      try {
        const found = read(text)
        expect(found === undefined || found.next <= bytes(text).length).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(NotAReply)
      }
    }),
    { numRuns: 1000 },
  )
})

test.each([
  'HTTP/1.1 400 Bad Request\r\n',
  '\x15\x03\x01\x00\x02\x02\x46',
  '%1\r\n',
  '+OK\rx',
  ':1.5\r\n',
  ':\r\n',
  ':99999999999999999999\r\n',
  '$-2\r\n',
  `$${largestReply + 1}\r\n`,
  '$1\r\nabc\r\n',
  '*-2\r\n',
  `*${largestReply}\r\n`,
  '*1\r\n'.repeat(9),
  `+${'a'.repeat(65 * 1024)}`,
])('%j is no reply', (text) => {
  expect(() => read(text)).toThrow(NotAReply)
})
