import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NotAReply, type Reply, replyReader } from './reply.ts'
import { anyReply, written } from './testing/replies.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test('replies are read as they were written, however they come', () => {
  fc.assert(
    fc.property(fc.array(anyReply, { maxLength: 4 }), fc.array(fc.integer({ min: 1, max: 40 })), (replies, sizes) => {
      const all = bytes(replies.map(written).join(''))
      const reader = replyReader()
      const read: Reply[] = []
      let at = 0
      for (const size of [...sizes, all.length]) {
        read.push(...reader.read(all.subarray(at, at + size)))
        at += size
      }
      expect(read).toEqual(replies)
      expect(reader.isIdle).toBe(true)
    }),
  )
})

test('of a reply that is not whole nothing is read', () => {
  fc.assert(
    fc.property(anyReply, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (reply, share) => {
      const whole = bytes(written(reply))
      const length = Math.floor(whole.length * share)
      const reader = replyReader()
      expect(reader.read(whole.subarray(0, length))).toEqual([])
      expect(reader.isIdle).toBe(length === 0)
    }),
  )
})

test('whatever comes, it is read, waited for or refused', () => {
  const pieces = fc.constantFrom('*', '$', '+', '-', ':', '\r\n', '1', '-1', '9', '0', 'a', '\r', '\n')
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map((list) => list.join('')),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (text) => {
      try {
        expect(Array.isArray(replyReader().read(bytes(text)))).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(NotAReply)
      }
    }),
    { numRuns: 1000 },
  )
})

test('an array of a million items in small pieces costs no more than its bytes', () => {
  const reader = replyReader()
  reader.read(bytes('*1000000\r\n'))
  const piece = bytes(':1\r\n'.repeat(250))
  const began = performance.now()
  const read = Array.from({ length: 4000 }, () => reader.read(piece)).flat()
  expect(performance.now() - began).toBeLessThan(3000)
  expect(read).toHaveLength(1)
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
  `$${4 * 1024 * 1024 + 1}\r\n`,
  '$1\r\nabc\r\n',
  '*-2\r\n',
  `*${4 * 1024 * 1024 + 1}\r\n`,
  '*1\r\n'.repeat(9),
  `+${'a'.repeat(65 * 1024)}`,
])('%j is no reply', (text) => {
  expect(() => replyReader().read(bytes(text))).toThrow(NotAReply)
})
