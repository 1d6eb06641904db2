import type { HeaderList } from './headers.ts'
import type { Log } from './ports.ts'
import type { Reply } from './reply.ts'

/** Of the request, what an error's answer needs. An exchange: `{ id, method: request.method, headers: request.headers }`. */
export interface ErrorContext {
  readonly id: string
  readonly method: string
  readonly headers: HeaderList
}

/**
 * The one place where something thrown becomes an answer: problem+json, or a small page where the client prefers HTML.
 * Whatever is no GatewayError and no outage of a store is answered as `internal`, and logged under the request's id.
 */
export function toReply(error: unknown, context: ErrorContext, log: Log): Reply {
  throw new Error(`${error} ${context.id} ${log} is written next`)
}
