import { expect, test } from 'vitest'
import { newTally, unexcused, unexplained } from './tally.ts'

const spans = [{ from: 1000, to: 3000 }]
const refusal = (sentAt: number, milliseconds = 10) => ({ sentAt, milliseconds, path: '/' })

test('a refusal is explained while something is broken, and until a little after', () => {
  const tally = newTally()
  tally.refused.push(refusal(1000), refusal(2999), refusal(3500), refusal(600, 500))
  expect(unexplained(tally, spans, 500)).toEqual([])
})

test('a refusal before, or long after, is not', () => {
  const tally = newTally()
  tally.refused.push(refusal(900), refusal(3501))
  expect(unexplained(tally, spans, 500)).toHaveLength(2)
})

test('any other failure is not, whenever it comes', () => {
  const tally = newTally()
  tally.unexplained.push({ sentAt: 2000, what: '/: 500' })
  expect(unexplained(tally, spans, 500)).toEqual(['/: 500 (1000 ms)'])
})

test('a loss is excused where it was confirmed around a fault of a store that promises less', () => {
  const loss = (confirmedAt: number) => ({ kind: 'sign-in' as const, confirmedAt, what: 'gone' })
  const excuse = { before: 500, kinds: ['sign-in'] } as const
  expect(unexcused([loss(500), loss(2000), loss(3400)], spans, excuse, 500)).toEqual([])
  expect(unexcused([loss(499), loss(3501)], spans, excuse, 500)).toHaveLength(2)
  expect(unexcused([loss(2000)], spans, { ...excuse, kinds: ['change'] }, 500)).toEqual([
    'gone, confirmed 1000 ms after the fault began',
  ])
})
