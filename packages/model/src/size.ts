import { type Parsed, parsed, unparsed } from './parsed.ts'

/** Largest size: 1 TiB. */
export const largestSize = 2 ** 40

const units: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

/** What a size with a unit looks like, as a regular expression in JavaScript and JSON Schema. */
export const sizePattern = '^[0-9]{1,13}(?:B|KB|MB|GB|KiB|MiB|GiB)?$'

const shape = /^([0-9]{1,13})(B|KB|MB|GB|KiB|MiB|GiB)?$/

/**
 * Bytes of a size: a whole number alone, or with `B`, `KB`, `MB`, `GB` (powers of 1000), `KiB`, `MiB`, `GiB` (powers of
 * 1024).
 *
 * Greater than 0, at most 1 TiB.
 */
export function parseSize(text: string): Parsed<number> {
  const match = shape.exec(text)
  if (match === null)
    return unparsed('is not a size', 'Write whole bytes, or a whole number with a unit, as 64KB or 1MiB.')
  const bytes = Number(match[1]) * units[match[2] ?? 'B']!
  if (bytes === 0) return unparsed('is zero', 'Write a size greater than 0, as 64KB or 1MiB.')
  if (bytes > largestSize) return unparsed('is larger than 1 TiB', 'Write at most 1024GiB.')
  return parsed(bytes)
}

/** Bytes in the unit that makes the smallest whole number; the inverse of `parseSize`. */
export function formatSize(bytes: number): string {
  const whole = Object.entries(units).filter(([, size]) => bytes % size === 0)
  const [unit, size] = whole.reduce((best, candidate) => (candidate[1] > best[1] ? candidate : best))
  return unit === 'B' ? `${bytes}` : `${bytes / size}${unit}`
}
