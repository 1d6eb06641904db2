import { type HeaderList, isNamed } from './headers.ts'

/**
 * The headers without those that speak of one connection only: `Connection` and everything it names, `Keep-Alive`,
 * `Proxy-Connection`, `TE`, `Transfer-Encoding`, `Upgrade` and `HTTP2-Settings`.
 *
 * `Trailer` stays, since trailers are forwarded. `Host` and `Content-Length` stay even when `Connection` names them:
 * without them the message would mean something else.
 *
 * @param keepUpgrade for a 101: `Upgrade` is part of the answer; whoever writes it adds `Connection: Upgrade`
 * @returns the same array when nothing is to be removed, so copy it before changing it
 * @see RFC 9110, section 7.6.1
 */
export function stripHopByHop(headers: HeaderList, keepUpgrade = false): HeaderList {
  for (let i = 0; i < headers.length; i += 2) {
    if (isHopByHop(headers[i]!)) return strip(headers, i, keepUpgrade)
  }
  return headers
}

function strip(headers: HeaderList, first: number, keepUpgrade: boolean): HeaderList {
  const named = namedByConnection(headers, first)
  const kept: HeaderList = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (named?.has(name.toLowerCase())) continue
    if (i >= first && isHopByHop(name) && !(keepUpgrade && name.length === 7)) continue
    kept.push(name, headers[i + 1]!)
  }
  return kept
}

/** What the `Connection` headers name, in lower case; `undefined` when that is nothing beyond the usual options. */
function namedByConnection(headers: HeaderList, first: number): Set<string> | undefined {
  let named: Set<string> | undefined
  for (let i = first; i < headers.length; i += 2) {
    if (!isNamed(headers[i]!, 'connection')) continue
    const value = headers[i + 1]!.toLowerCase()
    if (value === 'keep-alive' || value === 'close' || value === 'upgrade') continue
    for (const option of value.split(',')) {
      const name = option.trim()
      if (name === '' || protectedNames.has(name)) continue
      named ??= new Set()
      named.add(name)
    }
  }
  return named
}

/** `upgrade` because it is decided by `keepUpgrade`, the rest because a message without them is another message. */
const protectedNames = new Set(['host', 'content-length', 'upgrade'])

function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return isNamed(name, 'te')
    case 7:
      return isNamed(name, 'upgrade')
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive')
    case 14:
      return isNamed(name, 'http2-settings')
    case 16:
      return isNamed(name, 'proxy-connection')
    case 17:
      return isNamed(name, 'transfer-encoding')
    default:
      return false
  }
}
