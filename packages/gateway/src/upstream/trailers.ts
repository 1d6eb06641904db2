import type { HeaderList } from '../headers.ts'
import { stripHopByHop } from '../hop-by-hop.ts'
import { aliasesOf } from '../strip-aliases.ts'
import { isName } from './fields.ts'

/**
 * What would mean something else, or everything, when a reader merges trailers into headers; in any spelling, since
 * such a reader folds names as well.
 *
 * @see RFC 9110, section 6.5.1
 */
const isForbidden = aliasesOf([
  ...['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'http2-settings'],
  ...['content-length', 'transfer-encoding', 'host', 'trailer', 'content-encoding', 'content-type', 'content-range'],
  ...['authorization', 'proxy-authorization', 'proxy-authenticate', 'www-authenticate', 'cookie', 'set-cookie'],
  ...['cache-control', 'expect', 'max-forwards', 'range', 'te', 'age', 'expires', 'date', 'location', 'vary'],
  ...['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-expose-headers'],
])
const unwritableValue = /[^\t\x20-\x7e\x80-\xff]/

/** The trailers that may go on: without framing, routing, credentials and what concerns one connection. */
export function passTrailers(trailers: HeaderList): HeaderList {
  const passed: HeaderList = []
  const kept = stripHopByHop(trailers)
  for (let i = 0; i < kept.length; i += 2) {
    if (!isForbidden(kept[i]!)) passed.push(kept[i]!, kept[i + 1]!)
  }
  return passed
}

/** Lines for the end of a chunked body. What could not stand on one line of latin1 is left out. */
export function writeTrailers(trailers: HeaderList): string {
  let lines = ''
  const passed = passTrailers(trailers)
  for (let i = 0; i < passed.length; i += 2) {
    if (isName(passed[i]!) && !unwritableValue.test(passed[i + 1]!)) lines += `${passed[i]}: ${passed[i + 1]}\r\n`
  }
  return lines
}
