import type { Duplex } from 'node:stream'
import type { HeaderList } from './headers.ts'

/**
 * The answer on its way back: the upstream's, or one of our own. Middleware may change head and headers, not the body.
 */
export interface Reply {
  status: number
  /** Reason phrase as it goes out: as the upstream wrote it, also when it is empty. */
  statusText: string
  /** Without hop-by-hop headers. `Content-Length` is kept; chunking is the writer's business. */
  headers: HeaderList
  body: ReplyBody
}

export type ReplyBody =
  /** No body at all: HEAD, 204, 304, and answers of length 0. */
  | undefined
  /** An answer of our own. */
  | Buffer
  | BodySource
  /** 101: from here on bytes go both ways untouched. */
  | Upgraded

/** A body that streams. Nothing flows before `pipe`. */
export interface BodySource {
  readonly kind: 'stream'
  pipe(sink: BodySink): void
  /** The client left or the answer is not wanted: frees the connection. Idempotent. */
  cancel(): void
}

export interface BodySink {
  /** `false`: hold on until `drained` is called. */
  write(chunk: Buffer): boolean
  /** The source's handler for "go on". Set by the source before it writes. */
  drained: () => void
  end(trailers: HeaderList | undefined): void
  /** The body was cut short: the client must see it (connection closed, stream reset). */
  fail(error: Error): void
}

export interface Upgraded {
  readonly kind: 'upgraded'
  readonly socket: Duplex
  /** Bytes that came behind the head. */
  readonly head: Buffer
}
