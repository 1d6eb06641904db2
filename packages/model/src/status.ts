import type { Diagnostic } from './diagnostic.ts'

/** What runs, as data: written by the program, read by health endpoints and the console. */
export interface GatewayStatus {
  readonly version: string
  readonly node: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly configuration: ConfigurationStatus
  readonly listeners: readonly ListenerStatus[]
  readonly routes: readonly RouteStatus[]
  readonly stores: readonly StoreStatus[]
  readonly sessions: readonly SessionStatus[]
}

export interface ConfigurationStatus {
  readonly files: readonly string[]
  /** Hash of what runs. */
  readonly revision: string
  readonly loadedAt: number
  /** The last attempt to load; its problems are shown although what ran before goes on. */
  readonly lastReload: { readonly at: number; readonly result: 'success' | 'failure' }
  readonly problems: readonly Diagnostic[]
}

export interface ListenerStatus {
  readonly name: string
  readonly address: string
  readonly state: 'listening' | 'stopping'
}

export interface RouteStatus {
  readonly name: string
  readonly state: 'running' | 'broken'
  readonly reason: string | undefined
}

export interface StoreStatus {
  readonly name: string
  readonly kind: string
  readonly state: 'up' | 'down'
  /** Why it is down, or what is not well although it is up. */
  readonly reason: string | undefined
  /** Its memory is full: it starts and changes no session until there is room, and reads and ends those that are there. */
  readonly full: boolean
}

export interface SessionStatus {
  readonly name: string
  /** Where records under an older seal or key are read as well as the one that is written. */
  readonly oldSeal: OldSealStatus | undefined
}

export interface OldSealStatus {
  /** Reads of sessions under an older seal, since this configuration runs. */
  readonly opened: number
  /**
   * When `migrate`, or the older key, may go, in milliseconds since 1970: the last session under it that was seen has ended by
   * then, and one that was not seen was idle for too long. Of several gateways the latest counts.
   */
  readonly until: number
}
