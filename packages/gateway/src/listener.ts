import { BlockList, isIP } from 'node:net'
import type { Listener, ListenerLimits } from '@coatcheck/model'

/** What of a listener is needed for each request. */
export interface CompiledListener {
  readonly name: string
  readonly limits: ListenerLimits
  /** Whether forwarded headers of this peer are believed. The address as `plainAddress` gives it. */
  readonly trusts: (address: string) => boolean
  /** Whether the client's certificate goes on to upstreams as `Client-Cert` (RFC 9440, section 2.2). */
  readonly forwardCertificate: boolean
}

/**
 * Makes of a listener's settings what each request needs.
 *
 * @throws TypeError when a trusted range is neither an address nor a CIDR range
 */
export function compileListener(spec: Listener): CompiledListener {
  return {
    name: spec.name,
    limits: spec.limits,
    trusts: spec.trustedProxies.length === 0 ? () => false : trustedRanges(spec.trustedProxies),
    forwardCertificate: spec.tls?.clientCertificates?.forward ?? false,
  }
}

/** An IPv4 address that came through an IPv6 socket as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Answers that are kept: the proxies in front are few, and a look into the ranges costs a call out of JavaScript. */
const mostKnown = 256

function trustedRanges(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) addRange(list, range)
  const known = new Map<string, boolean>()
  return function trusts(address) {
    let trusted = known.get(address)
    if (trusted === undefined) {
      trusted = isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
      if (known.size >= mostKnown) known.clear()
      known.set(address, trusted)
    }
    return trusted
  }
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits, ...rest] = range.split('/')
  const version = isIP(address)
  const length = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits)
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && length <= (version === 6 ? 128 : 32))
  if (version === 0 || rest.length > 0 || !fits) {
    throw new TypeError(`"${range}" is no CIDR range: write an address with a length, as in 10.0.0.0/8`)
  }
  list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4')
}
