import type { Listener, ListenerLimits } from '@coatcheck/model'

/** What of a listener is needed for each request. */
export interface CompiledListener {
  readonly name: string
  readonly limits: ListenerLimits
  /** Whether forwarded headers of this peer are believed. */
  readonly trusts: (address: string) => boolean
  /** Whether the client's certificate goes on to upstreams as `Client-Cert` (RFC 9440, section 2.2). */
  readonly forwardCertificate: boolean
}

/**
 * Makes of a listener's settings what each request needs.
 *
 * @throws TypeError when a trusted range is not a CIDR range
 */
export function compileListener(spec: Listener): CompiledListener {
  throw new Error(`listener ${spec.name} is written next`)
}
