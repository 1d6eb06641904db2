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
 * The list of addresses is walked from its right end, where the nearest proxy wrote: the first that is not trusted is
 * the client, and whatever stands left of it is the client's own claim and dropped. An element of `Forwarded` holds
 * address, scheme and host as one proxy saw them: they come from the client's element, which the first trusted proxy
 * wrote, and where that does not say, from the next one to the right. `X-Forwarded-Proto`, `-Host` and `-Port` are
 * lists without such a bond, of which a client may have written a part: their last values count, for which the nearest
 * proxy vouches. Where any `X-Forwarded-*` is there, `Forwarded` says nothing: proxies that write those often pass a
 * client's `Forwarded` on.
 *
 * @see RFC 7239
 */
export function readForwarded(headers: ForwardedHeaders, peer: string, trusts: Trusts): Forwarded {
  const { forwarded, forwardedFor, forwardedProto, forwardedHost, forwardedPort } = headers
  const alone = (forwardedFor ?? forwardedProto ?? forwardedHost ?? forwardedPort) === undefined
  if (forwarded !== undefined && alone) return readElements(parseForwarded(forwarded), peer, trusts)
  const { hops } = walk(forwardedFor?.split(',') ?? [], peer, trusts)
  return believed(hops, last(forwardedProto), last(forwardedHost), last(forwardedPort))
}

type Trusts = (address: string) => boolean

function readElements(elements: readonly ForwardedElement[], peer: string, trusts: Trusts): Forwarded {
  const addresses = elements.map((element) => element.for ?? '')
  const { hops, reached } = walk(addresses, peer, trusts)
  const written = elements.slice(reached)
  return believed(hops, written.find(({ proto }) => proto)?.proto, written.find(({ host }) => host)?.host, undefined)
}

function believed(
  hops: readonly string[],
  written: string | undefined,
  host: string | undefined,
  port: string | undefined,
): Forwarded {
  const proto = written?.toLowerCase()
  return {
    hops,
    proto: proto === 'http' || proto === 'https' ? proto : undefined,
    host: host !== undefined && parseAuthority(host) !== undefined ? host : undefined,
    port: port !== undefined && /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535 ? port : undefined,
  }
}

/** `reached` is the leftmost place that a trusted proxy wrote, whether it is an address or not. */
function walk(addresses: readonly string[], peer: string, trusts: Trusts): { hops: string[]; reached: number } {
  const hops = [peer]
  let reached = addresses.length
  while (reached > 0 && hops.length < mostHops) {
    reached--
    const address = readNode(addresses[reached]!.trim())
    if (address === undefined) break
    hops.unshift(address)
    if (!trusts(address)) break
  }
  return { hops, reached }
}

/**
 * An address with or without port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. Names tell nothing.
 */
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
