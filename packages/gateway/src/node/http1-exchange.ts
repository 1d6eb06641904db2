import { ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'
import { type HeaderList, headerValue, isNamed } from '../headers.ts'
import type { BodySource, Reply } from '../reply.ts'
import type { Connection } from './connection.ts'
import type { Http1Request } from './http1-request.ts'
import { closeLingering, lingerAtEnd } from './lingering-close.ts'
import { ServedExchange, tooManyTrailers } from './served-exchange.ts'
import { rawHead, writeHead } from './write-reply.ts'

/** Milliseconds that a client may go on sending a body that nobody wants before its connection ends. */
const patience = 5_000
/** A body up to this size goes out in one string with its head, which costs one write less. */
const joined = 4_096

/** Node's response, with the exchange that it answers. */
export class Http1Response extends ServerResponse<Http1Request> {
  exchange: Http1Exchange | undefined = undefined
}

/** An exchange over HTTP/1. */
export class Http1Exchange extends ServedExchange {
  readonly request: Http1Request
  readonly response: Http1Response
  /** Bytes of the answer's body that are still to come; `undefined` when only its end tells its length. */
  #expected: number | undefined = undefined
  #expectsContinue: boolean
  #awaitsDrain = false
  /** The connection ends with this answer. */
  #last = false

  constructor(client: Connection, request: Http1Request, response: Http1Response, expectsContinue: boolean) {
    super(client)
    this.request = request
    this.response = response
    this.#expectsContinue = expectsContinue
    this.#readFraming()
    response.exchange = this
    response.on('close', onClose)
  }

  get httpVersion(): string {
    return this.request.httpVersion
  }
  get method(): string {
    return this.request.method!
  }
  get target(): string {
    return this.request.url!
  }
  get headers(): HeaderList {
    return this.request.rawHeaders
  }
  get authority(): undefined {
    return undefined
  }
  get upgrade(): 'websocket' | undefined {
    return undefined
  }

  /** Not a client that waits for our word first, and not one whose bytes lie here unread. */
  get awaitsBody(): boolean {
    return (
      this.body !== undefined && !this.request.complete && !this.#expectsContinue && this.request.readableLength === 0
    )
  }

  protected refused(): void {
    const { client } = this
    client.closing = true
    client.refused = true
    client.waiting.length = 0
    client.lastWord = undefined
  }

  inform(status: number, statusText: string, headers: HeaderList): void {
    if (this.answered || this.gone || this.httpVersion !== '1.1') return
    // a chunk of a message that is not sent yet waits in its response's queue, which has no public name
    const raw = this.response as unknown as { _writeRaw(data: string, encoding: 'latin1'): boolean }
    raw._writeRaw(rawHead(status, statusText, headers), 'latin1')
  }

  bodyWanted(): void {
    if (!this.#expectsContinue || this.answered || this.gone) return
    this.#expectsContinue = false
    this.response.writeContinue()
  }

  protected send(reply: Reply): void {
    const { response } = this
    const keepAlive = !this.client.closing && !this.#last && !this.#expectsContinue && !this.#sentUnframedBody()
    if (!(keepAlive && response.shouldKeepAlive) && this.#owesBody()) lingerAtEnd(this.client)
    this.client.promisedMore = keepAlive && response.shouldKeepAlive
    this.responseBytes = writeHead(response, reply, keepAlive)
    const body = reply.body
    if (body === undefined) response.end()
    else if (Buffer.isBuffer(body)) this.#sendWhole(body)
    else if (body.kind === 'stream') this.#stream(body, reply.headers)
    else throw new GatewayError('upstream-protocol', 502, 'The upstream switched protocols without being asked to')
  }

  write(chunk: Buffer): boolean {
    if (this.gone || this.response.writableEnded) return true
    this.responseBytes += chunk.length
    if (this.#expected !== undefined) {
      this.#expected -= chunk.length
      if (this.#expected <= 0) {
        this.#endWith(chunk)
        return true
      }
    }
    const more = this.response.write(chunk)
    if (!more && !this.#awaitsDrain) this.#awaitDrain()
    return more
  }

  end(trailers: HeaderList | undefined): void {
    this.source = undefined
    if (this.gone || this.response.writableEnded) return
    if (this.#expected !== undefined && this.#expected > 0) {
      this.fail(new Error('The body is shorter than announced'))
      return
    }
    if (trailers !== undefined && trailers.length > 0 && this.response.chunkedEncoding) {
      this.response.addTrailers(pairs(trailers))
    }
    this.response.end()
  }

  protected abort(): void {
    const { response } = this
    const { socket, scheme } = this.client
    if (!this.answered) {
      socket.destroy()
      return
    }
    // what was written is sent: how much of it arrives is no matter of how the upstream's packets were cut
    response.flushHeaders()
    while (response.writableCorked > 0) response.uncork()
    if (this.#expected !== undefined || response.chunkedEncoding) socket.end(() => socket.destroy())
    // A body that ends with its connection must not look whole. Over TLS it does not without the alert that closes it
    // (RFC 9112, section 9.8), which `destroy` does not send, and there is no reset: it throws.
    else if (scheme === 'http') socket.resetAndDestroy()
    else socket.destroy()
  }

  /** `res` is done or its connection closed; Node detaches the socket only from one that is done. */
  onClose(): void {
    const whole = this.response.writableFinished && this.response.socket === null
    this.requestBodyBytes = this.request.bodyBytes
    if (whole && !this.request.complete) this.#linger()
    this.closed(whole && !this.cutShort)
  }

  #readFraming(): void {
    const headers = this.request.rawHeaders
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!
      if (isNamed(name, 'content-length')) this.contentLength = Number(headers[i + 1])
      else if (isNamed(name, 'transfer-encoding')) this.#readEncoding(headers[i + 1]!)
      // Node loses what stands behind a request for an upgrade that was not let through, so nothing may stand there
      else if (isNamed(name, 'upgrade')) this.#last = true
    }
    if (this.contentLength !== undefined && this.contentLength > 0) this.body = this.request
  }

  /** Trailers are held to the limit of headers when they come, since others may read them as such. */
  #holdTrailers(): void {
    const { request, client } = this
    const hold = () => {
      if (request.rawTrailers.length <= client.headerCount * 2) return
      client.closing = true
      client.refused = true
      this.giveUp(tooManyTrailers(client.headerCount))
    }
    request.onTrailers = hold
  }

  #readEncoding(value: string): void {
    if (this.body === undefined) this.#holdTrailers()
    this.transferEncoding = this.transferEncoding === undefined ? value : `${this.transferEncoding}, ${value}`
    this.body = this.request
  }

  #awaitDrain(): void {
    this.#awaitsDrain = true
    this.response.on('drain', onDrain)
  }

  #sendWhole(body: Buffer): void {
    if (this.method !== 'HEAD') this.responseBytes += body.length
    this.#endWith(body)
  }

  #endWith(chunk: Buffer): void {
    if (chunk.length <= joined) this.response.end(chunk.toString('latin1'), 'latin1')
    else this.response.end(chunk)
  }

  #stream(body: BodySource, headers: HeaderList): void {
    this.#expected = this.response.chunkedEncoding ? undefined : contentLength(headers)
    this.source = body
    body.pipe(this)
  }

  /** The answer is out, the request is not in: the rest is read and dropped for a while, then the connection ends. */
  #linger(): void {
    const { request, client } = this
    this.onGone?.()
    client.unread = request
    request.resume()
    const timer = setTimeout(() => client.socket.writable && closeLingering(client), patience)
    request.once('close', () => {
      client.unread = undefined
      clearTimeout(timer)
    })
  }

  #owesBody(): boolean {
    return this.body !== undefined && !this.request.complete
  }

  /** Body bytes although no header announced any: whatever follows on this connection is not to be trusted. */
  #sentUnframedBody(): boolean {
    return this.body === undefined && this.request.bodyBytes > 0
  }
}

function onClose(this: Http1Response): void {
  this.exchange!.onClose()
}

function onDrain(this: Http1Response): void {
  this.exchange!.drained()
}

function contentLength(headers: HeaderList): number | undefined {
  const value = headerValue(headers, 'content-length')
  return value === undefined ? undefined : Number(value)
}

function pairs(list: HeaderList): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[i * 2]!, list[i * 2 + 1]!])
}
