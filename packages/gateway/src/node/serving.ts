import type { Exchange } from '../exchange.ts'
import type { GatewayObserver } from '../ports.ts'
import type { RawRequest } from '../raw-request.ts'
import type { Reply } from '../reply.ts'
import type { ErrorContext } from '../to-reply.ts'

/**
 * One gateway as one listener serves it. A reload makes a new one; requests that began with the old one end with it,
 * and `inFlight` says when the last of them is done.
 */
export interface Generation {
  /** @throws GatewayError when the request is refused before anything else looks at it */
  begin(raw: RawRequest): Exchange
  /** What is known of a request that is refused. Does not throw. */
  refuse(raw: RawRequest, error: unknown): Exchange
  /** Never rejects. */
  handle(exchange: Exchange): Promise<Reply>
  readonly users: Users
}

/** How many exchanges use a gateway; shared by all listeners that serve it. */
export interface Users {
  inFlight: number
  /** Called whenever `inFlight` falls to 0. */
  onIdle: (() => void) | undefined
}

/** What a connection handler needs of the world. */
export interface ServingPorts {
  readonly observer: Pick<GatewayObserver, 'exchangeStarted' | 'exchangeFinished' | 'requestRejected'>
  /** The one place where an error becomes an answer. */
  readonly toReply: (error: unknown, context: ErrorContext) => Reply
  /** Open connections by what they speak: told of each that comes and goes. */
  readonly connections: (protocol: ConnectionProtocol, change: 1 | -1) => void
}

/** Closed set: metric labels. */
export type ConnectionProtocol = 'http' | 'https' | 'h2' | 'websocket'

/** All in milliseconds and bytes; a listener's `limits` and `timeouts` of the model fit. */
export interface ServingLimits {
  readonly limits: { readonly headerBytes: number; readonly headerCount: number; readonly targetBytes: number }
  readonly timeouts: { readonly headers: number; readonly keepAlive: number; readonly idle: number }
}
