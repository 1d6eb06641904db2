import type { Readable } from 'node:stream'
import type { HeaderList } from './headers.ts'
import type { Reply } from './reply.ts'

/**
 * The hop to one upstream: chooses a target, sends, streams, answers. One interface, so that h2c may stand beside
 * HTTP/1.1.
 */
export interface Forward {
  /**
   * Resolves with the upstream's answer as soon as its head is there.
   *
   * @throws GatewayError `upstream-connect` (502), `upstream-connect-timeout` (504), `upstream-timeout` (504),
   * `upstream-reset` (502), `upstream-protocol` (502), `upstream-unavailable` (503, every target is set aside)
   */
  send(request: ForwardRequest): Promise<Reply>
  /** Idle connections are closed, those in use when their exchange ends. */
  close(): void
}

export interface ForwardRequest {
  readonly method: string
  /** Written as it is. */
  readonly target: string
  /** Complete but for framing and `Connection`, which the client writes itself. `Host` included. */
  readonly headers: HeaderList
  readonly body: Readable | undefined
  /** Length of the body when it is known; otherwise it is chunked. */
  readonly contentLength: number | undefined
  readonly upgrade: 'websocket' | undefined
  /** The scheme, address or anything else changes for each target when the route says `host: target`. */
  readonly hostFromTarget: boolean
  /** A 1xx other than 101. */
  onInformation?(status: number, statusText: string, headers: HeaderList): void
  /** The moment the body is about to be read: `100 Continue` goes out here. */
  onBodyWanted?(): void
  /**
   * What of the client's trailers (names and values as they came) goes on. Some servers merge trailers into headers, so
   * whatever removes identity headers must look at these too; without this function none are forwarded.
   */
  trailers?(received: HeaderList): HeaderList
  /**
   * Takes away what of the upstream's trailers does not go on, in place. Trailers that no message may have are gone by
   * then.
   */
  replyTrailers?(received: HeaderList): void
  /** Which target was chosen, `host:port`; called again on a retry. */
  onTarget?(target: string): void
  /** Aborts when the client leaves before the answer's head. */
  readonly signal: ClientGone
}

/** The client's connection, as far as a forward must know. Cheaper than an AbortSignal. */
export interface ClientGone {
  readonly gone: boolean
  /** One listener; the last one set is called. */
  onGone: (() => void) | undefined
}
