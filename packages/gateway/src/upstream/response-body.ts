import type { GatewayError } from '../errors.ts'
import type { HeaderList } from '../headers.ts'
import type { BodySink, BodySource } from '../reply.ts'

/** The connection that fills a body. */
export interface BodyFeed {
  /** The sink takes bytes again. */
  resume(): void
  /** Nobody wants the rest. */
  cancel(): void
}

const open = 0
const ended = 1
const broken = 2
const delivered = 3

/**
 * A response body between its connection and the client. Holds at most what one read of the socket brought; the
 * connection stops reading while `full`.
 */
export class ResponseBody implements BodySource {
  readonly kind = 'stream'
  /** Told to go on or to stop; gone as soon as the connection has nothing more to do with this body. */
  #feed: BodyFeed | undefined
  #sink: BodySink | undefined
  #held: Buffer[] = []
  #wanted = false
  #state = open
  #trailers: HeaderList | undefined
  #error: GatewayError | undefined

  constructor(feed: BodyFeed) {
    this.#feed = feed
  }

  /** Whether the connection must stop reading. */
  get full(): boolean {
    return !this.#wanted
  }

  pipe(sink: BodySink): void {
    this.#sink = sink
    this.#wanted = true
    // By a variable, as in `Sending.start()`: assigned directly, the closure would live on.
    const drained = () => this.#drain()
    sink.drained = drained
    this.#drain()
  }

  cancel(): void {
    const feed = this.#feed
    this.#state = delivered
    this.#feed = undefined
    this.#sink = undefined
    this.#wanted = false
    this.#held = []
    feed?.cancel()
  }

  /** From the connection: bytes that are this body's to keep. */
  push(bytes: Buffer): void {
    if (this.#wanted) this.#write(bytes)
    else if (this.#state === open) this.#held.push(bytes)
  }

  /** From the connection: that was all. */
  finish(trailers: HeaderList | undefined): void {
    if (this.#state !== open) return
    this.#feed = undefined
    this.#state = ended
    this.#trailers = trailers
    if (this.#wanted || (this.#sink && this.#held.length === 0)) this.#close()
  }

  /** From the connection: the rest will not come. */
  break(error: GatewayError): void {
    if (this.#state !== open) return
    this.#feed = undefined
    this.#state = broken
    this.#error = error
    // What was received before is not held back: but it cannot become a whole answer any more.
    if (this.#sink) this.#close()
  }

  #drain(): void {
    this.#wanted = this.#sink !== undefined
    let next = 0
    while (this.#wanted && next < this.#held.length) this.#write(this.#held[next++]!)
    this.#held = next === this.#held.length ? [] : this.#held.slice(next)
    if (this.#held.length > 0 || !this.#sink) return
    if (this.#state === ended || this.#state === broken) this.#close()
    else if (this.#wanted) this.#feed?.resume()
  }

  #write(bytes: Buffer): void {
    const more = this.#sink!.write(bytes)
    // The sink may have cancelled meanwhile.
    this.#wanted = more && this.#sink !== undefined
  }

  #close(): void {
    const sink = this.#sink!
    const failed = this.#state === broken
    this.#state = delivered
    this.#sink = undefined
    this.#wanted = false
    if (failed) sink.fail(this.#error!)
    else sink.end(this.#trailers)
  }
}
