import { isIpv4, isIpv6 } from './ip.ts'
import { type Parsed, parsed, unparsed } from './parsed.ts'
import type { StoreNode } from './store-spec.ts'

const remedy = 'Write a host and a port, as "redis-0.example.com:6379", "10.0.0.7:6379" or "[fd00::7]:6379".'

/** Reads where a store answers: `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`. Host names become lower case. */
export function parseNode(text: string, defaultPort: number): Parsed<StoreNode> {
  if (text.includes('://')) return unparsed('is a URL', `${remedy} A URL belongs into "url".`)
  if (text.includes(',')) return unparsed('names several hosts', 'Write a list with one host in each item.')
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined) return unparsed('is not a host with a port', remedy)
  if (!(bracketed === undefined ? isHost(host) : isZonedIpv6(host))) return unparsed('names no host', remedy)
  const port = digits === undefined ? defaultPort : Number(digits)
  if (port < 1 || port > 65_535) return unparsed('has a port that is not from 1 to 65535', remedy)
  return parsed({ host: bracketed ?? host.toLowerCase(), port })
}

/** The inverse of `parseNode`, with the port. */
export function formatNode({ host, port }: StoreNode): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** An IPv4 address, or a name; its last label is not digits alone, so that no address that is wrong passes for one. */
function isHost(host: string): boolean {
  if (isIpv4(host)) return true
  const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
  return host.length <= 253 && new RegExp(`^(?:${label}\\.)*(?![0-9]+\\.?$)${label}\\.?$`, 'i').test(host)
}

/** With the interface behind it where there is one, as `fe80::1%eth0` (RFC 4007, section 11). */
function isZonedIpv6(host: string): boolean {
  const [, address, zone] = /^([^%]*)(?:%(.*))?$/s.exec(host) ?? []
  return address !== undefined && isIpv6(address) && (zone === undefined || /^[A-Za-z0-9_.-]{1,15}$/.test(zone))
}
