import type { Readable } from 'node:stream'
import type { Session } from '@coatcheck/session'
import type { ErrorCode } from './errors.ts'
import type { ClientGone } from './forward.ts'
import type { HeaderList } from './headers.ts'

/** One request on its way: what came, who sent it, where it goes, and what was learned of it so far. */
export interface Exchange {
  /** Request id: made here, or passed on from a trusted proxy. */
  readonly id: string
  /** `performance.now()` when its headers were complete. */
  readonly startedAt: number
  readonly request: IncomingRequest
  readonly client: Client
  /** The client's side of it while the answer is awaited: made by the listener, handed to the forward. */
  readonly connection: ClientConnection
  /** What the upstream will get. Starts as a copy of the request without hop-by-hop headers; middleware changes it. */
  readonly outgoing: OutgoingRequest
  /** Name of the route that took it; `undefined` before routing, or when none did. */
  route: string | undefined
  /** Set by the `session` middleware. */
  session: Session<GatewaySessionData> | undefined
  /** Why the gateway answered itself. */
  reason: ErrorCode | undefined
  /** Which upstream target answered or failed, as `host:port`. */
  target: string | undefined
  upstream: string | undefined
  /** Segments of the path that the matched prefix took; all of them for an exact path or a template. */
  matchedSegments: number
  /** What went wrong in the gateway's own words, for logs only: never sent to a client. */
  detail: string | undefined
  /** Milliseconds spent, for the access log. */
  readonly timings: { upstream: number | undefined; store: number | undefined }
}

/** What the gateway keeps in a session. */
export type GatewaySessionData = {
  /** Who signed in; claims are what templates call `{identity.CLAIM}`. */
  identity: { issuer: string; subject: string; claims: { [name: string]: JsonClaim } }
} & {
  /**
   * Attributes as `capture` found them, each under a key of its own: two requests that change two of them lose none.
   */
  [attribute: `attribute:${string}`]: string
}
export type JsonClaim = null | boolean | number | string | JsonClaim[] | { [name: string]: JsonClaim }

/** The request as it came. Never changed. */
export interface IncomingRequest {
  readonly listener: string
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`: only the number. */
  readonly httpVersion: string
  readonly method: string
  /** The request target, byte for byte. Origin form (`/…`) or `*`; of a request that was refused, whatever it was. */
  readonly target: string
  /** The path that routes are chosen by: escapes decoded that have no structure, no query (`target.ts`). */
  readonly path: string
  /** What stands behind the first `?`, raw; '' without one. */
  readonly query: string
  /** Other ways in which lenient servers read this path (`target.ts`); `undefined` when there are none. */
  readonly readings: readonly string[] | undefined
  /** Host with port as the client wrote it, from `Host` or `:authority`. */
  readonly authority: string
  /** The host of `authority` as routes name it: lower case, no port, no dot at the end. '' without one. */
  readonly host: string
  readonly scheme: 'http' | 'https'
  readonly headers: HeaderList
  /** All `Cookie` headers, joined with `; `. */
  readonly cookie: string | undefined
  /** `undefined` when the request has no body. Not read before the upstream wants it. */
  readonly body: Readable | undefined
  /**
   * Length of the body when its headers tell it, 0 included; `undefined` when it is chunked, or when they say nothing.
   */
  readonly contentLength: number | undefined
  /** `websocket`, when the request asks for an upgrade that is let through. */
  readonly upgrade: 'websocket' | undefined
}

/** What a listener can do for an exchange before its answer is there, and whether the client still waits for one. */
export interface ClientConnection extends ClientGone {
  /** Sends a 1xx other than 101 at once; nothing for HTTP/1.0 clients. */
  inform(status: number, statusText: string, headers: HeaderList): void
  /** The upstream is about to read the body: sends `100 Continue` to a client that waits for it, once. */
  bodyWanted(): void
}

export interface Client {
  /** The client as trusted proxies name it, else the peer. */
  readonly address: string
  readonly port: number | undefined
  /** The other end of the TCP connection. */
  readonly peer: string
  /** Whether forwarded headers of this peer are believed. */
  readonly trusted: boolean
  /** The client's certificate in DER, when one was asked for and is valid. */
  readonly certificate: Buffer | undefined
}

export interface OutgoingRequest {
  method: string
  target: string
  headers: HeaderList
}
