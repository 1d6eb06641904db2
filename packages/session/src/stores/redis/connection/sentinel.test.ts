import { expect, test } from 'vitest'
import { type Answer, newest } from './sentinel.ts'

const host = '127.0.0.1'
const [old, promoted, other] = [1, 2, 3].map((port) => ({ host, port })) as [Answer['primary'], ...Answer['primary'][]]
const says = (primary = old, epoch = 0, failingOver = false): Answer => ({ primary, epoch, failingOver })

test('the sentinel that knows of the most failovers is believed, however many do not', () => {
  expect(newest([says(old, 4), says(promoted, 5), says(old, 4)], old)).toBe(promoted)
})

test('the one that leads a failover names the old primary to its end, and is not believed against the others', () => {
  const answers = [says(old, 5, true), says(promoted, 5), says(promoted, 5)]
  expect(newest(answers, old)).toBe(promoted)
  expect(newest(answers, promoted)).toBe(promoted)
})

test('a failover that has promoted nobody yet changes nothing', () => {
  expect(newest([says(old, 4, true), says(old, 4), says(old, 4)], old)).toBe(old)
})

test('the one that leads is believed while it is the only one that knows', () => {
  expect(newest([says(old, 5, true), says(other, 4)], old)).toBe(old)
})

test('of answers that are equally good, the primary that is followed stays', () => {
  expect(newest([says(old), says(other)], other)).toBe(other)
  expect(newest([says(old), says(other)], promoted)).toBe(old)
})

test('nobody is named where no sentinel answers', () => {
  expect(newest([], old)).toBeUndefined()
})
