import type { ForwardedHeaders } from './forwarded.ts'
import { type HeaderList, isNamed } from './headers.ts'
import { startsFolded } from './strip-aliases.ts'

/** A request's headers, looked at once: what goes on, and what the gateway has to know. */
export interface Sifted extends ForwardedHeaders {
  /** What goes on. The first two places are left for `Host` and its value. */
  readonly headers: HeaderList
  host: string | undefined
  /** Number of `Host` headers. */
  hosts: number
  /** Number of `Content-Length` headers. */
  lengths: number
  /** All `Cookie` headers, joined with `; `. */
  cookie: string | undefined
  requestId: string | undefined
}

/**
 * Sorts out what does not go on: `Host`, `Content-Length` and `Expect`, which are written anew where they belong, and
 * every header that speaks for a proxy or a client certificate, in any spelling: `Forwarded`, `X-Forwarded…`,
 * `X-Real-…`, `X-Original-…`, `X-Rewrite-URL`, `X-Request-Id`, `Client-Cert…`. Other spellings of framing headers
 * (`Transfer_Encoding`) go too.
 */
export function sift(headers: HeaderList): Sifted {
  const sifted: Sifted = {
    headers: ['', ''],
    host: undefined,
    hosts: 0,
    lengths: 0,
    cookie: undefined,
    requestId: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    forwardedPort: undefined,
    forwarded: undefined,
  }
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (goesOn(sifted, name, value)) sifted.headers.push(name, value)
  }
  return sifted
}

/** Most names are told from ours by their first letter. */
function goesOn(sifted: Sifted, name: string, value: string): boolean {
  switch (name.charCodeAt(0) | 32) {
    case 99: // c
      return cGoesOn(sifted, name, value)
    case 101: // e
      return !isNamed(name, 'expect')
    case 102: // f
      return fGoesOn(sifted, name, value)
    case 104: // h
      return hGoesOn(sifted, name, value)
    case 116: // t
      return !(name.length === 17 && startsFolded(name, 'transfer-encoding'))
    case 120: // x
      return !startsFolded(name, 'x-') || xGoesOn(sifted, name, value)
    default:
      return true
  }
}

function cGoesOn(sifted: Sifted, name: string, value: string): boolean {
  if (isNamed(name, 'cookie')) sifted.cookie = sifted.cookie === undefined ? value : `${sifted.cookie}; ${value}`
  if (name.length === 14 && startsFolded(name, 'content-length')) {
    if (isNamed(name, 'content-length')) sifted.lengths++
    return false
  }
  return !startsFolded(name, 'client-cert')
}

function fGoesOn(sifted: Sifted, name: string, value: string): boolean {
  if (!startsFolded(name, 'forwarded')) return true
  if (isNamed(name, 'forwarded')) sifted.forwarded = joined(sifted.forwarded, value)
  return name.length !== 9
}

function hGoesOn(sifted: Sifted, name: string, value: string): boolean {
  if (!isNamed(name, 'host')) return true
  sifted.host = value
  sifted.hosts++
  return false
}

function xGoesOn(sifted: Sifted, name: string, value: string): boolean {
  if (startsFolded(name, 'x-forwarded')) {
    keepForwarded(sifted, name, value)
    return false
  }
  if (name.length === 12 && startsFolded(name, 'x-request-id')) {
    if (isNamed(name, 'x-request-id')) sifted.requestId ??= value
    return false
  }
  return !(startsFolded(name, 'x-real-') || startsFolded(name, 'x-original-') || startsFolded(name, 'x-rewrite-url'))
}

/** Only the right spelling is read: a proxy that is trusted writes no other. */
function keepForwarded(sifted: Sifted, name: string, value: string): void {
  if (isNamed(name, 'x-forwarded-for')) sifted.forwardedFor = joined(sifted.forwardedFor, value)
  else if (isNamed(name, 'x-forwarded-proto')) sifted.forwardedProto = joined(sifted.forwardedProto, value)
  else if (isNamed(name, 'x-forwarded-host')) sifted.forwardedHost = joined(sifted.forwardedHost, value)
  else if (isNamed(name, 'x-forwarded-port')) sifted.forwardedPort = joined(sifted.forwardedPort, value)
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}
