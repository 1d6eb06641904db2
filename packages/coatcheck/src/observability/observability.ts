import type { GatewayObserver, Log } from '@coatcheck/gateway'
import type { GatewayModel } from '@coatcheck/model'

/** Metrics of one process as plain JSON, so that a primary can add up those of its workers. */
export type MetricsSnapshot = readonly object[]

/** All that is seen of one process: its log, access log and metrics. */
export interface Observability {
  readonly log: Log
  readonly observer: GatewayObserver
  /** Names of a new model are known from the start: one series per route, listener, store, session. */
  configured(model: GatewayModel): void
  reloaded(result: 'success' | 'failure', at: number): void
  connections(listener: string, protocol: 'http' | 'https' | 'h2' | 'websocket', change: 1 | -1): void
  certificate(name: string, notAfter: number): void
  storeUp(store: string, up: boolean): void
  snapshot(): Promise<MetricsSnapshot>
  /** Writes what is buffered; bounded in time. */
  flush(): Promise<void>
}
