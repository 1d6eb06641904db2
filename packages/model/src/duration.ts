import { type Parsed, parsed, unparsed } from './parsed.ts'

/** Largest duration: ten years, in milliseconds. */
export const longestDuration = 3650 * 86_400_000

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** What a duration looks like, as a regular expression in JavaScript and JSON Schema. */
export const durationPattern =
  '^(?=[0-9])(?:[0-9]{1,12}d)?(?:[0-9]{1,12}h)?(?:[0-9]{1,12}m)?(?:[0-9]{1,12}s)?(?:[0-9]{1,12}ms)?$'

const shape =
  /^(?=[0-9])(?:([0-9]{1,12})d)?(?:([0-9]{1,12})h)?(?:([0-9]{1,12})m)?(?:([0-9]{1,12})s)?(?:([0-9]{1,12})ms)?$/
const remedy = 'Write whole numbers with units, as 500ms, 30s, 10m, 1h30m or 7d.'

/**
 * Milliseconds of a duration: whole numbers with the units `d`, `h`, `m`, `s`, `ms`, each at most once, largest first.
 *
 * Greater than 0, at most ten years.
 */
export function parseDuration(text: string): Parsed<number> {
  const match = shape.exec(text)
  if (match === null) return unparsed(/^[0-9]+$/.test(text) ? 'has no unit' : 'is not a duration', remedy)
  const total = units.reduce((sum, [, size], index) => sum + Number(match[index + 1] ?? 0) * size, 0)
  if (total === 0) return unparsed('is zero', 'Write a duration greater than 0, as 500ms or 10m.')
  if (total > longestDuration) return unparsed('is longer than ten years', 'Write at most 3650d.')
  return parsed(total)
}

/** The shortest text that means so many milliseconds; the inverse of `parseDuration`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds
  let text = ''
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text === '' ? '0ms' : text
}
