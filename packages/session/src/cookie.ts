/**
 * Cookies of a session as they are written: within what browsers keep (RFC 6265 and its successor
 * draft-ietf-httpbis-rfc6265bis). A value too long for one cookie goes in parts, see `cookie-parts.ts`.
 */
import type { CookieOptions } from './api.ts'
import { maxCookieParts, splitValue } from './cookie-parts.ts'
import { sessionDefaults } from './defaults.ts'
import { checkObject, invalid, shown } from './invalid-option.ts'
import { members } from './members.ts'
import { isToken } from './token.ts'

export { type CookieValues, ownsCookieName, readCookies, withholdCookies } from './cookie-header.ts'

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
  checkObject('"cookie"', options, optionNames)
  checkKinds(options)
  const { cookie } = sessionDefaults
  const { path = cookie.path, sameSite = cookie.sameSite, secure = cookie.secure } = options
  const { httpOnly = cookie.httpOnly, expires = cookie.expires } = options
  const domain = options.domain?.replace(/^\./, '')
  const hostOnly = secure && path === '/' && domain === undefined
  const name = options.name ?? (hostOnly ? '__Host-session' : 'session')
  checkName(name)
  checkPlace(path, domain)
  if (sameSite === 'None' && !secure) {
    throw invalid('SameSite=None without Secure: browsers drop such a cookie. Leave secure on, or use Lax.')
  }
  checkPrefix(name, { hostOnly, secure, httpOnly })
  const attributes =
    `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}` +
    `${secure ? '; Secure' : ''}${httpOnly ? '; HttpOnly' : ''}; SameSite=${sameSite}`
  return { name, domain, path, sameSite, secure, httpOnly, expires, attributes }
}

const kinds: Readonly<Record<keyof CookieOptions, readonly [isRight: (value: unknown) => boolean, say: string]>> = {
  name: [isText, 'text'],
  domain: [isText, 'text'],
  path: [isText, 'text'],
  sameSite: [isOneOf('Strict', 'Lax', 'None'), 'Strict, Lax or None'],
  secure: [isOneOf(true, false), 'true or false'],
  httpOnly: [isOneOf(true, false), 'true or false'],
  expires: [isOneOf('browser', 'lifetime'), 'browser or lifetime'],
}
const optionNames = members(kinds)

function checkKinds(options: CookieOptions): void {
  for (const name of optionNames) {
    const [isRight, say] = kinds[name]
    if (options[name] === undefined || isRight(options[name])) continue
    throw invalid(
      `Cookie option "${name}" is ${shown(options[name])}, which no browser would understand. Nothing was made. Give ${say}.`,
    )
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isOneOf(...known: unknown[]): (value: unknown) => boolean {
  return (value) => known.includes(value)
}

function checkName(name: string): void {
  if (!isToken(name)) {
    throw invalid(
      `Cookie name ${shown(name)} holds what no browser would take. Nothing was made. Give 1 to 128 letters, digits or ` +
        "!#$%&'*+-.^_`|~",
    )
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
