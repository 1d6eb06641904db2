import { GatewayError } from '../errors.ts'
import type { ForwardRequest } from '../forward.ts'
import { isNamed } from '../headers.ts'
import { isName } from './fields.ts'

/** Whether the request carries content that is to be sent. */
export const hasBody = (request: ForwardRequest): boolean =>
  request.body !== undefined && request.contentLength !== 0 && request.upgrade === undefined

/**
 * Request line and headers as one latin1 string. Framing and `Connection` are written here alone: whatever the headers
 * say of them, and `Expect`, is left out.
 *
 * @param host `Host` of the target, for requests that say `hostFromTarget`
 * @throws GatewayError `internal` when any part would not stay one line of latin1: nothing of it is sent
 * @see RFC 9112, sections 3, 5 and 6
 */
export function writeRequestHead(request: ForwardRequest, host: string): string {
  const { headers, hostFromTarget } = request
  let head = `${request.method} ${request.target} HTTP/1.1\r\n`
  let lines = 1
  let hostWritten = !hostFromTarget
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (isOurs(name)) continue
    if (hostFromTarget && isNamed(name, 'host')) {
      if (hostWritten) continue
      hostWritten = true
      head += `${name}: ${host}\r\n`
    } else head += `${name}: ${headers[i + 1]!}\r\n`
    lines++
  }
  if (!hostWritten) {
    head += `Host: ${host}\r\n`
    lines++
  }
  head += writeFraming(request)
  check(request, head, lines)
  return head
}

function writeFraming(request: ForwardRequest): string {
  if (request.upgrade) return `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n\r\n`
  if (!hasBody(request)) return withoutBody(request)
  if (request.contentLength === undefined) return 'Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n'
  return `Content-Length: ${request.contentLength}\r\nConnection: keep-alive\r\n\r\n`
}

function withoutBody({ method, contentLength }: ForwardRequest): string {
  const expected = method === 'POST' || method === 'PUT' || method === 'PATCH'
  if (contentLength === 0 || expected) return 'Content-Length: 0\r\nConnection: keep-alive\r\n\r\n'
  return 'Connection: keep-alive\r\n\r\n'
}

/** Names that are written here and nowhere else. */
function isOurs(name: string): boolean {
  switch (name.length) {
    case 6:
      return isNamed(name, 'expect')
    case 7:
      return isNamed(name, 'upgrade')
    case 10:
      return isNamed(name, 'connection')
    case 14:
      return isNamed(name, 'content-length')
    case 17:
      return isNamed(name, 'transfer-encoding')
    default:
      return false
  }
}

/**
 * A control character, one that latin1 would truncate (U+010A becomes LF), a lone CR, or a line that begins like no
 * header.
 */
const unwritable = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|\n[ \t:]/
const notInTarget = /[^\x21-\x7e\x80-\xff]/

/**
 * Defence in depth: targets and headers come checked, but a line break that slipped through would be a request of its
 * own. The head is looked at once as a whole: it must have as many lines as were written.
 */
function check(request: ForwardRequest, head: string, lines: number): void {
  const { method, target, contentLength, body } = request
  if (method === 'CONNECT') throw new GatewayError('method-not-supported', 501, 'CONNECT cannot be forwarded')
  const bad =
    !isName(method) ||
    target === '' ||
    notInTarget.test(target) ||
    unwritable.test(head) ||
    countLines(head) !== lines + addedLines(request) ||
    (contentLength !== undefined && !(Number.isSafeInteger(contentLength) && contentLength >= 0)) ||
    (body === undefined && contentLength !== undefined && contentLength > 0)
  if (bad) throw new GatewayError('internal', 500, `Request "${printable(method)}" cannot be written: ${problem}`)
}

const problem =
  'its target or a header holds a line break, a control character or a character above U+00FF, or its length fits no body. Nothing was sent'

function countLines(head: string): number {
  let count = 0
  for (let at = head.indexOf('\n'); at !== -1; at = head.indexOf('\n', at + 1)) count++
  return count
}

/** Lines of `writeFraming`, the empty one included. */
function addedLines(request: ForwardRequest): number {
  if (request.upgrade || hasBody(request) || request.contentLength === 0) return 3
  return request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH' ? 3 : 2
}

const printable = (text: string) => JSON.stringify(text.slice(0, 40)).slice(1, -1)
