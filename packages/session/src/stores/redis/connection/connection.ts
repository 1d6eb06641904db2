/** One Redis or Valkey, whatever its deployment: what records, the channel of changes and lists need of it. */
import type { SessionError } from '../../../errors.ts'

export type Argument = string | number | Uint8Array

/** A Lua script over one key, so that it is the same in a cluster. Sent as EVALSHA, and whole when the server lacks it. */
export interface Script {
  readonly lua: string
  /** SHA-1 of `lua`, in hex. */
  readonly sha: string
}

export interface RedisConnection {
  /**
   * Runs a script on the node that owns `key`. Bounded by the command timeout, the wait for a connection included; what
   * was not sent by then is never sent. Replies are as they came, bulk strings as `Buffer`.
   *
   * Sent again within that time only when it was certainly not executed (refused, redirected, never written) or
   * `idempotent`.
   *
   * @throws RedisFailure
   */
  run(script: Script, key: string, args: readonly Argument[], options?: SendOptions): Promise<unknown>
  /**
   * The same for a write that replicas have to confirm, over a connection of its own, which waits for them; `undefined`
   * where none is asked for. Never sent again once it may have been executed.
   *
   * @throws RedisFailure
   */
  readonly runDurably:
    | ((script: Script, key: string, args: readonly Argument[], within?: number) => Promise<Confirmation>)
    | undefined
  /** One command to the node that owns `key`. The same bounds. @throws RedisFailure */
  call(key: string, command: string, args: readonly Argument[], options?: SendOptions): Promise<unknown>
  /** The primaries that hold data now, those that are not connected at the moment included; empty while none is known. */
  primaries(): readonly RedisNode[]
  /** Calls `listener` when a primary came, went or was replaced. Returns how to stop. */
  onPrimaries(listener: () => void): () => void
  readonly state: ConnectionState
  close(): Promise<void>
}

export interface Confirmation {
  readonly reply: unknown
  /** As many replicas as were asked for have it. */
  readonly confirmed: boolean
}

export interface SendOptions {
  readonly idempotent?: boolean
  /** Milliseconds that it has, where these are less than the command timeout. */
  readonly within?: number | undefined
}

/** One connection to one primary: when it is lost, and when there is another, `primaries()` has another object. */
export interface RedisNode {
  /** `host:port`, as it is connected to. */
  readonly address: string
  /** Number of this connection, over all of this process; 0: there is none at the moment. Never changes. */
  readonly epoch: number
  /**
   * One command on the multiplexed connection to this node; fails at once when that connection is no more.
   *
   * @throws RedisFailure
   */
  call(command: string, args: readonly Argument[]): Promise<unknown>
  /**
   * Opens a connection of its own, with the same credentials and TLS, for a subscriber or for WAIT; fails at once when
   * the multiplexed one is no more.
   *
   * @throws RedisFailure
   */
  dedicated(): Promise<DedicatedConnection>
}

/** One connection that nothing shares, and that is not opened again when it is lost. */
export interface DedicatedConnection {
  call(command: string, args: readonly Argument[]): Promise<unknown>
  /** @throws RedisFailure `forbidden` when the server does not let us */
  subscribe(channel: string, listener: (message: string) => void): Promise<void>
  /** Called once, with what ended it. */
  onClose(listener: (reason: RedisFailure | undefined) => void): void
  close(): void
}

/** Closed set, and the order in which a connection goes through them. */
export type FailureReason =
  | 'dns'
  | 'tcp'
  | 'tls'
  | 'auth'
  | 'forbidden'
  | 'role'
  | 'timeout'
  | 'full'
  | 'busy'
  | 'closed'
  | 'protocol'

/** `ERR_STORE_UNAVAILABLE`, with what is known of the reason. */
export interface RedisFailure extends SessionError {
  readonly reason: FailureReason
}

export type ConnectionState =
  | { readonly up: true }
  /** `reason` and `message` of the last failure; no secret in them. `since`: milliseconds since 1970. */
  | { readonly up: false; readonly reason: FailureReason; readonly message: string; readonly since: number }
