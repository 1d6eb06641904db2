import fc from 'fast-check'
import { expect, test } from 'vitest'
import { durationPattern, formatDuration, longestDuration, parseDuration } from './duration.ts'

test.each([
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['30s', 30_000],
  ['7d', 604_800_000],
  ['1d2h3m4s5ms', 93_784_005],
  ['90m', 5_400_000],
  ['3650d', longestDuration],
])('parseDuration(%s) is %d ms', (text, milliseconds) => {
  expect(parseDuration(text)).toEqual({ ok: true, value: milliseconds })
})

test.each([
  '',
  '10',
  '0',
  '0s',
  '-1s',
  '+1s',
  '1.5s',
  '1 s',
  ' 1s',
  '1s ',
  '1S',
  '1M',
  's',
  'ms',
  '1m1h',
  '1h1h',
  '1e3s',
  '1w',
  '٣s',
  '3651d',
  '9999999999999s',
  '999999999999d',
  '1s\n',
  '1s500',
  'Infinitys',
])('parseDuration(%j) is refused with a remedy', (text) => {
  const result = parseDuration(text)
  expect(result.ok).toBe(false)
  expect(!result.ok && result.remedy).toMatch(/Write /)
})

test('parseDuration() reads what formatDuration() writes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: longestDuration }), (milliseconds) => {
      expect(parseDuration(formatDuration(milliseconds))).toEqual({ ok: true, value: milliseconds })
    }),
  )
})

test('parseDuration() never throws, and accepts only what the pattern accepts', () => {
  const pattern = new RegExp(durationPattern)
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('0', '1', '9', 'd', 'h', 'm', 's', '.', '-', ' ') }),
  )
  fc.assert(
    fc.property(text, (value) => {
      const result = parseDuration(value)
      if (!result.ok) return
      expect(value).toMatch(pattern)
      expect(result.value).toBeGreaterThan(0)
      expect(result.value).toBeLessThanOrEqual(longestDuration)
      expect(Number.isSafeInteger(result.value)).toBe(true)
    }),
  )
})
