import type { Readable } from 'node:stream'
import type { Listener, ListenerLimits } from '@coatcheck/model'
import type { ClientConnection } from './exchange.ts'
import type { HeaderList } from './headers.ts'

/** What of a listener is needed for each request. */
export interface CompiledListener {
  readonly name: string
  readonly limits: ListenerLimits
  /** Whether forwarded headers of this peer are believed. */
  readonly trusts: (address: string) => boolean
  /** Whether the client's certificate goes on to upstreams as `Client-Cert` (RFC 9440, section 2.2). */
  readonly forwardCertificate: boolean
}

/** A request as a server got it, before anything of it is believed. */
export interface RawRequest {
  /** `1.0`, `1.1`, `2.0`. */
  readonly httpVersion: string
  readonly method: string
  /** The request target as it stood in the request line, or `:path`. */
  readonly target: string
  /** `:authority` of HTTP/2; `undefined` for HTTP/1, where `Host` has it. */
  readonly authority: string | undefined
  /** Names and values as they came, without pseudo-headers; cookie crumbs of HTTP/2 joined with `; `. */
  readonly headers: HeaderList
  /** The connection to the client is TLS. */
  readonly encrypted: boolean
  readonly peerAddress: string
  readonly peerPort: number | undefined
  /** The client's valid certificate in DER. */
  readonly certificate: Buffer | undefined
  /** `undefined` when the request has no body. */
  readonly body: Readable | undefined
  readonly upgrade: 'websocket' | undefined
  readonly connection: ClientConnection
}

/**
 * Makes of a listener's settings what each request needs.
 *
 * @throws TypeError when a trusted range is not a CIDR range
 */
export function compileListener(spec: Listener): CompiledListener {
  throw new Error(`listener ${spec.name} is written next`)
}
