import { GatewayError } from './errors.ts'

/** What routing needs of a request target. */
export interface Target {
  /** Canonical path (`canonicalPath`). */
  readonly path: string
  /** What stands behind the first `?`, raw. */
  readonly query: string
  /** Other ways in which lenient servers read the path, canonical too; `undefined` when there are none. */
  readonly readings: readonly string[] | undefined
}

const question = 63
const slash = 47
const dot = 46
const percent = 37

/**
 * Reads a target in origin form.
 *
 * A `%` that starts no escape is a literal one.
 *
 * @throws GatewayError `bad-target` for what is not one (another form, a fragment, blanks, control and non-ASCII bytes,
 * an escaped NUL, an overlong escape or one like `%u002e` in the path), `ambiguous-target` when any reading of the path has a dot segment
 */
export function readTarget(target: string): Target {
  if (target.charCodeAt(0) !== slash) throw badTarget('it is not in origin form')
  let end = target.length
  let plain = true
  let previous = 0
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 32 || code >= 127 || code === 35) throw badTarget('it holds a byte that no target may hold')
    if (end !== target.length) continue
    if (code === question) end = i
    else if (code === percent || code === 59 || code === 92) plain = false
    else if (previous === slash && (code === slash || code === dot)) plain = false
    previous = code
  }
  const raw = end === target.length ? target : target.slice(0, end)
  const query = end === target.length ? '' : target.slice(end + 1)
  return plain ? { path: raw, query, readings: undefined } : readOddPath(raw, query)
}

function readOddPath(raw: string, query: string): Target {
  if (raw.includes('%00')) throw badTarget('its path holds an escaped NUL')
  const path = canonicalPath(raw)
  const readings = lenientReadings(path)
  if (hasDotSegment(path) || readings.some(hasDotSegment)) {
    throw new GatewayError('ambiguous-target', 400, `The path holds a dot segment: ${dotSegment(raw)}`, {
      detail: 'The path of this request holds a dot segment, which servers resolve in different ways.',
    })
  }
  return { path, query, readings: readings.length === 0 ? undefined : readings }
}

/**
 * A path in the one form in which routes and requests are compared: escapes of characters that give a path no structure
 * are decoded, all others have upper-case digits, and bytes beyond ASCII are escaped. Characters that some servers give
 * a meaning once they are decoded (`/ \ ; ? # %` and control characters) keep their escape.
 */
export function canonicalPath(path: string): string {
  return escapeBytes(path).replace(/%[0-9A-Fa-f]{2}/g, (escaped) => {
    const code = Number.parseInt(escaped.slice(1), 16)
    return isHarmless(code) ? String.fromCharCode(code) : escaped.toUpperCase()
  })
}

/** A configured path as it may stand in a request or a `Location`: what is no URI character is escaped. */
export function wirePath(path: string): string {
  return escapeBytes(path).replace(/[ "<>\\^`{|}]/g, (character) => escapeByte(character.charCodeAt(0)))
}

/** Escapes what does not stand in a canonical path; a `%` that starts no escape is a literal one. */
function escapeBytes(path: string): string {
  return path.replace(/[^!-~ ]|%(?![0-9A-Fa-f]{2})|[?#]/gu, (character) =>
    [...new TextEncoder().encode(character)].map(escapeByte).join(''),
  )
}

const escapeByte = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`

function isHarmless(code: number): boolean {
  return code >= 32 && code < 127 && !'/\\;?#%'.includes(String.fromCharCode(code))
}

type Change = (path: string) => string

const decodeOnce: Change = (path) =>
  path.replace(/%([0-9A-F]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
const endAtQuestion: Change = (path) => path.replace(/[?#\0].*$/s, '')
const takeBackslashes: Change = (path) => path.replaceAll('\\', '/')
const dropParameters: Change = (path) => path.replace(/;[^/]*/g, '')
const mergeSlashes: Change = (path) => path.replace(/\/{2,}/g, '/')

const ofEscaped = [takeBackslashes, dropParameters, mergeSlashes]
const ofDecoded = [decodeOnce, endAtQuestion, ...ofEscaped]

/**
 * An ASCII character in two to six bytes of UTF-8, as C0 AE or E0 80 AE for a dot: no text has that, and some decoders
 * take it.
 */
const overlong = /(?:[\xc0\xc1]|(?:\xe0|\xf0\x80|\xf8\x80\x80|\xfc\x80\x80\x80)[\x80\x81])[\x80-\xbf]/
/** An escape that no standard has and some servers decode: `%u002e`, and `%uff0e` too, is a dot to them. */
const wideEscape = /%u[0-9a-f]{4}/i

/**
 * Every way in which a lenient server may read a canonical path: it decodes once or several times, takes `\` for `/`,
 * drops `;parameters`, ends the path at a decoded `?`, `#` or NUL, merges slashes, or does several of that in any
 * order.
 *
 * @throws GatewayError `bad-target` when there are more than can be looked at, and for overlong and wide escapes
 */
export function lenientReadings(path: string): string[] {
  const escaped = closure([path], ofEscaped)
  const decoded = closure(escaped.map(decodeOnce), ofDecoded)
  if (decoded.some((reading) => overlong.test(reading))) throw badTarget('its path holds an overlong escape')
  if (decoded.some((reading) => wideEscape.test(reading)))
    throw badTarget('its path holds an escape of the form %uXXXX')
  const readings = new Set([...escaped, ...decoded.map(encodeReading)])
  readings.delete(path)
  return [...readings]
}

/** Characters that the readings of one path may have together. Honest paths have two or three readings. */
const mostCharacters = 32_768

/** All that the changes make of the seeds, applied in any order, any number of times. */
function closure(seeds: readonly string[], changes: readonly Change[]): string[] {
  const all = new Set(seeds)
  let characters = 0
  for (const path of all) {
    characters += path.length
    if (characters > mostCharacters) throw badTarget('its path can be read in too many ways')
    for (const change of changes) all.add(change(path))
  }
  return [...all]
}

/** A decoded path in canonical form again. */
function encodeReading(decoded: string): string {
  return decoded.replace(/[%?#]|[^!-~ ]/g, (character) => escapeByte(character.charCodeAt(0)))
}

/**
 * Where a path has its dot segment, as it came: of several the first; all of it when only the whole is read that way.
 */
function dotSegment(raw: string): string {
  const found = raw.split('/').find((segment) => hasDotSegment(decodeOnce(decodeOnce(segment))))
  return JSON.stringify(found ?? raw)
}

function hasDotSegment(path: string): boolean {
  return /(?:^|[/\\])\.\.?(?:[/\\;]|$)/.test(path)
}

function badTarget(why: string): GatewayError {
  return new GatewayError('bad-target', 400, `The request target was refused: ${why}`, {
    detail: `The request target was refused: ${why}.`,
  })
}
