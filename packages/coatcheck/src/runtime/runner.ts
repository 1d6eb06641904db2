import type { GatewayModel, ListenerStatus, RouteStatus, SessionStatus, StoreStatus } from '@coatcheck/model'
import type { MetricsSnapshot } from '../observability/observability.ts'

/** What serves: this process, or several workers. */
export interface Runner {
  /**
   * Makes everything that a model needs, beside what runs.
   *
   * @throws whatever keeps it from running; nothing has changed then
   */
  prepare(model: GatewayModel): Promise<Prepared>
  status(): RunningStatus
  /**
   * Metrics of every process that serves, or served: of one that does not answer within a second, the last that it
   * told.
   */
  snapshots(): Promise<MetricsSnapshot[]>
  /** Takes no new connections; resolves when no request is under way any more. */
  drain(): Promise<void>
  /** Ends what is left and frees everything. Sessions in memory are gone. */
  stop(): Promise<void>
  /** Resolves when it cannot go on: workers that end again and again. */
  readonly failed: Promise<void>
}

export interface Prepared {
  /** What the operator should read on the log, once. */
  readonly told: string | undefined
  /** New requests are served by the new model. */
  commit(): Promise<void> | void
  /** Takes everything back. */
  undo(): Promise<void> | void
}

export interface RunningStatus {
  readonly listeners: readonly ListenerStatus[]
  readonly routes: readonly RouteStatus[]
  readonly stores: readonly StoreStatus[]
  readonly sessions: readonly SessionStatus[]
}
