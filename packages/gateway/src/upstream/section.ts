import { maxSectionBytes } from './fields.ts'
import { MalformedResponse } from './malformed.ts'

const cr = 13
const lf = 10

const lineStart = 0
const inLine = 1
const crAtStart = 2
const crInLine = 3

/**
 * Finds the empty line that ends a head or a trailer section, over any number of pieces. What is complete in one piece
 * is not copied. Every line must end in CRLF; a CR or LF on its own is refused as soon as it is seen.
 */
export class Section {
  /** Where the complete section lies: in the piece itself, or collected from several. */
  bytes: Buffer = none
  start = 0
  end = 0
  #state = lineStart
  #collected: Buffer | undefined
  #length = 0

  /** Bytes of an incomplete section that are held. */
  get pending(): number {
    return this.#length
  }

  /**
   * Reads on. When the section is complete, `bytes`, `start` and `end` (behind the empty line) tell where it lies until
   * the next call.
   *
   * @returns the index behind the section's last byte, or -1 when it is not complete
   * @throws MalformedResponse
   */
  push(piece: Buffer, at: number): number {
    const end = this.#findEnd(piece, at)
    const last = end === -1 ? piece.length : end
    if (this.#length + last - at > maxSectionBytes)
      throw new MalformedResponse(`headers above ${maxSectionBytes} bytes`)
    if (end !== -1 && this.#length === 0) {
      this.bytes = piece
      this.start = at
      this.end = end
      return end
    }
    this.#collect(piece, at, last)
    if (end === -1) return -1
    this.bytes = this.#collected!
    this.start = 0
    this.end = this.#length
    this.#collected = undefined
    this.#length = 0
    return end
  }

  reset(): void {
    this.#state = lineStart
    this.#collected = undefined
    this.#length = 0
    this.bytes = none
  }

  #findEnd(piece: Buffer, at: number): number {
    let state = this.#state
    for (; at < piece.length; at++) {
      const octet = piece[at]
      if (octet === lf) {
        if (state === crAtStart) {
          this.#state = lineStart
          return at + 1
        }
        if (state !== crInLine) throw new MalformedResponse('a line that ends in LF alone')
        state = lineStart
      } else if (state >= crAtStart) throw new MalformedResponse('a CR without LF')
      else if (octet === cr) state = state === lineStart ? crAtStart : crInLine
      else state = inLine
    }
    this.#state = state
    return -1
  }

  #collect(piece: Buffer, from: number, to: number): void {
    const needed = this.#length + to - from
    if (!this.#collected || this.#collected.length < needed) {
      const larger = Buffer.allocUnsafe(Math.max(1024, 2 * needed))
      this.#collected?.copy(larger, 0, 0, this.#length)
      this.#collected = larger
    }
    piece.copy(this.#collected, this.#length, from, to)
    this.#length = needed
  }
}

const none = Buffer.alloc(0)
