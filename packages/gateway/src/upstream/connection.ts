import type { Socket } from 'node:net'
import type { UpstreamTimeouts } from '@coatcheck/model'
import { GatewayError } from '../errors.ts'
import type { ForwardRequest } from '../forward.ts'
import { type HeaderList, isNamed } from '../headers.ts'
import { stripHopByHop } from '../hop-by-hop.ts'
import type { Reply } from '../reply.ts'
import { clientGone, type Failures } from './failures.ts'
import { MalformedResponse } from './malformed.ts'
import { hasBody } from './request-writer.ts'
import { ResponseBody } from './response-body.ts'
import type { ResponseHead } from './response-head.ts'
import { ResponseParser, type ResponseReceiver } from './response-parser.ts'
import type { Ticker, Watched } from './ticker.ts'
import { passTrailers } from './trailers.ts'
import { Upload, type UploadOwner } from './upload.ts'

/** Whom a connection serves until the response's head; then exactly one of `replied` and `failed` is called. */
export interface ConnectionUser {
  information(head: ResponseHead): void
  replied(reply: Reply): void
  /**
   * `stale`: the connection had served before and gave no byte of a response, so the upstream may just have closed it.
   */
  failed(error: GatewayError, stale: boolean): void
}

/** Where a connection belongs. */
export interface ConnectionOwner {
  /** It may serve another request. */
  released(connection: Connection): void
  closed(connection: Connection): void
  /** A body was cut short after its head was handed over. */
  broke(error: GatewayError): void
}

export interface ConnectionSettings {
  readonly owner: ConnectionOwner
  readonly failures: Failures
  readonly ticker: Ticker
  readonly timeouts: UpstreamTimeouts & { readonly unused: number }
}

const unused = 0
const awaitingHead = 1
const receiving = 2
const upgraded = 3
const closed = 4

/**
 * One open connection. Serves one request at a time, and is handed back for another only when the request was sent
 * whole, no early or interim answer came, the response is complete and not one byte came beyond it.
 */
export class Connection implements ResponseReceiver, UploadOwner, Watched {
  readonly #socket: Socket
  /** The socket reads into a buffer that the next read overwrites. */
  readonly #volatile: boolean
  readonly #settings: ConnectionSettings
  readonly #parser = new ResponseParser(this)
  #phase = unused
  #user: ConnectionUser | undefined
  #body: ResponseBody | undefined
  #upload: Upload | undefined
  #reusable = true
  #served = 0
  #untouched = true
  #trailers: HeaderList | undefined
  #filterTrailers: ((received: HeaderList) => void) | undefined
  #switched: Reply | undefined
  #since: number
  #progress = 0
  #error: Error | undefined

  constructor(socket: Socket, volatile: boolean, settings: ConnectionSettings) {
    this.#socket = socket
    this.#volatile = volatile
    this.#settings = settings
    this.#since = settings.ticker.now
    settings.ticker.add(this)
    socket
      .on('error', (error) => {
        this.#error = error
      })
      .on('drain', () => this.#upload?.drained())
      .on('end', () => this.#ended())
      .on('close', () => this.#ended())
  }

  /** Nothing speaks against sending a request on it. */
  get usable(): boolean {
    const socket = this.#socket
    return (
      this.#phase === unused && !socket.destroyed && socket.readable && socket.writable && socket.readableLength === 0
    )
  }

  /** Sends a request whose head is written already. The connection must be `usable`. */
  send(request: ForwardRequest, head: string, user: ConnectionUser): void {
    this.#user = user
    this.#phase = awaitingHead
    this.#untouched = true
    this.#filterTrailers = request.replyTrailers
    this.#since = this.#settings.ticker.now
    this.#parser.expect(request.method, request.upgrade)
    if (request.upgrade) this.#reusable = false
    if (!hasBody(request)) {
      this.#socket.write(head, 'latin1')
      return
    }
    // Held until the next turn, so that a small body leaves with its head in one packet.
    this.#socket.cork()
    process.nextTick(uncork, this.#socket)
    this.#socket.write(head, 'latin1')
    request.onBodyWanted?.()
    this.#upload = new Upload(request, this.#socket, this)
    this.#upload.start()
  }

  /** Bytes came in. */
  receive(piece: Buffer): void {
    if (this.#phase === closed) return
    // Unasked: it could only be taken for the answer to somebody else's request.
    if (this.#phase === unused) {
      this.destroy()
      return
    }
    this.#untouched = false
    let used: number
    try {
      used = this.#parser.push(piece)
    } catch (error) {
      this.#fail(this.#blame(error))
      return
    }
    if (this.#isClosed()) return
    if (this.#parser.complete) this.#complete(piece, used)
    else if (this.#body?.full) this.#socket.pause()
  }

  /** Ends the connection now; nobody is told but the owner. */
  destroy(): void {
    if (this.#phase === closed) return
    this.#phase = closed
    this.#user = undefined
    this.#body = undefined
    this.#upload?.abandon()
    this.#settings.ticker.remove(this)
    this.#socket.destroy()
    this.#settings.owner.closed(this)
  }

  /** Looks at the deadlines. */
  check(now: number): void {
    const { ticker, timeouts, failures } = this.#settings
    if (this.#moved()) this.#since = now
    switch (this.#phase) {
      case unused:
        if (ticker.passed(this.#since, timeouts.unused)) this.destroy()
        return
      case awaitingHead:
        if (this.#upload && !this.#upload.complete) {
          if (ticker.passed(this.#since, timeouts.idle)) this.#fail(failures.idleTimeout(timeouts.idle))
        } else if (ticker.passed(this.#since, timeouts.response))
          this.#fail(failures.responseTimeout(timeouts.response))
        return
      default:
        if (!ticker.passed(this.#since, timeouts.idle)) return
        if (this.#phase === upgraded) this.destroy()
        else this.#fail(failures.idleTimeout(timeouts.idle))
    }
  }

  /** Whether silence until now is not the upstream's. */
  #moved(): boolean {
    if (this.#phase === unused) return false
    if (this.#phase === awaitingHead) {
      return this.#upload !== undefined && !this.#upload.complete && !this.#upload.blocked
    }
    if (this.#phase === receiving && this.#body?.full) return true
    const progress = this.#socket.bytesRead + this.#socket.bytesWritten
    const moved = progress !== this.#progress
    this.#progress = progress
    return moved
  }

  // What the parser finds.

  information(head: ResponseHead): void {
    this.#reusable = false
    if (head.status !== 100) this.#user!.information(head)
  }

  head(head: ResponseHead, length: number, persistent: boolean): void {
    if (!persistent || (this.#upload && !this.#upload.complete)) this.#reusable = false
    this.#phase = receiving
    this.#since = this.#settings.ticker.now
    this.#body = length === 0 ? undefined : new ResponseBody(this)
    const headers = stripHopByHop(head.headers)
    const user = this.#user!
    this.#user = undefined
    user.replied({
      status: head.status,
      statusText: head.statusText,
      headers: head.status === 204 ? withoutLength(headers) : headers,
      body: this.#body,
    })
  }

  data(stretch: Buffer): void {
    this.#body?.push(this.#volatile ? Buffer.from(stretch) : stretch)
  }

  end(trailers: HeaderList | undefined): void {
    if (trailers === undefined) return
    this.#trailers = passTrailers(trailers)
    this.#filterTrailers?.(this.#trailers)
  }

  upgraded(head: ResponseHead): void {
    const headers = withoutLength(stripHopByHop(head.headers, true))
    this.#switched = { status: head.status, statusText: head.statusText, headers, body: undefined }
  }

  // What the body and the upload ask for.

  resume(): void {
    if (this.#phase !== receiving) return
    this.#since = this.#settings.ticker.now
    this.#socket.resume()
  }

  cancel(): void {
    this.destroy()
  }

  uploaded(): void {
    this.#since = this.#settings.ticker.now
  }

  uploadFailed(error: GatewayError): void {
    this.#fail(error)
  }

  #complete(piece: Buffer, used: number): void {
    if (this.#switched) {
      this.#handOver(piece, used)
      return
    }
    const [body, trailers, upload] = [this.#body, this.#trailers, this.#upload]
    this.#body = undefined
    this.#trailers = undefined
    this.#upload = undefined
    upload?.abandon()
    // Handed back first: the body's reader may send the next request before this returns.
    if (this.#reusable && used === piece.length && (!upload || upload.complete)) this.#release()
    else this.destroy()
    body?.finish(trailers)
  }

  #release(): void {
    this.#phase = unused
    this.#served++
    this.#since = this.#settings.ticker.now
    this.#settings.owner.released(this)
  }

  #handOver(piece: Buffer, used: number): void {
    const [user, reply] = [this.#user!, this.#switched!]
    this.#user = undefined
    this.#phase = upgraded
    this.#since = this.#settings.ticker.now
    this.#socket.pause().removeAllListeners('data')
    user.replied({
      ...reply,
      body: { kind: 'upgraded', socket: this.#socket, head: Buffer.from(piece.subarray(used)) },
    })
  }

  /** The upstream's side, or both, came to an end. */
  #ended(): void {
    if (this.#phase === closed) return
    if (this.#phase === unused) {
      this.destroy()
      return
    }
    if (this.#phase === upgraded) {
      if (this.#socket.destroyed) this.destroy()
      return
    }
    if (!this.#error && this.#parser.close()) this.#complete(none, 0)
    else this.#fail(this.#settings.failures.reset(this.#error), this.#untouched && this.#served > 0)
  }

  /** `stale` is for a connection that broke: one that is only silent may be acting on the request. */
  #fail(error: GatewayError, stale = false): void {
    const [user, body] = [this.#user, this.#body]
    this.destroy()
    if (body) {
      body.break(error)
      this.#settings.owner.broke(error)
    } else user?.failed(error, stale)
  }

  #blame(error: unknown): GatewayError {
    if (error instanceof MalformedResponse) return this.#settings.failures.malformed(error)
    if (error instanceof GatewayError) return error
    return new GatewayError('internal', 500, 'An answer could not be passed on.', { cause: error })
  }

  /** A method so that the compiler does not believe the phase unchanged over calls. */
  #isClosed(): boolean {
    return this.#phase === closed
  }

  /** The client left before the answer's head. */
  abort(): void {
    const user = this.#user
    this.destroy()
    user?.failed(clientGone(), false)
  }
}

const none = Buffer.alloc(0)
const uncork = (socket: Socket) => socket.uncork()

/** 1xx and 204 must not carry one, whatever the upstream did (RFC 9110, section 8.6). */
function withoutLength(headers: HeaderList): HeaderList {
  const kept: HeaderList = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!isNamed(headers[i]!, 'content-length')) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept.length === headers.length ? headers : kept
}
