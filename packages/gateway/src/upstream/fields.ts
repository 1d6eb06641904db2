import type { HeaderList } from '../headers.ts'
import { MalformedResponse } from './malformed.ts'

/** Bounds of one head, and of one trailer section. */
export const maxSectionBytes = 65_536
export const maxFields = 200

const token = 1
const text = 2
const cr = 13
const lf = 10
const colon = 58

/** What each octet may be part of: a name (RFC 9110, 5.6.2), a value (5.5; obs-text included). */
const kinds = new Uint8Array(256)
for (let octet = 0x20; octet < 256; octet++) if (octet !== 0x7f) kinds[octet] = text
kinds[9] = text
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  kinds[character.charCodeAt(0)] = token | text
}

export const isToken = (octet: number): boolean => (kinds[octet]! & token) !== 0
/** Whether something can have this name, a header or a method. */
export function isName(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (!isToken(name.charCodeAt(at))) return false
  return name !== ''
}

export const isText = (octet: number): boolean => (kinds[octet]! & text) !== 0

/**
 * Reads the field lines in `bytes[at, end)`, each with its CRLF, and appends name and value as they stand, octets above
 * 0x7f as latin1. Refuses folded lines, space before the colon, empty names and control characters.
 *
 * @throws MalformedResponse
 * @see RFC 9112, section 5
 */
export function readFields(bytes: Buffer, at: number, end: number, into: HeaderList): void {
  const section = bytes.toString('latin1', at, end)
  const base = at
  while (at < end) {
    const nameStart = at
    while (isToken(bytes[at]!)) at++
    if (at === nameStart || bytes[at] !== colon) throw new MalformedResponse(nameProblem(bytes, nameStart))
    const nameEnd = at++
    while (isBlank(bytes[at]!)) at++
    const valueStart = at
    while (isText(bytes[at]!)) at++
    if (bytes[at] !== cr || bytes[at + 1] !== lf) throw new MalformedResponse('a control character in a header value')
    let valueEnd = at
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--
    if (into.length === 2 * maxFields) throw new MalformedResponse(`more than ${maxFields} headers`)
    into.push(section.slice(nameStart - base, nameEnd - base), section.slice(valueStart - base, valueEnd - base))
    at += 2
  }
}

const isBlank = (octet: number) => octet === 0x20 || octet === 9

function nameProblem(bytes: Buffer, at: number): string {
  return isBlank(bytes[at]!) ? 'a folded header line' : 'a header name with a character that no name may have'
}
