import { METHODS } from 'node:http'
import { type Authority, parseAuthority } from './authority.ts'
import { GatewayError, messageOf } from './errors.ts'
import type { Client, Exchange, IncomingRequest } from './exchange.ts'
import { type Forwarded, forwardedNode, readForwarded } from './forwarded.ts'
import type { HeaderList } from './headers.ts'
import { stripHopByHop } from './hop-by-hop.ts'
import { type CompiledListener, plainAddress } from './listener.ts'
import { now } from './now.ts'
import type { RawRequest } from './raw-request.ts'
import { isRequestId, makeRequestId } from './request-id.ts'
import { type Sifted, sift } from './sift.ts'
import { readTarget, type Target } from './target.ts'

/**
 * Makes an exchange of a request, or refuses it.
 *
 * What goes on starts without hop-by-hop headers, without `Content-Length` and `Expect` (the forward frames what it
 * sends), and without anything that speaks for a proxy or a client certificate. Of that, `X-Forwarded-For`, `-Proto`,
 * `-Host`, `-Port`, `Forwarded`, `X-Request-Id` and, where configured, `Client-Cert` are written anew. `Host` comes
 * first.
 *
 * @throws GatewayError `client-certificate-invalid`, `bad-request`, `bad-target`, `ambiguous-target`, `bad-host`,
 * `bad-framing`, `method-not-supported`, `target-too-long`, `too-many-headers`, `headers-too-large`
 */
export function beginExchange(listener: CompiledListener, raw: RawRequest): Exchange {
  checkCertificate(raw)
  checkSize(listener, raw)
  const target = readRequestTarget(raw)
  const sifted = sift(stripHopByHop(raw.headers))
  checkFraming(raw, sifted)
  const authority = readHost(raw, sifted)
  const peer = plainAddress(raw.peer)
  const trusted = listener.trusts(peer)
  const forwarded = trusted ? readForwarded(sifted, peer, listener.trusts) : undefined
  const scheme = forwarded?.proto ?? raw.scheme
  const id = requestId(trusted, sifted.requestId)
  const request = incoming(listener, raw, target, sifted, authority, scheme)
  const client = readClient(raw, peer, trusted, forwarded)
  writeProxyHeaders(sifted.headers, request, client, forwarded)
  sifted.headers.push('X-Request-Id', id)
  if (listener.forwardCertificate && raw.certificate !== undefined) {
    sifted.headers.push('Client-Cert', `:${raw.certificate.toString('base64')}:`)
  }
  return newExchange(id, raw, request, client, sifted.headers)
}

/**
 * What is known of a request that is refused, for log and metrics: what cannot be read of it is missing, and nothing of
 * it goes on. Does not throw.
 */
export function refusedExchange(listener: CompiledListener, raw: RawRequest, error: unknown): Exchange {
  const sifted = sift(stripHopByHop(raw.headers))
  const peer = plainAddress(raw.peer)
  const trusted = listener.trusts(peer)
  const forwarded = trusted ? readForwarded(sifted, peer, listener.trusts) : undefined
  const authority = knownAuthority(raw, sifted)
  const request = incoming(listener, raw, looseTarget(raw.target), sifted, authority, forwarded?.proto ?? raw.scheme)
  const client = readClient(raw, peer, trusted, forwarded)
  const exchange = newExchange(requestId(trusted, sifted.requestId), raw, request, client, [])
  exchange.reason = error instanceof GatewayError ? error.code : 'internal'
  exchange.detail = messageOf(error)
  return exchange
}

/** A fragment is no part of a target, and secrets stand in fragments as they do in queries. */
function looseTarget(target: string): Target {
  const end = target.search(/[?#]/)
  return { path: target, query: end < 0 ? '' : target.slice(end + 1), readings: undefined }
}

/** `''` when it is not clear which, or is none. */
function knownAuthority(raw: RawRequest, sifted: Sifted): string {
  const authority = raw.authority ?? (sifted.hosts === 1 ? sifted.host : undefined) ?? ''
  return parseAuthority(authority) === undefined ? '' : authority
}

function newExchange(
  id: string,
  raw: RawRequest,
  request: IncomingRequest,
  client: Client,
  headers: HeaderList,
): Exchange {
  return {
    id,
    startedAt: now(),
    request,
    client,
    connection: raw.connection,
    outgoing: { method: raw.method, target: raw.target, headers },
    route: undefined,
    session: undefined,
    reason: undefined,
    detail: undefined,
    target: undefined,
    upstream: undefined,
    matchedSegments: 0,
    timings: { upstream: undefined, store: undefined },
  }
}

/** Nobody who shows a certificate takes one that is not valid for none. */
function checkCertificate({ certificateProblem }: RawRequest): void {
  if (certificateProblem === undefined) return
  const why = `The certificate of the client is not valid: ${certificateProblem}`
  throw new GatewayError('client-certificate-invalid', 400, why)
}

function checkSize(listener: CompiledListener, raw: RawRequest): void {
  const { limits } = listener
  if (raw.target.length > limits.targetBytes) {
    throw new GatewayError('target-too-long', 414, `The request target is longer than ${limits.targetBytes} bytes`)
  }
  if (raw.headers.length > limits.headerCount * 2) {
    throw new GatewayError('too-many-headers', 431, `The request has more than ${limits.headerCount} headers`)
  }
  let bytes = raw.method.length + raw.target.length
  for (let i = 0; i < raw.headers.length; i++) bytes += raw.headers[i]!.length + 2
  if (bytes > limits.headerBytes) {
    throw new GatewayError(
      'headers-too-large',
      431,
      `The request's headers are longer than ${limits.headerBytes} bytes`,
    )
  }
}

/**
 * One length, or chunks alone: a body in another coding would go on as what it is not, and HTTP/1.0 knows no chunks.
 *
 * @see RFC 9112, section 6.1
 */
function checkFraming({ transferEncoding, httpVersion, contentLength = 0 }: RawRequest, { lengths }: Sifted): void {
  if (lengths > 1) throw badFraming('The request has more than one Content-Length')
  if (!Number.isSafeInteger(contentLength)) throw badFraming('The Content-Length is larger than can be counted')
  if (transferEncoding === undefined) return
  if (httpVersion === '1.0') throw badFraming('A request of HTTP/1.0 has a Transfer-Encoding')
  if (transferEncoding.toLowerCase() !== 'chunked') throw badFraming('The Transfer-Encoding is not exactly "chunked"')
}

function badFraming(why: string): GatewayError {
  return new GatewayError('bad-framing', 400, why)
}

/** Methods as the parser of HTTP/1 knows them. It says 400 to all others, so HTTP/2 says the same. */
const known = new Set(METHODS)

const asterisk: Target = { path: '*', query: '', readings: undefined }

/** RFC 9112, section 3.2: of its four forms, absolute and authority form speak to another kind of proxy. */
function readRequestTarget(raw: RawRequest): Target {
  if (raw.method === 'CONNECT') throw new GatewayError('bad-target', 400, 'The target of CONNECT is no path')
  if (!known.has(raw.method)) throw new GatewayError('bad-request', 400, 'The method is not one that HTTP knows')
  // it would show the application's headers, and the gateway's among them, to a page
  if (raw.method === 'TRACE') throw new GatewayError('method-not-supported', 501, 'TRACE is not passed on')
  if (raw.target === '*' && raw.method === 'OPTIONS') return asterisk
  return readTarget(raw.target)
}

/** RFC 9112, section 3.2: exactly one; RFC 9113, section 8.3.1: `:authority` and `Host` say the same. */
function readHost(raw: RawRequest, sifted: Sifted): string {
  if (sifted.hosts > 1) throw badHost('there is more than one')
  if (raw.authority !== undefined) {
    if (sifted.host !== undefined && sifted.host !== raw.authority) throw badHost('":authority" and "Host" differ')
    return raw.authority
  }
  if (sifted.host === '') throw badHost('it is empty')
  if (sifted.host !== undefined) return sifted.host
  if (raw.httpVersion !== '1.0') throw badHost('there is none')
  return ''
}

function badHost(why: string): GatewayError {
  const detail = `The host of the request was refused: ${why}.`
  return new GatewayError('bad-host', 400, detail, { detail })
}

function requestId(trusted: boolean, given: string | undefined): string {
  return trusted && given !== undefined && isRequestId(given) ? given : makeRequestId()
}

function incoming(
  listener: CompiledListener,
  raw: RawRequest,
  target: Target,
  sifted: Sifted,
  authority: string,
  scheme: 'http' | 'https',
): IncomingRequest {
  return {
    listener: listener.name,
    httpVersion: raw.httpVersion,
    method: raw.method,
    target: raw.target,
    path: target.path,
    query: target.query,
    readings: target.readings,
    authority,
    host: authority === '' ? '' : parsedHost(authority).host,
    scheme,
    headers: raw.headers,
    cookie: sifted.cookie,
    body: raw.body,
    contentLength: raw.contentLength,
    upgrade: raw.upgrade,
  }
}

function parsedHost(text: string): Authority {
  const authority = parseAuthority(text)
  if (authority === undefined) throw badHost('it is no host name or address with an optional port')
  return authority
}

function readClient(raw: RawRequest, peer: string, trusted: boolean, forwarded: Forwarded | undefined): Client {
  const address = forwarded?.hops[0] ?? peer
  const port = forwarded === undefined || forwarded.hops.length === 1 ? raw.peerPort : undefined
  return { address, port, peer, trusted, certificate: raw.certificate }
}

/**
 * What the upstream may believe: the way from the client to us as we know it, and nothing that the client claims.
 *
 * Host and port are those that the client addressed: `X-Forwarded-Port` says what `Host` and `X-Forwarded-Host` say, so
 * that all three make the same URL. The socket's port would not: behind a mapping of 443 to 8443 links would lead to
 * 8443. No trust is added, since the upstream gets the same port from the same client in `Host`.
 */
function writeProxyHeaders(
  headers: HeaderList,
  request: IncomingRequest,
  client: Client,
  forwarded: Forwarded | undefined,
): void {
  const { authority, scheme } = request
  const host = forwarded?.host ?? authority
  const hops = forwarded === undefined || forwarded.hops.length === 1 ? undefined : forwarded.hops
  const hostPair = host === '' ? '' : `;host="${host}"`
  const others =
    hops === undefined
      ? ''
      : hops
          .slice(1)
          .map((hop) => `, for=${forwardedNode(hop)}`)
          .join('')
  headers[0] = 'Host'
  headers[1] = authority
  headers.push('X-Forwarded-For', hops === undefined ? client.address : hops.join(', '))
  headers.push('X-Forwarded-Proto', scheme)
  if (host !== '') headers.push('X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', forwarded?.port ?? portOf(host, scheme))
  headers.push('Forwarded', `for=${forwardedNode(client.address)}${hostPair};proto=${scheme}${others}`)
}

function portOf(host: string, scheme: 'http' | 'https'): string {
  const port = host === '' ? undefined : parseAuthority(host)?.port
  return port === undefined ? (scheme === 'https' ? '443' : '80') : String(port)
}
