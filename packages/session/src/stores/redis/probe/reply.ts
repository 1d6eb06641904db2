/** Reads replies of a server that nothing is known of: strict, and each byte once. */

/** RESP2, which every server speaks until HELLO asks for more. */
export type Reply = string | number | null | ErrorReply | readonly Reply[]

/** The server refused a command, in its own words. */
export interface ErrorReply {
  readonly error: string
}

export function isError(reply: Reply | undefined): reply is ErrorReply {
  return typeof reply === 'object' && reply !== null && 'error' in reply
}

/** What comes is no reply. */
export class NotAReply extends Error {
  override readonly name = 'NotAReply'
}

export interface ReplyReader {
  /** The replies that are whole with these bytes. @throws NotAReply */
  read(bytes: Uint8Array): readonly Reply[]
  /** Nothing is there of a next one. */
  readonly isIdle: boolean
}

/** Replies in replies in replies. */
const deepest = 8
/** Bytes of a line. */
const longestLine = 64 * 1024
/** Bytes of a string, and items of an array. */
const largest = 4 * 1024 * 1024

interface OpenArray {
  readonly items: Reply[]
  readonly count: number
}

/** @see https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export function replyReader(): ReplyReader {
  let rest: Uint8Array = new Uint8Array(0)
  const open: OpenArray[] = []

  /** Puts a reply where it belongs; gives it back when that is nowhere. */
  function place(reply: Reply): Reply | undefined {
    let placed = reply
    for (;;) {
      const array = open.at(-1)
      if (array === undefined) return placed
      array.items.push(placed)
      if (array.items.length < array.count) return undefined
      placed = open.pop()!.items
    }
  }

  return {
    read(bytes) {
      rest = rest.length === 0 ? bytes : joined(rest, bytes)
      const whole: Reply[] = []
      let at = 0
      for (let token = tokenAt(rest, at); token !== undefined; token = tokenAt(rest, at)) {
        at = token.next
        if (token.count !== undefined && token.count > 0) {
          if (open.length === deepest) throw new NotAReply('arrays without end')
          open.push({ items: [], count: token.count })
          continue
        }
        const reply = place(token.count === 0 ? [] : token.reply)
        if (reply !== undefined) whole.push(reply)
      }
      rest = rest.subarray(at)
      return whole
    },
    get isIdle() {
      return rest.length === 0 && open.length === 0
    },
  }
}

interface Token {
  readonly reply: Reply
  /** Of an array: how many items follow. */
  readonly count?: number
  /** Where the next one begins. */
  readonly next: number
}

const [plus, minus, colon, dollar, star, cr, lf] = [0x2b, 0x2d, 0x3a, 0x24, 0x2a, 0x0d, 0x0a]
const kinds = new Set([plus, minus, colon, dollar, star])

/** `undefined` while its end is missing. */
function tokenAt(bytes: Uint8Array, at: number): Token | undefined {
  const kind = bytes[at]
  if (kind === undefined) return undefined
  if (!kinds.has(kind)) throw new NotAReply('no reply of Redis begins so')
  const end = endOfLine(bytes, at)
  if (end === undefined) return undefined
  const line = decoder.decode(bytes.subarray(at + 1, end))
  const next = end + 2
  if (kind === plus) return { reply: line, next }
  if (kind === minus) return { reply: { error: line }, next }
  const number = integer(line)
  if (kind === colon) return { reply: number, next }
  if (number === -1) return { reply: null, next }
  if (number < 0 || number > largest) throw new NotAReply('an impossible length')
  return kind === dollar ? stringAt(bytes, next, number) : { reply: null, count: number, next }
}

function endOfLine(bytes: Uint8Array, at: number): number | undefined {
  const end = bytes.indexOf(cr, at)
  if ((end === -1 ? bytes.length : end) - at > longestLine) throw new NotAReply('a line without end')
  if (end === -1 || end + 1 === bytes.length) return undefined
  if (bytes[end + 1] !== lf) throw new NotAReply('a line that ends in the middle')
  return end
}

function stringAt(bytes: Uint8Array, at: number, length: number): Token | undefined {
  const end = at + length
  if (bytes.length < end + 2) return undefined
  if (bytes[end] !== cr || bytes[end + 1] !== lf) throw new NotAReply('a string without end')
  return { reply: decoder.decode(bytes.subarray(at, end)), next: end + 2 }
}

function integer(line: string): number {
  if (!/^-?\d{1,15}$/.test(line)) throw new NotAReply('a number that is none')
  return Number(line)
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

const decoder = new TextDecoder()
