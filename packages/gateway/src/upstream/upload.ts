import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { GatewayError } from '../errors.ts'
import type { ForwardRequest } from '../forward.ts'
import type { HeaderList } from '../headers.ts'
import { clientGone, uploadMismatch } from './failures.ts'
import { writeTrailers } from './trailers.ts'

export interface UploadOwner {
  /** The last byte was handed to the socket. */
  uploaded(): void
  /** The client left, or its body is not as long as it said. */
  uploadFailed(error: GatewayError): void
}

/** Moves one request body to the upstream, as fast as the upstream takes it. */
export class Upload {
  complete = false
  readonly #request: ForwardRequest
  readonly #body: Readable & { readonly rawTrailers?: HeaderList }
  readonly #socket: Socket
  readonly #owner: UploadOwner
  #sent = 0

  constructor(request: ForwardRequest, socket: Socket, owner: UploadOwner) {
    this.#request = request
    this.#body = request.body!
    this.#socket = socket
    this.#owner = owner
  }

  /** The client could send, but the upstream does not read. */
  get blocked(): boolean {
    return this.#socket.writableNeedDrain
  }

  start(): void {
    // Stays for good: the body may still fail after it was abandoned, and that must not end the process.
    this.#body.on('error', ignore)
    if (this.#body.destroyed && !this.#body.readableEnded) {
      this.#owner.uploadFailed(clientGone())
      return
    }
    this.#body.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
  }

  /** The upstream reads again. */
  drained(): void {
    if (!this.complete) this.#body.resume()
  }

  /** The rest is not wanted: it is read and dropped, so that the client's connection can go on. */
  abandon(): void {
    this.#detach()
    if (!this.complete) this.#body.resume()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (chunk.length === 0) return
    this.#sent += chunk.length
    const length = this.#request.contentLength
    if (length === undefined) this.#writeChunk(chunk)
    else if (this.#sent > length) {
      this.#fail(uploadMismatch())
      return
    } else this.#socket.write(chunk)
    if (this.#sent === length) this.#finish()
    else if (this.#socket.writableNeedDrain) this.#body.pause()
  }

  #writeChunk(chunk: Buffer): void {
    const socket = this.#socket
    socket.cork()
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    socket.write(chunk)
    socket.write('\r\n', 'latin1')
    socket.uncork()
  }

  readonly #onEnd = (): void => {
    if (this.#request.contentLength !== undefined) {
      this.#fail(uploadMismatch())
      return
    }
    const trailers = this.#request.trailers?.(this.#body.rawTrailers ?? []) ?? []
    this.#socket.write(`0\r\n${writeTrailers(trailers)}\r\n`, 'latin1')
    this.#finish()
  }

  readonly #onClose = (): void => this.#fail(clientGone())

  #finish(): void {
    this.complete = true
    this.#detach()
    this.#owner.uploaded()
  }

  #fail(error: GatewayError): void {
    this.#detach()
    this.#owner.uploadFailed(error)
  }

  #detach(): void {
    this.#body.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
  }
}

const ignore = () => {}
