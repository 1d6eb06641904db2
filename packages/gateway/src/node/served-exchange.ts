import type { Readable } from 'node:stream'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { ClientConnection, Exchange } from '../exchange.ts'
import type { HeaderList } from '../headers.ts'
import { now } from '../now.ts'
import type { RawRequest } from '../raw-request.ts'
import type { BodySink, BodySource, Reply } from '../reply.ts'
import { makeRequestId } from '../request-id.ts'
import type { ErrorContext } from '../to-reply.ts'
import type { Connection } from './connection.ts'
import { clientLeft } from './cutting.ts'
import type { Generation } from './serving.ts'

const nothing = () => {}

/**
 * One request from its headers to the last byte of its answer. It is what the gateway asks of its request, of its
 * client and of the answer's way back, in one object, so that a request costs one allocation here and no closure.
 */
export abstract class ServedExchange implements RawRequest, ClientConnection, BodySink {
  abstract readonly httpVersion: string
  abstract readonly method: string
  abstract readonly target: string
  abstract readonly headers: HeaderList
  abstract readonly authority: string | undefined
  abstract readonly upgrade: 'websocket' | undefined
  body: Readable | undefined = undefined
  contentLength: number | undefined = undefined
  transferEncoding: string | undefined = undefined
  gone = false
  onGone: (() => void) | undefined = undefined
  drained: () => void = nothing

  readonly client: Connection
  readonly generation: Generation
  exchange: Exchange | undefined = undefined
  /** The answer's body while it streams. */
  protected source: BodySource | undefined = undefined
  protected status = 0
  protected requestBodyBytes = 0
  protected responseBytes = 0
  /** The head of an answer is out. */
  protected answered = false
  protected cutShort = false
  /** Why it was given up, whatever its handler says of that afterwards. */
  #givenUp: GatewayError | undefined = undefined
  /** What cut its answer short. */
  #cut: GatewayError | undefined = undefined
  #settled = false
  #closed = false

  constructor(client: Connection) {
    this.client = client
    this.generation = client.handler.generation
    client.inFlight++
    client.latest = this
    this.generation.users.inFlight++
  }

  get connection(): ClientConnection {
    return this
  }
  get scheme(): 'http' | 'https' {
    return this.client.scheme
  }
  get peer(): string {
    return this.client.peer
  }
  get peerPort(): number | undefined {
    return this.client.peerPort
  }
  get certificate(): Buffer | undefined {
    return this.client.certificate
  }
  get certificateProblem(): string | undefined {
    return this.client.certificateProblem
  }

  abstract inform(status: number, statusText: string, headers: HeaderList): void
  abstract bodyWanted(): void
  abstract write(chunk: Buffer): boolean
  abstract end(trailers: HeaderList | undefined): void
  /** Writes head and body; throws when the head cannot be written as it is. */
  protected abstract send(reply: Reply): void
  /** The request was refused: an HTTP/1 connection ends with its answer. */
  protected abstract refused(): void
  /** The client owes bytes of a body that somebody waits for. */
  abstract readonly awaitsBody: boolean
  /** Makes the client see that its answer is not whole. */
  protected abstract abort(): void

  /** Begins the exchange, has the gateway handle it and sends the answer. Does not reject. */
  async serve(): Promise<void> {
    try {
      this.exchange = this.generation.begin(this)
    } catch (error) {
      this.refuse(error)
      return
    }
    this.client.ports.observer.exchangeStarted(this.client.listener)
    const reply = await this.generation.handle(this.exchange)
    this.answer(reply)
    this.#settle()
  }

  /** Sends an answer, unless there was one already or nobody waits for it. */
  answer(reply: Reply): void {
    if (this.answered || this.gone) {
      discard(reply)
      return
    }
    this.answered = true
    this.status = reply.status
    try {
      this.send(reply)
    } catch (error) {
      this.#answerInstead(reply, error)
    }
  }

  /** Answers with an error in place of the gateway, and lets go of the upstream. */
  giveUp(error: GatewayError): void {
    if (this.answered || this.exchange === undefined) {
      this.fail(error)
      return
    }
    this.#givenUp = error
    this.answer(this.client.ports.toReply(error, this.#context(this.exchange.id)))
    this.#leave()
  }

  /** Ends an exchange that never began: nobody is there to be answered. Call it when it is closed. */
  protected dropUnserved(): void {
    this.exchange = this.generation.refuse(this, this.#cut)
    this.client.ports.observer.exchangeStarted(this.client.listener)
    this.#settle()
  }

  /** Answers a request that the gateway does not handle; what else comes over the connection is not believed. */
  refuse(error: unknown): void {
    this.refused()
    this.exchange = this.generation.refuse(this, error)
    this.client.ports.observer.exchangeStarted(this.client.listener)
    this.answer(this.client.ports.toReply(error, this.#context(this.exchange.id)))
    this.#settle()
  }

  fail(error: Error): void {
    this.source = undefined
    this.breakOff(error)
  }

  /** Ends an answer that has begun; where its body comes from is told when it is closed. */
  protected breakOff(why: Error): void {
    this.cutShort = true
    this.#cut ??= why instanceof GatewayError ? why : new GatewayError('internal', 500, why.message)
    this.abort()
  }

  /** The last byte is out, or the connection or stream is closed: `whole` says which. Idempotent. */
  protected closed(whole: boolean): void {
    if (this.#closed) return
    this.#closed = true
    if (!whole) {
      const { cut } = this.client
      if (!this.answered) this.#givenUp ??= cut
      if (!this.cutShort) this.#cut = cut ?? clientLeft()
      this.cutShort = true
      this.#leave()
    }
    this.#finish()
  }

  #leave(): void {
    this.gone = true
    const source = this.source
    this.source = undefined
    source?.cancel()
    this.onGone?.()
  }

  #answerInstead(reply: Reply, cause: unknown): void {
    discard(reply)
    this.source = undefined
    const error =
      cause instanceof GatewayError
        ? cause
        : new GatewayError('internal', 500, 'The answer could not be written', { cause })
    if (this.exchange !== undefined) this.exchange.reason = error.code
    const instead = this.client.ports.toReply(error, this.#context(this.exchange?.id ?? makeRequestId()))
    this.status = instead.status
    try {
      this.send(instead)
    } catch {
      this.fail(error)
    }
  }

  #context(id: string): ErrorContext {
    return { id, method: this.method, headers: this.headers }
  }

  /** Its answer says already what went wrong, whoever cut that short. */
  #isError(reason: ErrorCode | undefined): boolean {
    return reason !== undefined && (this.status === 0 || this.status >= 400)
  }

  #settle(): void {
    this.#settled = true
    this.#finish()
  }

  /** Done when the gateway is, and the client: a stream that was reset goes on counting while its handler runs. */
  #finish(): void {
    if (!this.#settled || !this.#closed) return
    const { client, exchange } = this
    if (exchange !== undefined) {
      const why = this.#givenUp ?? (this.#isError(exchange.reason) ? undefined : this.#cut)
      if (why !== undefined) {
        exchange.reason = why.code
        exchange.detail = why.message
      }
      client.ports.observer.exchangeFinished({
        exchange,
        status: this.status,
        requestBytes: this.requestBodyBytes + requestHeadBytes(this),
        responseBytes: this.responseBytes,
        duration: now() - exchange.startedAt,
        aborted: this.cutShort || this.#givenUp !== undefined,
      })
    }
    if (client.latest === this) client.latest = undefined
    if (--this.generation.users.inFlight === 0) this.generation.users.onIdle?.()
    if (--client.inFlight === 0) client.idle(client)
  }
}

/** Trailers above the listener's `limits.headerCount`. */
export function tooManyTrailers(most: number): GatewayError {
  return new GatewayError('too-many-headers', 431, `The request has more than ${most} trailers`)
}

/** Lets go of an answer that nobody gets. */
export function discard(reply: Reply): void {
  const body = reply.body
  if (body === undefined || Buffer.isBuffer(body)) return
  if (body.kind === 'stream') body.cancel()
  else body.socket.destroy()
}

/** Bytes of a head: its first line, the headers with their separators, and the empty line. */
export function headBytes(firstLine: number, headers: HeaderList): number {
  let bytes = firstLine + 4
  for (let i = 0; i < headers.length; i++) bytes += headers[i]!.length + 2
  return bytes
}

function requestHeadBytes(request: RawRequest): number {
  return headBytes(request.method.length + request.target.length + 10, request.headers)
}
