import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from './instant.ts'

test.each([
  ['2027-01-31', Date.UTC(2027, 0, 31)],
  ['2027-01-31T06:00:00Z', Date.UTC(2027, 0, 31, 6)],
  ['2027-01-31T06:00:00+02:00', Date.UTC(2027, 0, 31, 4)],
  ['2028-02-29T23:59:59.5Z', Date.UTC(2028, 1, 29, 23, 59, 59, 500)],
])('parseInstant(%s)', (text, milliseconds) => {
  expect(parseInstant(text)).toEqual({ ok: true, value: milliseconds })
})

test.each([
  '',
  'tomorrow',
  '2027',
  '2027-1-31',
  '2027-02-29',
  '2027-02-30T00:00:00Z',
  '2027-13-01',
  '2027-01-31T06:00:00',
  '2027-01-31 06:00:00Z',
  '2027-01-31T25:00:00Z',
  ' 2027-01-31',
  '2027-01-31Z',
  '+002027-01-31',
  '1799999999999',
])('parseInstant(%j) is none', (text) => {
  expect(parseInstant(text)).toMatchObject({ ok: false })
})

test('parseInstant() reads what formatInstant() writes', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
      (date) => {
        expect(parseInstant(formatInstant(date.getTime()))).toEqual({ ok: true, value: date.getTime() })
      },
    ),
  )
})
