import { expect, test } from 'vitest'
import { bound, createJournal, nobody } from './journal.ts'

function signedIn(state = 'ann/1') {
  const journal = createJournal()
  journal.confirm(state, 0, 1000)
  return journal
}

test('what was confirmed is right on every gateway, and nothing else is', () => {
  const journal = signedIn()
  expect([0, 1].map((gateway) => journal.judge('ann/1', gateway, 9000))).toEqual(['right', 'right'])
  expect(journal.judge('bob/1', 0, 9000)).toBe('foreign')
  expect(journal.judge('ann/2', 0, 9000)).toBe('foreign')
})

test('what was true before may be told for two seconds, and not by the gateway that changed it', () => {
  const journal = signedIn()
  journal.confirm('ann/2', 0, 2000)
  expect(journal.judge('ann/1', 1, 2000 + bound)).toBe('late')
  expect(journal.judge('ann/1', 1, 2001 + bound)).toBe('missing')
  expect(journal.judge('ann/1', 0, 2001)).toBe('missing')
})

test('a session that is not there, though it was confirmed, is missing', () => {
  expect(signedIn().judge(nobody, 1, 9000)).toBe('missing')
})

test('a session that ended, and is told, is missing its end', () => {
  const journal = signedIn()
  journal.confirm(nobody, 0, 2000)
  expect(journal.judge('ann/1', 1, 9000)).toBe('missing')
})

test('a change that was refused may have happened or not, until it was seen to have', () => {
  const journal = signedIn()
  journal.perhaps('ann/2')
  expect(journal.judge('ann/1', 0, 9000)).toBe('right')
  expect(journal.judge('ann/2', 0, 9001)).toBe('right')
  expect(journal.judge('ann/1', 0, 9002)).toBe('undone')
  journal.confirm('ann/2', 0, 9003)
  expect(journal.judge('ann/1', 0, 9004)).toBe('missing')
})

test('a change that was confirmed leaves none open that was refused before', () => {
  const journal = signedIn()
  journal.perhaps('ann/2')
  journal.confirm('ann/3', 1, 5000)
  expect(journal.judge('ann/2', 0, 5001 + bound)).toBe('missing')
  expect(journal.judge('ann/3', 0, 5001 + bound)).toBe('right')
})

test('the time of the last change that was confirmed is known', () => {
  const journal = signedIn()
  journal.perhaps('ann/2')
  journal.judge('ann/2', 0, 7000)
  expect(journal.confirmedAt).toBe(1000)
})
