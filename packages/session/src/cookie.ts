/**
 * Cookies of a session: read octet by octet, written within what browsers keep (RFC 6265 and its successor
 * draft-ietf-httpbis-rfc6265bis). A value too long for one cookie travels in parts, see `cookie-parts.ts`.
 */
import type { CookieOptions } from './api.ts'
import { joinParts, maxCookieBytes, maxCookieParts, type Part, parsePart, splitValue } from './cookie-parts.ts'
import { SessionError } from './errors.ts'

/** What was found under our name in a Cookie header. */
export interface CookieValues {
  /** At most two, different, in the order they came; parts are joined. What they mean is not checked here. */
  readonly values: readonly string[]
  /** Which of our cookies came: bit 0 for the whole one, bit N for part N. For `setCookies` and `clearCookies`. */
  readonly present: number
  /**
   * Something under our name was not taken into `values`. `oversized`: more than two values, or longer than any of
   * ours. `malformed`: parts that do not belong together.
   */
  readonly rejected: 'oversized' | 'malformed' | undefined
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
  const found: Found = { values: [], parts: [], present: 0, rejected: undefined, pairs: 0 }
  while (at !== -1 && found.pairs <= maxPairs) {
    at = header.indexOf(name, beginsPair(header, at) ? readPair(header, name.length, at, found) : at + name.length)
  }
  if (found.pairs > maxPairs) found.rejected = 'oversized'
  if (found.parts.length > 0) takeParts(found, maxParts)
  return { values: found.values, present: found.present, rejected: found.rejected }
}

/** Two values of the most parts there can be; whoever sends more gets the rest unread. */
const maxPairs = 2 * maxCookieParts

interface Found extends CookieValues {
  readonly values: string[]
  readonly parts: Part[]
  present: number
  rejected: CookieValues['rejected']
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
  if (found.values.length === 2 || nameLength + value.length > maxCookieBytes) found.rejected = 'oversized'
  else found.values.push(value)
}

function takeParts(found: Found, maxParts: number): void {
  const joined = joinParts(found.parts, maxParts)
  found.rejected = joined.rejected ?? found.rejected
  for (const value of joined.values) {
    if (found.values.includes(value)) continue
    if (found.values.length === 2) found.rejected = 'oversized'
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

/** More blanks than a browser sends are skipped here, though never where cookies are read: rather one too many withheld. */
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

/** Cookie options with every default filled in, checked. */
export interface ResolvedCookie {
  readonly name: string
  readonly domain: string | undefined
  readonly path: string
  readonly sameSite: 'Strict' | 'Lax' | 'None'
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly expires: 'browser' | 'lifetime'
  /** What follows the value in every `Set-Cookie` of this cookie, Max-Age apart. */
  readonly attributes: string
}

/** 400 days in seconds: browsers keep nothing longer (RFC 6265bis, 5.5). */
const longestMaxAge = 34_560_000

/**
 * One `Set-Cookie` value.
 *
 * @param remaining milliseconds the session can still last; used when the cookie expires with the lifetime
 * @throws SessionError `ERR_INVALID_OPTION` when the value holds what no cookie can (RFC 6265, 4.1.1: cookie-octet)
 */
export function serializeCookie(cookie: ResolvedCookie, value: string, remaining?: number, name = cookie.name): string {
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value)) {
    throw invalid(`The value for cookie "${name}" holds a character that no cookie can; encode it first.`)
  }
  const pair = `${name}=${value}${cookie.attributes}`
  if (cookie.expires === 'browser' || remaining === undefined) return pair
  return `${pair}; Max-Age=${Math.min(Math.max(Math.ceil(remaining / 1000), 1), longestMaxAge)}`
}

/**
 * All `Set-Cookie` values that make the browser hold this value and no other of ours: one cookie, or its parts, and
 * the end of those in `present` that are not written again.
 *
 * @throws SessionError `ERR_COOKIE_TOO_LARGE` when it needs more than `maxParts`
 */
export function setCookies(
  cookie: ResolvedCookie,
  value: string,
  { remaining, maxParts = 1, present = 0 }: { remaining?: number; maxParts?: number; present?: number } = {},
): string[] {
  const parts = splitValue(cookie.name, value, maxParts)
  const first = parts.length === 1 ? 0 : 1
  const set = parts.map((part, at) => serializeCookie(cookie, part, remaining, indexedName(cookie.name, at + first)))
  const written = ((1 << parts.length) - 1) << first
  return [...set, ...clearCookies(cookie, present & ~written)]
}

const indexedName = (name: string, index: number) => (index === 0 ? name : `${name}.${index}`)

/** `Set-Cookie` values that make the browser forget the cookies in `present`; by default the whole one. */
export function clearCookies(cookie: ResolvedCookie, present = 1): string[] {
  const cleared: string[] = []
  for (let index = 0; index <= maxCookieParts; index += 1) {
    if ((present & (1 << index)) === 0) continue
    cleared.push(
      `${indexedName(cookie.name, index)}=${cookie.attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
    )
  }
  return cleared
}

/**
 * Fills in the defaults of rule 8 and refuses what no browser would keep.
 *
 * @throws SessionError `ERR_INVALID_OPTION`
 */
export function resolveCookie(options: CookieOptions = {}): ResolvedCookie {
  const { path = '/', sameSite = 'Lax', secure = true, httpOnly = true, expires = 'browser' } = options
  const domain = options.domain?.replace(/^\./, '')
  const hostOnly = secure && path === '/' && domain === undefined
  const name = options.name ?? (hostOnly ? '__Host-session' : 'session')
  checkName(name)
  checkPlace(path, domain)
  if (!['Strict', 'Lax', 'None'].includes(sameSite))
    throw invalid(`sameSite "${sameSite}" is none of Strict, Lax, None.`)
  if (expires !== 'browser' && expires !== 'lifetime')
    throw invalid(`expires "${expires}" is none of browser, lifetime.`)
  if (sameSite === 'None' && !secure) {
    throw invalid('SameSite=None without Secure: browsers drop such a cookie. Leave secure on, or use Lax.')
  }
  checkPrefix(name, { hostOnly, secure, httpOnly })
  const attributes =
    `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}` +
    `${secure ? '; Secure' : ''}${httpOnly ? '; HttpOnly' : ''}; SameSite=${sameSite}`
  return { name, domain, path, sameSite, secure, httpOnly, expires, attributes }
}

function checkName(name: string): void {
  // A token of RFC 9110, 5.6.2.
  if (!/^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name)) {
    throw invalid(`Cookie name ${JSON.stringify(name)} is not 1 to 128 letters, digits or !#$%&'*+-.^_\`|~`)
  }
  if (/\.\d+$/.test(name)) throw invalid(`Cookie name "${name}" ends like a part of a split cookie; name it otherwise.`)
}

function checkPlace(path: string, domain: string | undefined): void {
  if (!/^\/[\x20-\x3a\x3c-\x7e]{0,1023}$/.test(path)) {
    throw invalid(
      `Cookie path ${JSON.stringify(path)} must begin with "/", in at most 1024 ASCII characters without ";".`,
    )
  }
  if (domain === undefined) return
  if (domain.length > 253 || !/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i.test(domain)) {
    throw invalid(`Cookie domain ${JSON.stringify(domain)} is not a host name.`)
  }
}

/** Names that promise something to the browser, which drops the cookie when it is not so (RFC 6265bis, 4.1.3). */
function checkPrefix(name: string, is: { hostOnly: boolean; secure: boolean; httpOnly: boolean }): void {
  const prefix = /^__(?:Host-Http|Host|Http|Secure)-/i.exec(name)?.[0].toLowerCase()
  if (prefix === undefined) return
  if (prefix.startsWith('__host-') && !is.hostOnly) {
    throw invalid(`Cookie "${name}": browsers keep a __Host- name only with secure, path "/" and no domain.`)
  }
  if (!is.secure) throw invalid(`Cookie "${name}": browsers keep this name only with secure.`)
  if (prefix.endsWith('http-') && !is.httpOnly)
    throw invalid(`Cookie "${name}": browsers keep this name only with httpOnly.`)
}

function invalid(message: string): SessionError {
  return new SessionError('ERR_INVALID_OPTION', message)
}
