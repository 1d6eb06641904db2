import { isIp, isIpv4 } from './ip.ts'
import type { SocketAddress } from './model.ts'
import { type Parsed, parsed, unparsed } from './parsed.ts'

const remedy = 'Write a port or an IP address and a port, as ":8080", "127.0.0.1:8080" or "[::1]:8080".'

/**
 * Reads an address to listen on: `:8080` (every address of the machine), `127.0.0.1:8080`, `[::1]:8080`,
 * `localhost:8080`.
 */
export function parseAddress(text: string): Parsed<SocketAddress> {
  const match = /^(.*?):([0-9]{1,5})$/s.exec(text)
  if (match === null) return unparsed('has no port', remedy)
  const port = Number(match[2])
  if (port > 65_535) return unparsed('has a port above 65535', remedy)
  const host = bareHost(match[1]!)
  if (host === '') return parsed({ host: undefined, port })
  return isIp(host) ? parsed({ host, port }) : unparsed('does not begin with an IP address', remedy)
}

/** The inverse of `parseAddress`. */
export function formatAddress({ host, port }: SocketAddress): string {
  if (host === undefined) return `:${port}`
  return isIpv4(host) ? `${host}:${port}` : `[${host}]:${port}`
}

/** Nothing that is bare may hold a colon: `::1:8080` could be read in two ways. */
function bareHost(written: string): string {
  if (written === 'localhost') return '127.0.0.1'
  const bracketed = /^\[([0-9A-Fa-f:.]+)\]$/.exec(written)
  if (bracketed !== null) return isIpv4(bracketed[1]!) ? written : bracketed[1]!
  return written.includes(':') ? '?' : written
}
