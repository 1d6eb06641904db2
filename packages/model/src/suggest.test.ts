import { expect, test } from 'vitest'
import { didYouMean, suggest } from './suggest.ts'

test.each([
  ['upsteam', 'upstream'],
  ['upstraem', 'upstream'],
  ['LISTENERS', 'listeners'],
  ['listner', 'listeners'],
  ['timeout', 'timeouts'],
])('suggest(%s) finds %s', (written, meant) => {
  expect(suggest(written, ['listeners', 'upstream', 'timeouts', 'name'])).toBe(meant)
})

test('suggest() stays silent when nothing is near', () => {
  expect(suggest('colour', ['listeners', 'upstream'])).toBeUndefined()
  expect(suggest('x', [])).toBeUndefined()
})

test('suggest() takes the nearest of several', () => {
  expect(suggest('hos', ['hosts', 'host'])).toBe('host')
})

test('suggest() stays cheap for a name of any length', () => {
  expect(suggest('x'.repeat(1_000_000), ['host'])).toBeUndefined()
})

test('didYouMean() reads as a sentence or is empty', () => {
  expect(didYouMean('hots', ['host'])).toBe(' Did you mean "host"?')
  expect(didYouMean('zzz', ['host'])).toBe('')
})
