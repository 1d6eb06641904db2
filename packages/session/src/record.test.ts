import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextCounter, type RecordHeader, type RecordKind, readRecord, writeHeader } from './record.ts'

const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const headers: fc.Arbitrary<RecordHeader> = fc
  .record({ kind: fc.constantFrom<RecordKind>('none', 'keys', 'ticket'), two: fc.boolean(), pending: fc.boolean() })
  .chain(({ kind, two, pending }) => {
    const slot = fc.record({ hash: exactly(32), wrapped: exactly(kind === 'none' ? 0 : 60) })
    return fc.record({
      kind: fc.constant(kind),
      prefixTag: exactly(4),
      keyId: fc.stringMatching(/^[A-Za-z0-9_-]{0,32}$/),
      salt: exactly(16),
      counter: fc.integer({ min: 0, max: 0xffffffff }),
      writeId: exactly(8),
      createdAt: time,
      rotatedAt: time,
      broughtAt: time,
      slots: fc.array(slot, { minLength: two ? 2 : 1, maxLength: two ? 2 : 1 }),
      pending: exactly(two && pending ? 44 : 0),
      metadata: fc.uint8Array({ maxLength: 300 }),
    })
  })

function join(header: Uint8Array, content: Uint8Array): Uint8Array {
  return Uint8Array.from([...header, ...content])
}

test('a header that is written is read, and the content begins behind it', () => {
  fc.assert(
    fc.property(headers, fc.uint8Array({ maxLength: 100 }), (header, content) => {
      const written = writeHeader(header)
      const read = readRecord(join(written, content))!
      expect(read.header).toEqual(header)
      expect(read.headerBytes).toEqual(written)
      expect(read.content).toEqual(content)
    }),
  )
})

test('reading never throws, and what it reads is what would be written', () => {
  const changed = fc
    .tuple(headers, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(400))
    .map(([header, at, byte, length]) => {
      const bytes = writeHeader(header).slice(0, length + 1)
      bytes[at % bytes.length] = byte
      return bytes
    })
  const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => join(Uint8Array.of(1, 2), bytes))
  fc.assert(
    fc.property(fc.oneof(changed, random, fc.uint8Array()), (bytes) => {
      const read = readRecord(bytes)
      if (read === undefined) return
      const { createdAt, rotatedAt, broughtAt } = read.header
      // Times beyond what numbers of JavaScript hold exactly are read, but never written.
      if (Math.max(createdAt, rotatedAt, broughtAt) > Number.MAX_SAFE_INTEGER) return
      expect(join(writeHeader(read.header), read.content)).toEqual(bytes)
    }),
    { numRuns: 5000 },
  )
})

test('a record that is cut anywhere in its header is none', () => {
  const [header] = fc.sample(headers, { numRuns: 1, seed: 7 })
  const written = writeHeader(header!)
  for (let length = 0; length < written.length; length += 1)
    expect(readRecord(written.subarray(0, length))).toBeUndefined()
  expect(readRecord(written)).toBeDefined()
})

test('other formats and kinds are none', () => {
  const [header] = fc.sample(headers, { numRuns: 1, seed: 7 })
  for (const [at, values] of [
    [0, [0, 2, 255]],
    [1, [3, 255]],
  ] as const) {
    for (const value of values) {
      const written = writeHeader(header!)
      written[at] = value
      expect(readRecord(written)).toBeUndefined()
    }
  }
})

test('the counter starts again after 2^32 writes', () => {
  expect(nextCounter(41)).toBe(42)
  expect(nextCounter(0xffffffff)).toBe(0)
})
