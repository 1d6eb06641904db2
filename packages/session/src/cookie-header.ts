/**
 * Cookies of ours in a `Cookie` header: read octet by octet (RFC 6265, 4.2.1), or taken out for whoever must not see
 * them. A value too long for one cookie came in parts, see `cookie-parts.ts`.
 */
import { joinParts, maxCookieBytes, maxCookieParts, type Part, parsePart } from './cookie-parts.ts'

/** What was found under our name in a Cookie header. */
export interface CookieValues {
  /** At most two, different, in the order they came; parts are joined. What they mean is not checked here. */
  readonly values: readonly string[]
  /** Which of our cookies came: bit 0 for the whole one, bit N for part N. For `setCookies` and `clearCookies`. */
  readonly present: number
  /**
   * Something under our name was not taken into `values`. `oversized`: longer than any of ours, or more than two
   * values. `malformed`: parts that do not belong together.
   */
  readonly rejected: 'oversized' | 'malformed' | undefined
  /** There were more than are looked at: one that is not in `values` may be good. */
  readonly untried?: true | undefined
}

const nothing: CookieValues = { values: [], present: 0, rejected: undefined }

/**
 * Finds the values of one cookie in a `Cookie` header. Octets only: nothing is trimmed, unquoted or decoded, and `$`
 * means nothing. Never throws; the work is bounded by the length of the header.
 *
 * @param maxParts parts that a value may have; 1 where values are never split
 */
export function readCookies(header: string | undefined, name: string, maxParts: number): CookieValues {
  if (header === undefined || header === '') return nothing
  let at = header.indexOf(name)
  if (at === -1) return nothing
  const found: Found = { values: [], parts: [], present: 0, rejected: undefined, untried: undefined, pairs: 0 }
  while (at !== -1 && found.pairs <= maxPairs) {
    at = header.indexOf(name, beginsPair(header, at) ? readPair(header, name.length, at, found) : at + name.length)
  }
  if (found.pairs > maxPairs) leaveUntried(found)
  if (found.parts.length > 0) takeParts(found, maxParts)
  const { values, present, rejected, untried } = found
  return { values, present, rejected, untried }
}

/** Two values of the most parts there can be; whoever sends more gets the rest unread. */
const maxPairs = 2 * maxCookieParts

interface Found extends CookieValues {
  readonly values: string[]
  readonly parts: Part[]
  present: number
  rejected: CookieValues['rejected']
  untried: CookieValues['untried']
  pairs: number
}

/** Pairs are separated by `; ` (RFC 6265, 4.2.1); the space may be missing, nothing else may stand there. */
function beginsPair(header: string, at: number): boolean {
  if (at === 0) return true
  const before = header.charCodeAt(at - 1)
  return before === semicolon || (before === space && at > 1 && header.charCodeAt(at - 2) === semicolon)
}
const semicolon = 0x3b
const space = 0x20
const equals = 0x3d
const dot = 0x2e

/** Reads the pair whose name begins with ours, and returns where to go on. */
function readPair(header: string, nameLength: number, at: number, found: Found): number {
  const afterName = at + nameLength
  const next = header.charCodeAt(afterName)
  if (next !== equals && next !== dot) return afterName
  const semicolonAt = header.indexOf(';', afterName)
  const end = semicolonAt === -1 ? header.length : semicolonAt
  if (next === equals) {
    found.pairs += 1
    found.present |= 1
    takeValue(found, nameLength, header.slice(afterName + 1, end))
  } else {
    readPartPair(header, afterName + 1, end, found, nameLength)
  }
  return end
}

function readPartPair(header: string, from: number, end: number, found: Found, nameLength: number): void {
  const equalsAt = header.indexOf('=', from)
  // The index has one or two digits, so an equals sign further away is not its end.
  if (equalsAt === -1 || equalsAt - from > 2 || equalsAt > end) return
  const index = partIndex(header.slice(from, equalsAt))
  if (index === undefined) return
  found.pairs += 1
  found.present |= 1 << index
  const part =
    end - equalsAt + nameLength > maxCookieBytes ? undefined : parsePart(index, header.slice(equalsAt + 1, end))
  if (part === undefined) found.rejected ??= 'malformed'
  else found.parts.push(part)
}

function takeValue(found: Found, nameLength: number, value: string): void {
  if (found.values.includes(value)) return
  if (nameLength + value.length > maxCookieBytes) found.rejected = 'oversized'
  else if (found.values.length === 2) leaveUntried(found)
  else found.values.push(value)
}

function leaveUntried(found: Found): void {
  found.rejected = 'oversized'
  found.untried = true
}

function takeParts(found: Found, maxParts: number): void {
  const joined = joinParts(found.parts, maxParts)
  found.rejected = joined.rejected ?? found.rejected
  for (const value of joined.values) {
    if (found.values.includes(value)) continue
    if (found.values.length === 2) leaveUntried(found)
    else found.values.push(value)
  }
}

function partIndex(digits: string): number | undefined {
  if (!/^[1-9]\d?$/.test(digits)) return undefined
  const index = Number(digits)
  return index <= maxCookieParts ? index : undefined
}

/** Is this the name of the cookie, or of a part of it? */
export function ownsCookieName(cookieName: string, name: string): boolean {
  if (!name.startsWith(cookieName)) return false
  if (name.length === cookieName.length) return true
  return name.charCodeAt(cookieName.length) === dot && partIndex(name.slice(cookieName.length + 1)) !== undefined
}

/**
 * Takes the cookies that `owns` says are ours out of a `Cookie` header, for whoever must not see them. The others stay
 * as they came. `undefined` when none is left; the very same string when none was ours.
 */
export function withholdCookies(header: string, owns: (name: string) => boolean): string | undefined {
  let kept = ''
  let removed = false
  for (let from = 0; from <= header.length; ) {
    const semicolonAt = header.indexOf(';', from)
    const end = semicolonAt === -1 ? header.length : semicolonAt
    const start = skipBlanks(header, from, end)
    if (owns(pairName(header, start, end))) removed = true
    else if (start < end) kept += kept === '' ? header.slice(start, end) : `; ${header.slice(start, end)}`
    from = end + 1
  }
  if (!removed) return header
  return kept === '' ? undefined : kept
}

/**
 * More blanks than a browser sends are skipped here, though never where cookies are read: rather one too many withheld.
 */
function skipBlanks(header: string, from: number, end: number): number {
  let at = from
  while (at < end && (header.charCodeAt(at) === space || header.charCodeAt(at) === 0x09)) at += 1
  return at
}

function pairName(header: string, start: number, end: number): string {
  let at = start
  while (at < end && header.charCodeAt(at) !== equals) at += 1
  while (at > start && (header.charCodeAt(at - 1) === space || header.charCodeAt(at - 1) === 0x09)) at -= 1
  return header.slice(start, at)
}
