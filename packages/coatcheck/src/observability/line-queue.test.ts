import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLineQueue } from './line-queue.ts'

const lines = fc.array(
  fc.string({ unit: 'binary', maxLength: 1200 }).map((text) => `${text.replaceAll('\n', ' ')}\n`),
  { maxLength: 200 },
)

test('gives back every byte in order, in whole lines of at most the bound', () => {
  fc.assert(
    fc.property(lines, (input) => {
      const queue = createLineQueue(4096)
      const taken = input.filter((line) => queue.push(line))
      const heads: Buffer[] = []
      while (queue.bytes > 0) {
        const head = Buffer.from(queue.head())
        expect(head.length).toBeLessThanOrEqual(4096)
        expect(head.at(-1)).toBe(10)
        heads.push(head)
        queue.advance(head.length)
      }
      expect(Buffer.concat(heads).toString()).toBe(taken.join('').toWellFormed())
      expect(queue.head().length).toBe(0)
    }),
  )
})

test('goes on inside of a line that was begun', () => {
  const queue = createLineQueue(10)
  queue.push('abcdefgh\n')
  queue.push('xyz\n')
  queue.advance(4)
  expect(queue.head().toString()).toBe('efgh\nxyz\n')
})

test('a line above the bound is refused and leaves no trace', () => {
  const queue = createLineQueue(10)
  expect(queue.push('0123456789\n')).toBe(false)
  expect(queue.push('next\n')).toBe(true)
  expect(queue.head().toString()).toBe('next\n')
  expect(queue.bytes).toBe(5)
})
