import type { Readable } from 'node:stream'
import type { ClientConnection } from './exchange.ts'
import type { HeaderList } from './headers.ts'

/**
 * A request as a listener got it, before anything but its framing was checked. `beginExchange` makes an exchange of it.
 */
export interface RawRequest {
  /** Only the number: `1.0`, `1.1`, `2.0`. */
  readonly httpVersion: string
  readonly method: string
  /** Byte for byte, whatever its form. */
  readonly target: string
  /** As they came. Of HTTP/2: without pseudo headers, cookie crumbs joined with `; ` (RFC 9113, section 8.2.3). */
  readonly headers: HeaderList
  /** `:authority` of HTTP/2; `undefined` when there was none, and for HTTP/1, where `Host` says it. */
  readonly authority: string | undefined
  readonly scheme: 'http' | 'https'
  /** The other end of the TCP connection. */
  readonly peer: string
  readonly peerPort: number | undefined
  /** The client's certificate in DER, when one was asked for and is valid. */
  readonly certificate: Buffer | undefined
  /** Why the client's certificate is not valid, in a word of OpenSSL; `undefined` when it is, and without one. */
  readonly certificateProblem: string | undefined
  readonly body: Readable | undefined
  readonly contentLength: number | undefined
  /** `Transfer-Encoding` of HTTP/1, several joined with a comma; `undefined` when there is none. */
  readonly transferEncoding: string | undefined
  readonly upgrade: 'websocket' | undefined
  readonly connection: ClientConnection
}
