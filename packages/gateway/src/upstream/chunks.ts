import { isText, isToken } from './fields.ts'
import { MalformedResponse } from './malformed.ts'

/** Extension bytes of one body, all chunks together. */
export const maxExtensionBytes = 1024
/** 2^52 − 1 is 13 digits. */
const maxSizeDigits = 13

const atSize = 0
const inSize = 1
const atExtension = 2
const inExtension = 3
const atSizeLf = 4
const inData = 5
const atDataCr = 6
const atDataLf = 7
const atTrailers = 8

const cr = 13
const lf = 10
const semicolon = 59

/**
 * Takes chunked content apart, over any number of pieces. Sizes are plain hex digits; extensions are dropped, and
 * bounded; every line ends in CRLF.
 *
 * @see RFC 9112, section 7.1
 */
export class Chunks {
  #state = atSize
  #size = 0
  #digits = 0
  #extensionBytes = 0

  /** Behind the last chunk's line; what follows is the trailer section. */
  get finished(): boolean {
    return this.#state === atTrailers
  }

  reset(): void {
    this.#state = atSize
    this.#size = 0
    this.#digits = 0
    this.#extensionBytes = 0
  }

  /**
   * @param data is called with each stretch of content, a view into `piece`
   * @returns the index of the first byte that is not part of the chunks
   * @throws MalformedResponse
   */
  push(piece: Buffer, at: number, data: { data(stretch: Buffer): void }): number {
    while (at < piece.length && this.#state !== atTrailers) {
      if (this.#state === inData) {
        const end = Math.min(piece.length, at + this.#size)
        this.#size -= end - at
        if (this.#size === 0) this.#state = atDataCr
        data.data(piece.subarray(at, end))
        at = end
      } else this.#step(piece[at++]!)
    }
    return at
  }

  #step(octet: number): void {
    switch (this.#state) {
      case atSize:
      case inSize:
        this.#inSizeLine(octet)
        return
      case atExtension:
        if (!isToken(octet)) throw new MalformedResponse('a chunk extension without a name')
        this.#inExtension(octet)
        return
      case inExtension:
        if (octet === cr) this.#state = atSizeLf
        else this.#inExtension(octet)
        return
      case atSizeLf:
        if (octet !== lf) throw new MalformedResponse('a chunk size line that does not end in CRLF')
        this.#digits = 0
        this.#state = this.#size === 0 ? atTrailers : inData
        return
      case atDataCr:
        if (octet !== cr) throw new MalformedResponse('a chunk longer than its size')
        this.#state = atDataLf
        return
      default:
        if (octet !== lf) throw new MalformedResponse('a chunk that does not end in CRLF')
        this.#state = atSize
    }
  }

  #inSizeLine(octet: number): void {
    const digit = hexDigits[octet]!
    if (digit >= 0) {
      if (++this.#digits > maxSizeDigits) throw new MalformedResponse('a chunk size with too many digits')
      this.#size = this.#size * 16 + digit
      this.#state = inSize
    } else if (this.#state === atSize) throw new MalformedResponse('a chunk without a size')
    else if (octet === cr) this.#state = atSizeLf
    else if (octet === semicolon) this.#state = atExtension
    else throw new MalformedResponse('a chunk size that is not plain hex digits')
  }

  #inExtension(octet: number): void {
    if (!isText(octet)) throw new MalformedResponse('a control character in a chunk extension')
    if (++this.#extensionBytes > maxExtensionBytes) {
      throw new MalformedResponse(`more than ${maxExtensionBytes} bytes of chunk extensions`)
    }
    this.#state = inExtension
  }
}

const hexDigits = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16)
  hexDigits[digit.charCodeAt(0)] = value
  hexDigits[digit.toUpperCase().charCodeAt(0)] = value
}
