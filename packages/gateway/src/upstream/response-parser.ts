import type { HeaderList } from '../headers.ts'
import { Chunks } from './chunks.ts'
import { readFields } from './fields.ts'
import { MalformedResponse } from './malformed.ts'
import { chunked, type ResponseHead, readFraming, readHead, switchesTo, untilClose } from './response-head.ts'
import { Section } from './section.ts'

/** Interim answers before the final one. */
export const maxInformation = 16

/** Told what a response holds, in order, while `push` runs. */
export interface ResponseReceiver {
  /** A 1xx other than 101. */
  information(head: ResponseHead): void
  /**
   * The final answer's head.
   *
   * @param length of the body: ≥ 0, `chunked` or `untilClose`; 0 when method or status allow none
   * @param persistent whether another request may follow on this connection
   */
  head(head: ResponseHead, length: number, persistent: boolean): void
  /** A stretch of the body: a view into what was pushed. */
  data(stretch: Buffer): void
  /** The response is complete. */
  end(trailers: HeaderList | undefined): void
  /** A 101 that was asked for; what follows it is not HTTP. */
  upgraded(head: ResponseHead): void
}

const inHead = 0
const inLength = 1
const inChunks = 2
const inTrailers = 3
const inRest = 4
const complete = 5

/**
 * Reads the responses of one connection, one after the other, from pieces of any size. Strict and bounded; throws
 * `MalformedResponse` alone, after which it must not be used again.
 *
 * @see RFC 9112, sections 4 to 7
 */
export class ResponseParser {
  readonly #receiver: ResponseReceiver
  readonly #section = new Section()
  readonly #chunks = new Chunks()
  #state = complete
  #method = ''
  #upgrade: string | undefined
  #remaining = 0
  #informed = 0

  constructor(receiver: ResponseReceiver) {
    this.#receiver = receiver
  }

  /** A request was sent: the next bytes are its response. `upgrade`: the protocol that it asked for. */
  expect(method: string, upgrade: string | undefined): void {
    this.#method = method
    this.#upgrade = upgrade
    this.#informed = 0
    this.#state = inHead
  }

  get complete(): boolean {
    return this.#state === complete
  }

  /** @returns the index of the first byte beyond the response; `piece.length` when there is none */
  push(piece: Buffer): number {
    let at = 0
    while (at < piece.length && this.#state !== complete) at = this.#read(piece, at)
    return at
  }

  /** The upstream closed its side. @returns whether that completed the response; otherwise it was cut short */
  close(): boolean {
    if (this.#state !== inRest) return this.#state === complete
    this.#finish(undefined)
    return true
  }

  #read(piece: Buffer, at: number): number {
    switch (this.#state) {
      case inHead:
        return this.#readHead(piece, at)
      case inLength: {
        const end = Math.min(piece.length, at + this.#remaining)
        this.#remaining -= end - at
        this.#receiver.data(at === 0 && end === piece.length ? piece : piece.subarray(at, end))
        if (this.#remaining === 0) this.#finish(undefined)
        return end
      }
      case inChunks:
        at = this.#chunks.push(piece, at, this.#receiver)
        if (this.#chunks.finished) {
          this.#section.reset()
          this.#state = inTrailers
        }
        return at
      case inTrailers:
        return this.#readTrailers(piece, at)
      default:
        this.#receiver.data(at === 0 ? piece : piece.subarray(at))
        return piece.length
    }
  }

  #readHead(piece: Buffer, at: number): number {
    const next = this.#section.push(piece, at)
    if (next === -1) return piece.length
    const { bytes, start, end } = this.#section
    const head = readHead(bytes, start, end)
    if (head.status >= 200) this.#begin(head)
    else if (head.status === 101) this.#switch(head)
    else if (++this.#informed > maxInformation)
      throw new MalformedResponse(`more than ${maxInformation} interim answers`)
    else this.#receiver.information(head)
    return next
  }

  #begin(head: ResponseHead): void {
    const framing = readFraming(head)
    const bodiless = this.#method === 'HEAD' || head.status === 204 || head.status === 304
    const length = bodiless ? 0 : framing.length
    this.#receiver.head(head, length, framing.persistent && length !== untilClose)
    if (length === 0) {
      this.#finish(undefined)
      return
    }
    this.#remaining = length
    if (length === chunked) this.#chunks.reset()
    this.#state = length === chunked ? inChunks : length === untilClose ? inRest : inLength
  }

  #switch(head: ResponseHead): void {
    if (!this.#upgrade) throw new MalformedResponse('a 101 that was not asked for')
    if (!switchesTo(head.headers, this.#upgrade))
      throw new MalformedResponse('a 101 to another protocol than was asked for')
    this.#state = complete
    this.#receiver.upgraded(head)
  }

  #readTrailers(piece: Buffer, at: number): number {
    const next = this.#section.push(piece, at)
    if (next === -1) return piece.length
    const { bytes, start, end } = this.#section
    const trailers: HeaderList = []
    readFields(bytes, start, end - 2, trailers)
    this.#finish(trailers.length > 0 ? trailers : undefined)
    return next
  }

  #finish(trailers: HeaderList | undefined): void {
    this.#state = complete
    this.#receiver.end(trailers)
  }
}
