/** Reads replies of a server that nothing is known of: bounded, and strict. */

/** RESP2, which every server speaks until HELLO asks for more. */
export type Reply = string | number | null | ErrorReply | readonly Reply[]

/** The server refused a command, in its own words. */
export interface ErrorReply {
  readonly error: string
}

/** Bytes of replies to what was asked at once: CLUSTER SLOTS of the most scattered cluster has about 3 MB. */
export const largestReply = 4 * 1024 * 1024
/** Replies in replies in replies. */
const deepest = 8
/** A line that goes on beyond this is none. */
const longestLine = 64 * 1024

/** What comes is no reply. */
export class NotAReply extends Error {
  override readonly name = 'NotAReply'
}

export interface Read {
  readonly reply: Reply
  /** Where the next one begins. */
  readonly next: number
}

/**
 * The reply that begins at `at`; `undefined` while its end is missing.
 *
 * @throws NotAReply
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export function readReply(bytes: Uint8Array, at: number, depth = 0): Read | undefined {
  const end = endOfLine(bytes, at)
  if (end === undefined) return undefined
  const kind = bytes[at]
  const next = end + 2
  const line = textOf(bytes, at + 1, end)
  if (kind === plus) return { reply: line, next }
  if (kind === minus) return { reply: { error: line }, next }
  if (kind === colon) return { reply: integer(line), next }
  if (kind === dollar) return readBulk(bytes, integer(line), next)
  if (kind === star && depth < deepest) return readArray(bytes, integer(line), next, depth)
  throw new NotAReply('no reply of Redis begins so')
}

const [plus, minus, colon, dollar, star, cr, lf] = [0x2b, 0x2d, 0x3a, 0x24, 0x2a, 0x0d, 0x0a]

function endOfLine(bytes: Uint8Array, at: number): number | undefined {
  if (at < bytes.length && ![plus, minus, colon, dollar, star].includes(bytes[at]!)) throw new NotAReply('no reply')
  const end = bytes.indexOf(cr, at)
  const long = (end === -1 ? bytes.length : end) - at > longestLine
  if (long) throw new NotAReply('a line without end')
  if (end === -1 || end + 1 >= bytes.length) return undefined
  if (bytes[end + 1] !== lf) throw new NotAReply('a line that ends in the middle')
  return end
}

function readBulk(bytes: Uint8Array, length: number, at: number): Read | undefined {
  if (length === -1) return { reply: null, next: at }
  if (length < 0 || length > largestReply) throw new NotAReply('a string of impossible length')
  const end = at + length
  if (bytes.length < end + 2) return undefined
  if (bytes[end] !== cr || bytes[end + 1] !== lf) throw new NotAReply('a string without end')
  return { reply: textOf(bytes, at, end), next: end + 2 }
}

function readArray(bytes: Uint8Array, count: number, at: number, depth: number): Read | undefined {
  if (count === -1) return { reply: null, next: at }
  if (count < 0 || count > largestReply / 4) throw new NotAReply('an array of impossible length')
  const reply: Reply[] = []
  let next = at
  for (let i = 0; i < count; i++) {
    const read = readReply(bytes, next, depth + 1)
    if (read === undefined) return undefined
    reply.push(read.reply)
    next = read.next
  }
  return { reply, next }
}

function integer(line: string): number {
  if (!/^-?\d{1,15}$/.test(line)) throw new NotAReply('a number that is none')
  return Number(line)
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to))
}

const decoder = new TextDecoder()

export function isError(reply: Reply | undefined): reply is ErrorReply {
  return typeof reply === 'object' && reply !== null && 'error' in reply
}
