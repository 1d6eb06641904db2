import type { GatewayModel } from '@coatcheck/model'
import type { ProgramErrorCode } from '../../errors.ts'
import type { LogLevel } from '../../observability/log.ts'
import type { MetricsSnapshot } from '../../observability/observability.ts'
import type { RunningStatus } from '../runner.ts'

/** What a worker is told at its start, in its environment. */
export interface WorkerStart {
  readonly version: string
  readonly revision: string | undefined
  readonly logLevel: LogLevel | undefined
  /** Path of the state folder. */
  readonly state: string
  readonly workers: number
}

/** An address that the primary has open for a listener. */
export interface OpenAddress {
  /** Names it as long as it is open. */
  readonly number: number
  /** The listener's name. */
  readonly listener: string
  /** `127.0.0.1:8080` */
  readonly address: string
}

export interface Preparation {
  readonly model: GatewayModel
  readonly addresses: readonly OpenAddress[]
  /** Other workers serve it already: so this one does, whatever its stores say. */
  readonly runs: boolean
}

/** From the primary. Each has an answer with its number. */
export type Order = { readonly number: number } & OrderBody
export type OrderBody =
  | ({ readonly kind: 'prepare' } & Preparation)
  /** No more connections come over these addresses: all that were accepted have been handed over. */
  | { readonly kind: 'closed'; readonly addresses: readonly number[] }
  | { readonly kind: 'commit' | 'undo' | 'drain' | 'stop' }
  /** `whole`: with what `process_*` and `nodejs_*` measure. */
  | { readonly kind: 'snapshot'; readonly whole: boolean }

/** From the primary, with the socket of a connection. */
export interface HandedConnection {
  readonly kind: 'connection'
  readonly number: number
  /** Number of the address that it came over. */
  readonly address: number
}

/** From a worker. */
export type Report =
  | { readonly kind: 'done'; readonly number: number; readonly status: RunningStatus }
  /** Without a number when nobody asked. */
  | { readonly kind: 'snapshot'; readonly number: number | undefined; readonly snapshot: MetricsSnapshot }
  | { readonly kind: 'failed'; readonly number: number; readonly failure: Failure }
  /** The connection is the worker's now. */
  | { readonly kind: 'taken'; readonly number: number }
  /** A store went down or came back. */
  | { readonly kind: 'status'; readonly status: RunningStatus }

/** An error on its way between processes. */
export interface Failure {
  readonly code: ProgramErrorCode | undefined
  readonly problem: string
  readonly consequence: string
  readonly remedy: string
}
