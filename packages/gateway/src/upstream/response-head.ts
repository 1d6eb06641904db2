import { type HeaderList, isNamed } from '../headers.ts'
import { isText, readFields } from './fields.ts'
import { MalformedResponse } from './malformed.ts'

export interface ResponseHead {
  /** HTTP/1.x: 0 or 1. */
  readonly minor: number
  readonly status: number
  readonly statusText: string
  readonly headers: HeaderList
}

/** A body length that is no length. */
export const chunked = -1
export const untilClose = -2

/**
 * Reads status line and headers in `bytes[start, end)`; `end` lies behind the empty line.
 *
 * @throws MalformedResponse
 * @see RFC 9112, section 4
 */
export function readHead(bytes: Buffer, start: number, end: number): ResponseHead {
  const lineEnd = bytes.indexOf(13, start)
  const minor = readVersion(bytes, start)
  const status = readStatus(bytes, start + 9)
  const reasonStart = start + 12
  // "HTTP/1.1 200" without the space is what some servers send when they have no reason phrase.
  if (lineEnd !== reasonStart && bytes[reasonStart] !== 0x20)
    throw new MalformedResponse('a status that is not three digits')
  for (let at = reasonStart; at < lineEnd; at++) {
    if (!isText(bytes[at]!)) throw new MalformedResponse('a control character in the reason phrase')
  }
  const headers: HeaderList = []
  readFields(bytes, lineEnd + 2, end - 2, headers)
  return { minor, status, statusText: bytes.toString('latin1', Math.min(reasonStart + 1, lineEnd), lineEnd), headers }
}

function readVersion(bytes: Buffer, at: number): number {
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[at + i] !== prefix[i]) throw new MalformedResponse('a status line that does not begin with "HTTP/1."')
  }
  const minor = bytes[at + 7]! - 0x30
  if ((minor !== 0 && minor !== 1) || bytes[at + 8] !== 0x20) {
    throw new MalformedResponse('a version other than HTTP/1.0 and HTTP/1.1')
  }
  return minor
}

const prefix = Buffer.from('HTTP/1.')

function readStatus(bytes: Buffer, at: number): number {
  const [a, b, c] = [bytes[at]! - 0x30, bytes[at + 1]! - 0x30, bytes[at + 2]! - 0x30]
  const status = a * 100 + b * 10 + c
  // what the classes leave out is no status (RFC 9110, section 15), and HTTP/2 has none above 599
  if (!(a >= 1 && a <= 5 && b >= 0 && b <= 9 && c >= 0 && c <= 9)) {
    throw new MalformedResponse('a status that is not three digits from 100 to 599')
  }
  return status
}

/** What the headers say about the connection and the body, before method and status have their say. */
export interface Framing {
  /** ≥ 0, `chunked` or `untilClose`. */
  readonly length: number
  /** Whether the upstream lets another request follow. */
  readonly persistent: boolean
}

/**
 * Strict: one `Content-Length` of digits without leading zeros, or one `Transfer-Encoding: chunked`, or neither.
 * Anything that two readers could understand in two ways is refused.
 *
 * @throws MalformedResponse
 * @see RFC 9112, section 6
 */
export function readFraming(head: ResponseHead): Framing {
  const { headers } = head
  let length = untilClose
  let persistent = head.minor === 1
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (isNamed(name, 'content-length')) {
      if (length !== untilClose) throw new MalformedResponse('the length of the body is given twice')
      length = readLength(headers[i + 1]!)
    } else if (isNamed(name, 'transfer-encoding')) {
      if (length !== untilClose) throw new MalformedResponse('the length of the body is given twice')
      if (head.minor === 0) throw new MalformedResponse('Transfer-Encoding in HTTP/1.0')
      if (headers[i + 1]!.toLowerCase() !== 'chunked')
        throw new MalformedResponse('a Transfer-Encoding other than chunked')
      length = chunked
    } else if (isNamed(name, 'connection')) {
      if (persistent && hasOption(headers[i + 1]!, 'close')) persistent = false
    }
  }
  return { length, persistent }
}

function readLength(value: string): number {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(value)) throw new MalformedResponse('a Content-Length that is not a plain number')
  return Number(value)
}

/** Whether a comma-separated list holds this option, in any case. */
function hasOption(list: string, option: string): boolean {
  if (!list.includes(',')) return isNamed(list.trim(), option)
  return list
    .toLowerCase()
    .split(',')
    .some((each) => each.trim() === option)
}

/** Whether a 101 switches to what was asked for. */
export function switchesTo(headers: HeaderList, protocol: string): boolean {
  let named = 0
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== 'upgrade') continue
    if (headers[i + 1]!.toLowerCase() !== protocol) return false
    named++
  }
  return named === 1
}
