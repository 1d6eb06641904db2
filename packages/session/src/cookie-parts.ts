/**
 * A value that is too long for one cookie, in parts: cookie `{name}.{index}`, index from 1, holds
 * `{count}.{mark}.{chunk}`. The mark is the same in all parts of one value and proves that they belong together.
 */
import { createHash } from 'node:crypto'
import { SessionError } from './errors.ts'

/** Bytes of name and value together that every browser keeps (RFC 6265bis, 5.6). */
export const maxCookieBytes = 4096
/** The most parts a value can have; how many it may have is an option. */
export const maxCookieParts = 16
const markLength = 8

export interface Part {
  readonly index: number
  readonly count: number
  readonly mark: string
  readonly chunk: string
}

/** Room for the longest index and count, so that it does not depend on their number. */
const roomFor = (name: string) => maxCookieBytes - name.length - '.16'.length - '16.'.length - markLength - '.'.length

/**
 * Cookies that a value needs: 1, or its parts.
 *
 * @throws SessionError `ERR_COOKIE_TOO_LARGE` when these are more than `maxParts`
 */
export function countCookies(name: string, length: number, maxParts: number): number {
  if (name.length + length <= maxCookieBytes) return 1
  const count = Math.ceil(length / roomFor(name))
  if (count > maxParts) throw tooLarge(name, length, count, maxParts)
  return count
}

/** Values of the parts, in order; the value alone when it needs no parts. Throws as `countCookies` does. */
export function splitValue(name: string, value: string, maxParts: number): readonly string[] {
  const count = countCookies(name, value.length, maxParts)
  if (count === 1) return [value]
  const room = roomFor(name)
  const mark = markOf(value)
  return Array.from({ length: count }, (_, at) => `${count}.${mark}.${value.slice(at * room, (at + 1) * room)}`)
}

function tooLarge(name: string, length: number, count: number, maxParts: number): SessionError {
  return new SessionError(
    'ERR_COOKIE_TOO_LARGE',
    `The value of cookie "${name}" has ${length} bytes: ${count} cookies of ${maxCookieBytes} bytes, and ${maxParts} ` +
      `${maxParts === 1 ? 'is' : 'are'} allowed, so a browser or server would drop it. Keep less in the session, keep ` +
      'it in a store, or raise maxParts together with the limit for request headers.',
  )
}

/** `undefined` for what `splitValue` cannot have written. */
export function parsePart(index: number, text: string): Part | undefined {
  const match = /^([2-9]|1[0-6])\.([\w-]{8})\.([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+)$/.exec(text)
  if (match === null) return undefined
  const count = Number(match[1])
  return index > count ? undefined : { index, count, mark: match[2]!, chunk: match[3]! }
}

/** Every value of which all parts are there and prove to belong together, in the order their first parts came. */
export function joinParts(
  parts: readonly Part[],
  maxParts: number,
): { values: string[]; rejected: 'oversized' | 'malformed' | undefined } {
  const sets = new Map<string, (string | undefined)[]>()
  for (const { index, count, mark, chunk } of parts) {
    const key = `${count}.${mark}`
    const chunks = sets.get(key) ?? new Array<string | undefined>(count).fill(undefined)
    chunks[index - 1] ??= chunk
    sets.set(key, chunks)
  }
  const values: string[] = []
  let rejected: 'oversized' | 'malformed' | undefined
  for (const [key, chunks] of sets) {
    if (chunks.length > maxParts) rejected = 'oversized'
    else if (chunks.includes(undefined) || markOf(chunks.join('')) !== key.slice(-markLength)) rejected ??= 'malformed'
    else values.push(chunks.join(''))
  }
  return { values, rejected }
}

function markOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, markLength)
}
