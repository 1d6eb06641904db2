import { isIPv6 } from 'node:net'

/** A host and port, read strictly. */
export interface Authority {
  /** Lower case, without a dot at its end; IPv6 in brackets. */
  readonly host: string
  /** `undefined` when none was written. */
  readonly port: number | undefined
}

/**
 * Letters, digits, `-` and `_` in labels: what names in use are made of. What RFC 3986 allows beside that, no server is
 * called.
 */
const pattern = /^(?:([A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*)\.?|(\[[0-9A-Fa-f:.]{2,45}\]))(?::([0-9]{1,5}))?$/
const longest = 255 + 6

/**
 * What was read lately; `undefined` for what is none. Requests repeat few hosts, and the reading costs more than the
 * look.
 */
const known = new Map<string, Authority | undefined>()
const mostKnown = 512

/**
 * Reads `Host`, `:authority` or the host of an origin: a name or IP address, and a port.
 *
 * @returns `undefined` for anything else: user information, escapes, blanks, an empty host, a port above 65535
 * @see RFC 9110, section 7.2; RFC 3986, section 3.2
 */
export function parseAuthority(text: string): Authority | undefined {
  if (known.has(text)) return known.get(text)
  const authority = read(text)
  if (text.length > longest) return undefined
  if (known.size >= mostKnown) known.clear()
  known.set(text, authority)
  return authority
}

function read(text: string): Authority | undefined {
  if (text.length > longest) return undefined
  const found = pattern.exec(text)
  if (found === null) return undefined
  const [, name, literal, digits] = found
  if (literal !== undefined && !isIPv6(literal.slice(1, -1))) return undefined
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > 65535) return undefined
  return { host: (name ?? literal!).toLowerCase(), port }
}
