/** What the gateway needs of the world; the program hands it in. */
import type { Secret, ValueSource } from '@coatcheck/model'
import type {
  EndReason,
  PrefixedStores,
  RecordStore,
  RejectReason,
  SealingKey,
  StoreOperation,
} from '@coatcheck/session'
import type { Exchange } from './exchange.ts'

export interface Ports {
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /**
   * Values of certificates, keys, headers and passwords, as they are where they lie. Throws when one cannot be read.
   */
  readonly secret: (source: ValueSource) => Secret<Buffer>
  /**
   * Stores by name, opened by the program and kept over reloads; of a connection that sessions share, each takes the
   * store under its prefix. `undefined`: a sealed cookie store, which is no record store.
   */
  readonly records: (store: string) => RecordStore | PrefixedStores | undefined
  /** The server's keyring, first one first; never empty. */
  readonly keys: readonly SealingKey[]
  /** Keys of a session that has others than the server, as those that lie in its store. */
  readonly keysOf?: ((session: string) => readonly SealingKey[] | undefined) | undefined
  readonly log: Log
  readonly observer: GatewayObserver
}

/** The program's own log. Fields are ECS names, nested. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Told of what happens: metrics and access log. Called synchronously on the request path; must be cheap and not throw.
 */
export interface GatewayObserver {
  exchangeStarted(listener: string): void
  /** Once per exchange, when its answer is out or given up. */
  exchangeFinished(finished: FinishedExchange): void
  /** What is no request as the parser has it: its connection was answered and closed. */
  requestRejected(rejected: RejectedRequest): void
  sessionEvent(session: string, event: 'created' | 'reused' | 'rotated'): void
  sessionEnded(session: string, reason: EndReason): void
  sessionRejected(session: string, reason: RejectReason): void
  /** A session was read that is sealed in an older way than what is written now. */
  sessionOldSeal(session: string): void
  /** Until then there may be such sessions, in milliseconds since 1970. */
  oldSealUntil(session: string, until: number): void
  cacheLookup(result: 'hit' | 'miss'): void
  storeOperation(
    store: string,
    operation: StoreOperation,
    milliseconds: number,
    failure: 'unavailable' | undefined,
    /** What the store threw. */
    error?: unknown,
  ): void
  upstreamRequest(upstream: string, milliseconds: number): void
  upstreamError(upstream: string, reason: UpstreamErrorReason): void
  /** A target was set aside or came back. */
  upstreamTarget(upstream: string, url: string, up: boolean): void
  /** A request of a route that mirrors was not. */
  mirrorSkipped(route: string, reason: MirrorSkip): void
}

/** Closed set: metric labels. `too_large`: its body; `busy`: as many as may be are open already. */
export type MirrorSkip = 'too_large' | 'busy'

/** Closed set: metric labels. */
export type UpstreamErrorReason = 'connect' | 'connect_timeout' | 'timeout' | 'reset' | 'protocol' | 'unavailable'

export interface FinishedExchange {
  readonly exchange: Exchange
  /** 0 when the client left before an answer. */
  readonly status: number
  readonly requestBytes: number
  /** Without early answers (1xx). */
  readonly responseBytes: number
  /** Milliseconds from its headers to the last byte of the answer. */
  readonly duration: number
  /** The answer was cut short, the client left, or the body of its request stopped or made no sense. */
  readonly aborted: boolean
}

export interface RejectedRequest {
  readonly listener: string
  readonly peer: string
  readonly peerPort: number | undefined
  /** 0 when it could not be answered any more: the answer before it was the last of its connection. */
  readonly status: number
  readonly code: string
  /** What is wrong, for logs only. */
  readonly detail: string
  readonly requestId: string
  readonly responseBytes: number
  /** Its first line, where the bytes in which the fault was found begin with it: of a head that stopped they do not. */
  readonly line: RequestLine | undefined
}

export interface RequestLine {
  readonly method: string
  /** Byte for byte, whatever its form. */
  readonly target: string
}
