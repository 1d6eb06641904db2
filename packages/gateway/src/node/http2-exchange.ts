import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { GatewayError } from '../errors.ts'
import type { HeaderList } from '../headers.ts'
import type { Reply } from '../reply.ts'
import type { Connection } from './connection.ts'
import { clientStalled } from './cutting.ts'
import { discard, headBytes, ServedExchange, tooManyTrailers } from './served-exchange.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR } = constants

/** The head of a request as nghttp2 hands it over: pseudo headers apart, cookie crumbs joined. */
export interface Http2Head {
  readonly method: string
  readonly target: string
  readonly authority: string | undefined
  readonly headers: HeaderList
  readonly contentLength: number | undefined
  readonly expect: string | undefined
}

/** An exchange over a stream of HTTP/2. */
export class Http2Exchange extends ServedExchange {
  readonly method: string
  readonly target: string
  readonly authority: string | undefined
  readonly headers: HeaderList
  readonly stream: ServerHttp2Stream
  /** The client reset its stream, or its connection ended. */
  wasReset = false
  /** `performance.now()` of the last look at which something had moved. */
  #movedAt = performance.now()
  #moved = 0
  #trailers: HeaderList | undefined = undefined
  #expectsContinue: boolean

  constructor(client: Connection, stream: ServerHttp2Stream, head: Http2Head, hasBody: boolean) {
    super(client)
    this.stream = stream
    this.method = head.method
    this.target = head.target
    this.authority = head.authority
    this.headers = head.headers
    this.contentLength = head.contentLength
    this.#expectsContinue = head.expect !== undefined
    if (hasBody) this.#countBody()
    stream.on('error', ignore)
    // nghttp2 closes a stream that is whole with no error, before Node has seen the last write through
    stream.on('close', () => {
      this.wasReset = stream.rstCode !== NGHTTP2_NO_ERROR && !this.cutShort
      this.closed(this.answered && stream.writableEnded && stream.rstCode === NGHTTP2_NO_ERROR && !this.cutShort)
    })
  }

  get httpVersion(): string {
    return '2.0'
  }
  get upgrade(): undefined {
    return undefined
  }
  get awaitsBody(): boolean {
    const { stream } = this
    return this.body !== undefined && !stream.readableEnded && !this.#expectsContinue && stream.readableLength === 0
  }

  protected refused(): void {}

  /**
   * Serves it when all that came with its head is read: a stream that is reset in the same breath costs no more than its
   * line in the log.
   */
  serveSoon(): void {
    setImmediate(() => {
      if (this.gone) this.dropUnserved()
      else void this.serve()
    })
  }

  /** Serves a request whose body is said to be empty once it is seen to be: as soon as its head goes on it is whole. */
  serveWhenEmpty(): void {
    const { stream } = this
    let served = false
    stream.once('end', () => {
      if (stream.aborted || stream.rstCode !== NGHTTP2_NO_ERROR || this.requestBodyBytes > 0) return
      served = true
      this.body = undefined
      this.serveSoon()
    })
    stream.once('close', () => {
      if (!served) this.dropUnserved()
    })
    this.bodyWanted()
    stream.resume()
  }

  inform(status: number, _statusText: string, headers: HeaderList): void {
    if (this.answered || this.gone || this.stream.destroyed) return
    this.stream.additionalHeaders({ ...asObject(headers), ':status': status })
  }

  bodyWanted(): void {
    if (!this.#expectsContinue || this.answered || this.gone || this.stream.destroyed) return
    this.#expectsContinue = false
    this.stream.additionalHeaders({ ':status': 100 })
  }

  protected send(reply: Reply): void {
    const { stream } = this
    const body = reply.body
    if (stream.destroyed || stream.closed) {
      this.status = 0
      discard(reply)
      return
    }
    const { headers, hasLength } = fitForHttp2(reply)
    const streams = body !== undefined && !Buffer.isBuffer(body)
    if (streams && body.kind === 'upgraded') throw new GatewayError('upstream-protocol', 502, 'HTTP/2 has no upgrade')
    const waitForTrailers = streams && !hasLength
    this.responseBytes = headBytes(3, headers)
    stream.respond(
      headers as OutgoingHttpHeaders & string[],
      { sendDate: false, endStream: body === undefined, waitForTrailers } as never,
    )
    stream.on('finish', () => this.#abandonUpload())
    if (waitForTrailers) stream.on('wantTrailers', () => this.#sendTrailers())
    if (body === undefined) return
    if (!streams) {
      this.responseBytes += body.length
      stream.end(body)
      return
    }
    stream.on('drain', () => this.drained())
    this.source = body
    body.pipe(this)
  }

  write(chunk: Buffer): boolean {
    if (this.gone || this.stream.destroyed) return true
    this.responseBytes += chunk.length
    return this.stream.write(chunk)
  }

  end(trailers: HeaderList | undefined): void {
    this.source = undefined
    this.#trailers = trailers
    if (!this.gone && !this.stream.destroyed) this.stream.end()
  }

  protected abort(): void {
    // One turn later, or the reset would overtake the head. `close` would say END_STREAM first, and half a body would
    // look whole.
    setImmediate(() => this.stream.destroy(new Error('The answer was cut short')))
  }

  /** Ends a stream whose client owes bytes or takes none, when nothing moved for `idle` milliseconds. */
  checkIdle(now: number, idle: number): void {
    const { stream } = this
    const moved = this.requestBodyBytes + this.responseBytes - stream.writableLength
    if (moved !== this.#moved || !(this.awaitsBody || stream.writableLength > 0)) {
      this.#moved = moved
      this.#movedAt = now
    } else if (now - this.#movedAt > idle) {
      if (!this.answered)
        this.giveUp(new GatewayError('request-timeout', 408, 'The body of the request stopped arriving'))
      else this.breakOff(clientStalled())
    }
  }

  #countBody(): void {
    const { stream } = this
    this.body = stream
    const push = stream.push
    // a function that is assigned to a property where it is written is made in V8's old space, and takes along what it
    // sees
    const counting: typeof push = (chunk, encoding) => {
      if (chunk !== null) this.requestBodyBytes += chunk.length
      // Node ends a body alike whether it is whole or its stream was reset
      else if (stream.aborted && !stream.readableEnded) return this.#breakOff()
      return push.call(stream, chunk, encoding)
    }
    stream.push = counting
    // the name under which node:http keeps them, and the forward looks for them
    stream.on('trailers', (_headers, _flags, ...raw) => this.#readTrailers(raw[0] as unknown as HeaderList))
  }

  /** Half a body must not look whole. nghttp2 resets a stream whose body is shorter than it says. */
  #breakOff(): false {
    const { stream } = this
    if (stream.rstCode === NGHTTP2_PROTOCOL_ERROR) {
      this.giveUp(this.client.cut ?? tooShort())
    }
    // not at once: Node is about to look at the stream, and throws where it is gone
    setImmediate(() => stream.destroy(new Error('The request was broken off')))
    return false
  }

  #readTrailers(rawTrailers: HeaderList): void {
    const most = this.client.headerCount
    if (rawTrailers.length > most * 2) this.giveUp(tooManyTrailers(most))
    else Object.assign(this.stream, { rawTrailers })
  }

  #sendTrailers(): void {
    if (!this.stream.destroyed) this.stream.sendTrailers(asObject(this.#trailers ?? []))
  }

  /** RFC 9113, section 8.1: a whole answer may end the stream before the request is in. */
  #abandonUpload(): void {
    if (this.body === undefined || this.stream.readableEnded) return
    this.onGone?.()
    // one turn later, or the reset would overtake the answer
    setImmediate(() => this.stream.close(NGHTTP2_NO_ERROR))
  }
}

function ignore(): void {}

function tooShort(): GatewayError {
  return new GatewayError('bad-framing', 400, 'The body is not as long as its Content-Length')
}

/** Names in lower case, and none that speaks of a connection. */
function fitForHttp2(reply: Reply): { headers: HeaderList; hasLength: boolean } {
  const headers: HeaderList = [':status', String(reply.status)]
  let hasLength = false
  for (let i = 0; i < reply.headers.length; i += 2) {
    const name = reply.headers[i]!.toLowerCase()
    if (isConnectionSpecific(name)) continue
    if (name === 'content-length') {
      // clients end the connection over it (RFC 9110, section 8.6)
      if (reply.status === 204) continue
      hasLength = true
    }
    headers.push(name, reply.headers[i + 1]!)
  }
  if (Buffer.isBuffer(reply.body) && !hasLength) headers.push('content-length', String(reply.body.length))
  return { headers, hasLength }
}

/** No answer may have them (RFC 9113, section 8.2.2); Node throws where it is given one, and nobody would catch it. */
function isConnectionSpecific(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'http2-settings':
    case 'keep-alive':
    case 'proxy-connection':
    case 'te':
    case 'transfer-encoding':
    case 'upgrade':
      return true
    default:
      return false
  }
}

function asObject(headers: HeaderList): OutgoingHttpHeaders {
  const object: { [name: string]: string[] } = Object.create(null)
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (isConnectionSpecific(name)) continue
    object[name] ??= []
    object[name].push(headers[i + 1]!)
  }
  return object
}
