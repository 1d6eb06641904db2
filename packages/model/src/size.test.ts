import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatSize, largestSize, parseSize, sizePattern } from './size.ts'

test.each([
  ['1', 1],
  ['65536', 65_536],
  ['512B', 512],
  ['64KB', 64_000],
  ['64KiB', 65_536],
  ['1MiB', 1_048_576],
  ['2MB', 2_000_000],
  ['1GB', 1e9],
  ['1024GiB', largestSize],
])('parseSize(%s) is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toEqual({ ok: true, value: bytes })
})

test.each([
  '',
  '0',
  '0KB',
  '-1',
  '1.5MB',
  '64 KB',
  '64kb',
  '64K',
  'KB',
  '1TB',
  '1e3',
  '1025GiB',
  '99999999999999',
  '64KB\n',
  '٣KB',
])('parseSize(%j) is refused with a remedy', (text) => {
  const result = parseSize(text)
  expect(result.ok).toBe(false)
  expect(!result.ok && result.remedy).toMatch(/Write /)
})

test('formatSize() takes the unit that makes the smallest whole number', () => {
  expect(formatSize(65_536)).toBe('64KiB')
  expect(formatSize(64_000)).toBe('64KB')
  expect(formatSize(16_384)).toBe('16KiB')
  expect(formatSize(1001)).toBe('1001')
})

test('parseSize() reads what formatSize() writes', () => {
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: largestSize }),
    fc.integer({ min: 1, max: 1024 }).map((n) => n * 1024 ** 2),
    fc.integer({ min: 1, max: 1000 }).map((n) => n * 1000),
  )
  fc.assert(
    fc.property(sizes, (bytes) => {
      expect(parseSize(formatSize(bytes))).toEqual({ ok: true, value: bytes })
    }),
  )
})

test('parseSize() never throws, and accepts only what the pattern accepts', () => {
  const pattern = new RegExp(sizePattern)
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', '1', '9', 'K', 'M', 'i', 'B', ' ') }))
  fc.assert(
    fc.property(text, (value) => {
      const result = parseSize(value)
      if (!result.ok) return
      expect(value).toMatch(pattern)
      expect(result.value).toBeGreaterThan(0)
      expect(result.value).toBeLessThanOrEqual(largestSize)
    }),
  )
})
