import { type Parsed, parsed, unparsed } from './parsed.ts'

/** What an instant looks like, as a regular expression in JavaScript and JSON Schema. */
export const instantPattern =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]{1,3})?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$'

const shape = new RegExp(instantPattern)

/**
 * An instant in milliseconds since 1970: a day, which begins at midnight UTC, or a day with a time and its offset.
 *
 * @see RFC 3339, 5.6
 */
export function parseInstant(text: string): Parsed<number> {
  const value = shape.test(text) ? Date.parse(text) : Number.NaN
  const day = text.slice(0, 10)
  if (!Number.isNaN(value) && formatInstant(Date.parse(day)).startsWith(day)) return parsed(value)
  return unparsed(
    'is no day or time',
    'Write a day, as 2027-01-31, or a time with its offset, as 2027-01-31T06:00:00Z.',
  )
}

/** The same instant in UTC; the inverse of `parseInstant`. */
export function formatInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}
