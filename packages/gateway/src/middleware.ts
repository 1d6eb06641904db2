import type { Exchange } from './exchange.ts'
import type { Reply } from './reply.ts'

/** The rest of the chain. */
export type Handler = (exchange: Exchange) => Promise<Reply>
/** Options become closures when a route is compiled; per request nothing is looked up, parsed or sorted. */
export type Middleware = (next: Handler) => Handler
