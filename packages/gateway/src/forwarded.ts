import { isIP } from 'node:net'
import { parseAuthority } from './authority.ts'
import { plainAddress } from './listener.ts'

/** What proxies in front said, as it stood in their headers; several headers of one name joined with commas. */
export interface ForwardedHeaders {
  forwardedFor: string | undefined
  forwardedProto: string | undefined
  forwardedHost: string | undefined
  forwardedPort: string | undefined
  forwarded: string | undefined
}

/** What is believed of it. */
export interface Forwarded {
  /** The client first, then each trusted proxy, the peer last. */
  readonly hops: readonly string[]
  readonly proto: 'http' | 'https' | undefined
  readonly host: string | undefined
  readonly port: string | undefined
}

/** More proxies than this stand in no row; a longer list comes from somebody who makes us count. */
const mostHops = 32

/**
 * Reads what a trusted peer forwarded.
 *
 * The list of addresses is walked from its right end, where the nearest proxy wrote: the first that is not trusted is the
 * client, and whatever stands left of it is the client's own claim and dropped. Scheme, host and port are the values that
 * the nearest proxy vouches for, the last ones. Where both kinds of headers are there, `X-Forwarded-*` count: proxies that
 * write those often pass a client's `Forwarded` on.
 *
 * @see RFC 7239
 */
export function readForwarded(
  headers: ForwardedHeaders,
  peer: string,
  trusts: (address: string) => boolean,
): Forwarded {
  const elements = headers.forwarded === undefined ? [] : parseForwarded(headers.forwarded)
  const nearest = elements.at(-1)
  const addresses = headers.forwardedFor?.split(',') ?? elements.map((element) => element.for ?? '')
  const proto = (last(headers.forwardedProto) ?? nearest?.proto)?.toLowerCase()
  const host = last(headers.forwardedHost) ?? nearest?.host
  const port = last(headers.forwardedPort)
  return {
    hops: walk(addresses, peer, trusts),
    proto: proto === 'http' || proto === 'https' ? proto : undefined,
    host: host !== undefined && parseAuthority(host) !== undefined ? host : undefined,
    port: port !== undefined && /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535 ? port : undefined,
  }
}

function walk(addresses: readonly string[], peer: string, trusts: (address: string) => boolean): string[] {
  const hops = [peer]
  for (let i = addresses.length - 1; i >= 0 && hops.length < mostHops; i--) {
    const address = readNode(addresses[i]!.trim())
    if (address === undefined) break
    hops.unshift(address)
    if (!trusts(address)) break
  }
  return hops
}

/** An address with or without port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. Names tell nothing. */
function readNode(node: string): string | undefined {
  if (node.length > 64) return undefined
  const address = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(node)?.[1] ?? /^([\d.]+)(?::\d{1,5})?$/.exec(node)?.[1] ?? node
  return isIP(address) === 0 || address.includes('%') ? undefined : plainAddress(address.toLowerCase())
}

function last(list: string | undefined): string | undefined {
  return list?.slice(list.lastIndexOf(',') + 1).trim()
}

interface ForwardedElement {
  for?: string
  proto?: string
  host?: string
}

/** The elements of `Forwarded`; none when any of it is malformed, since then nothing says where the claims begin. */
export function parseForwarded(text: string): ForwardedElement[] {
  const pair =
    /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+)|"((?:[^"\\]|\\.)*)"))?[ \t]*([;,]|$)/y
  const elements: ForwardedElement[] = [{}]
  while (pair.lastIndex < text.length) {
    const found = pair.exec(text)
    if (found === null) return []
    const [, name, token, quoted, delimiter] = found
    if (name !== undefined) setParameter(elements.at(-1)!, name.toLowerCase(), token ?? quoted!.replace(/\\(.)/g, '$1'))
    if (delimiter === ',') elements.push({})
  }
  return elements
}

function setParameter(element: ForwardedElement, name: string, value: string): void {
  if (name === 'for' || name === 'proto' || name === 'host') element[name] ??= value
}

/** One address as a node of `Forwarded` (RFC 7239, section 6). */
export function forwardedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}
