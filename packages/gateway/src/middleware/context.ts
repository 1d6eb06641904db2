import type { Route } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import type { Forward } from '../forward.ts'
import type { Ports } from '../ports.ts'
import type { Reply } from '../reply.ts'
import type { CompiledSession } from '../sessions.ts'

/** What middleware may know when a route is compiled. */
export interface RouteContext {
  readonly route: Route
  readonly routes: readonly Route[]
  readonly ports: Pick<Ports, 'clock' | 'log' | 'observer' | 'secret'>
  /** @throws Error when there is none of this name */
  readonly session: (name: string) => CompiledSession
  readonly sessions: readonly CompiledSession[]
  /** @throws Error when there is none of this name */
  readonly forward: (upstream: string) => Forward
  /** Makes an answer of what was thrown, and notes on the exchange why. */
  readonly recover: (error: unknown, exchange: Exchange) => Reply
  /**
   * A target that was made from a client's has to lead to one route in every reading.
   *
   * @throws GatewayError `ambiguous-target`, `bad-target`
   */
  readonly checkTarget: (target: string, exchange: Exchange) => void
}
