import type { Exchange } from './exchange.ts'
import type { CompiledListener } from './listener.ts'
import type { RawRequest } from './raw-request.ts'

/**
 * Makes an exchange of a request, or refuses it.
 *
 * @throws GatewayError `bad-target`, `ambiguous-target`, `bad-host`, `bad-framing`, `method-not-supported`, `target-too-long`,
 * `too-many-headers`, `headers-too-large`, `bad-request`
 */
export function beginExchange(listener: CompiledListener, raw: RawRequest): Exchange {
  throw new Error(`${listener.name} ${raw.method} is written next`)
}
