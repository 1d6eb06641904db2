import { expect, test } from 'vitest'
import { createEndings } from './endings.ts'

test('an end is kept in mind for a minute, and no longer', () => {
  let now = 0
  const endings = createEndings(
    () => now,
    async () => {},
  )
  endings.add('a')
  now = 59_999
  expect(endings.has('a')).toBe(true)
  now = 60_000
  expect(endings.has('a')).toBe(false)
})

test('another record under the same id is not one that ended', () => {
  const endings = createEndings(
    () => 0,
    async () => {},
  )
  endings.add('a')
  endings.forget('a')
  expect(endings.has('a')).toBe(false)
})

test('repeat() ends again what ended within the last minute, all of it, once at a time', async () => {
  let now = 0
  const ended: string[] = []
  let atOnce = 0
  let most = 0
  const endings = createEndings(
    () => now,
    async (id) => {
      most = Math.max(most, ++atOnce)
      await Promise.resolve()
      ended.push(id)
      atOnce -= 1
      if (id === 'b-3') throw new Error('the store is down')
    },
  )
  endings.add('old')
  now = 60_000
  for (let index = 0; index < 250; index += 1) endings.add(`b-${index}`)
  endings.repeat()
  endings.repeat()
  for (let round = 0; round < 1000 && ended.length < 250; round += 1) await Promise.resolve()
  expect(ended).toEqual(Array.from({ length: 250 }, (_, index) => `b-${index}`))
  expect(most).toBe(100)
})

test('endings are bounded: beyond 65,536 the oldest is forgotten', () => {
  const endings = createEndings(
    () => 0,
    async () => {},
  )
  for (let index = 0; index <= 65_536; index += 1) endings.add(`${index}`)
  expect(endings.has('0')).toBe(false)
  expect(endings.has('1')).toBe(true)
})

test('what is heard again and again of an end does not keep it in mind for longer', () => {
  let now = 0
  const endings = createEndings(
    () => now,
    async () => {},
  )
  endings.heard('a')
  now = 59_999
  endings.heard('a')
  expect(endings.has('a')).toBe(true)
  now = 60_000
  expect(endings.has('a')).toBe(false)
})

test('an end that is heard late is none of the record that took the id since', () => {
  const endings = createEndings(
    () => 0,
    () => Promise.resolve(),
  )
  endings.add('a')
  endings.forget('a')
  endings.heard('a')
  expect(endings.has('a')).toBe(false)
  endings.add('a')
  expect(endings.has('a')).toBe(true)
})
