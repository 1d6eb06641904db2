import type { GatewayModel, RouteStatus } from '@coatcheck/model'
import type { Exchange } from './exchange.ts'
import type { Ports } from './ports.ts'
import type { Reply } from './reply.ts'

/** A model that runs. */
export interface Gateway {
  /** Never rejects: everything thrown becomes an answer. */
  handle(exchange: Exchange): Promise<Reply>
  /** Every route of the model, the broken ones with their reason. */
  readonly routes: readonly RouteStatus[]
  /** Writes touches that are owed, closes idle upstream connections. Stores are the caller's. */
  close(): Promise<void>
}

/**
 * Compiles a model: routes are sorted, middleware is folded, upstreams and sessions are made; no socket is opened.
 * A route that cannot be compiled is broken: it keeps its match and answers 500 with its name.
 */
export function compile(model: GatewayModel, ports: Ports): Gateway {
  throw new Error(`${model.name} ${ports} is written next`)
}
