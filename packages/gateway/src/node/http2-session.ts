import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { GatewayError } from '../errors.ts'
import type { HeaderList } from '../headers.ts'
import type { Connection } from './connection.ts'
import { brokenHttp2, tooManyResets, tooManyStreams } from './cutting.ts'
import { isContinue, unknownExpectation } from './expectation.ts'
import { Http2Exchange, type Http2Head } from './http2-exchange.ts'
import type { ServingLimits } from './serving.ts'

/** Exchanges in flight on one connection. Streams that were reset count until their handler is done. */
const maxInFlight = 100
/** Streams above that which a connection may try before it is closed. */
const maxRefused = 200
/** Streams that a client may reset between two looks, which is about a second, before its connection is closed. */
const maxResets = 200
const endOfStream = 1

/** A connection that speaks HTTP/2. */
export interface Http2Session {
  /** Says which stream is the last that is served: what came after it may be sent again elsewhere (GOAWAY). */
  announceEnd(): void
  /** Takes no new streams; the connection ends with the last one (GOAWAY). */
  close(): void
  /** Ends what has been silent for too long. Called about once a second. */
  checkIdle(now: number): void
}

/**
 * Speaks HTTP/2 over a socket whose handshake chose `h2`.
 *
 * nghttp2 resets streams whose head is malformed, with one exception that is Node's: a field whose name or value holds
 * what may not stand there (RFC 9113, section 8.2.1) is dropped where nobody can see it, and the stream goes on. Such a
 * field is in no list of headers, so it frames, routes, proves and forwards nothing: to the gateway and the upstream
 * the request is one without it.
 */
export function openHttp2Session(
  client: Connection,
  socket: TLSSocket,
  { limits, timeouts }: ServingLimits,
): Http2Session {
  const session = performServerHandshake(socket, {
    settings: { maxConcurrentStreams: maxInFlight, maxHeaderListSize: limits.headerBytes, enablePush: false },
    maxHeaderListPairs: limits.headerCount * 2 + 4,
    strictSingleValueFields: false,
  } as never)
  const exchanges = new Set<Http2Exchange>()
  let refused = 0
  let resets = 0
  let over = false
  let idleSince = performance.now()
  let patience = timeouts.headers
  session.on('error', () => session.destroy())
  blameClient(client, session)
  // nghttp2 does not look at it, and a client that has closed its side gets no answer any more
  socket.once('end', () => {
    cut(session, constants.NGHTTP2_CANCEL)
    // Node leaves it open where the session had not begun
    socket.destroy()
  })
  // where it was closed before HTTP/2 began, Node has taken note of it and tells whoever reads
  socket.read(0)
  function calm(why: GatewayError): void {
    client.cut ??= why
    cut(session, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
  session.on('stream', (stream, _headers, flags, rawHeaders) => {
    patience = timeouts.keepAlive
    if (client.inFlight >= maxInFlight) {
      stream.on('error', ignore)
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
      if (++refused > maxRefused) calm(tooManyStreams())
      return
    }
    const exchange = serveStream(client, stream, flags, rawHeaders)
    exchanges.add(exchange)
    stream.once('close', () => {
      exchanges.delete(exchange)
      idleSince = performance.now()
      if (exchange.wasReset && ++resets > maxResets && !session.destroyed) calm(tooManyResets())
    })
  })
  return {
    announceEnd() {
      if (!session.closed && !session.destroyed) session.goaway()
    },
    close: () => closeSession(session),
    checkIdle(now) {
      resets = 0
      if (session.destroyed) {
        // Node waits for its last frames to be written before it lets go of the socket, and so for ever where the client
        // takes nothing, or is gone
        if (over) socket.destroy()
        over = true
        return
      }
      for (const exchange of exchanges) exchange.checkIdle(now, timeouts.idle)
      if (exchanges.size > 0 || now - idleSince <= patience) return
      // said once, then meant: a client that does not close is closed
      if (session.closed) session.destroy()
      else closeSession(session)
    },
  }
}

function closeSession(session: ServerHttp2Session): void {
  if (!session.closed && !session.destroyed) session.close()
}

/** What nghttp2 finds wrong with a frame ends the connection; Node would tell the client of an error of our own. */
function blameClient(client: Connection, session: ServerHttp2Session): void {
  const { destroy } = session
  session.destroy = (error?: NodeJS.ErrnoException, code?: number) => {
    const found = code === undefined && error?.errno !== undefined && error.code?.startsWith('ERR_HTTP2_') === true
    if (found) client.cut ??= brokenHttp2(error.message)
    destroy.call(session, error, found ? constants.NGHTTP2_PROTOCOL_ERROR : code)
  }
}

/** Without an error Node takes the code for "no error", and streams that are cut off look whole. */
function cut(session: ServerHttp2Session, code: number): void {
  session.destroy(new Error('The connection was cut'), code)
}

function ignore(): void {}

function serveStream(client: Connection, stream: ServerHttp2Stream, flags: number, raw: HeaderList): Http2Exchange {
  const head = readHead(raw)
  const exchange = new Http2Exchange(client, stream, head, (flags & endOfStream) === 0)
  const refusal = refusalOf(head)
  if (refusal !== undefined) exchange.refuse(refusal)
  else if (head.contentLength === 0 && exchange.body !== undefined) exchange.serveWhenEmpty()
  else exchange.serveSoon()
  return exchange
}

function refusalOf({ method, expect }: Http2Head): GatewayError | undefined {
  if (method === 'CONNECT') return new GatewayError('bad-target', 400, 'CONNECT is for forward proxies')
  return expect === undefined || isContinue(expect) ? undefined : unknownExpectation()
}

function readHead(raw: HeaderList): Http2Head {
  const headers: HeaderList = []
  let method = ''
  let target = ''
  let authority: string | undefined
  let contentLength: number | undefined
  let expect: string | undefined
  let cookieAt = -1
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    switch (name) {
      case ':method':
        method = value
        continue
      case ':path':
        target = value
        continue
      case ':authority':
        authority = value
        continue
      case ':scheme':
        continue
      case 'cookie':
        if (cookieAt >= 0) {
          headers[cookieAt] += `; ${value}`
          continue
        }
        cookieAt = headers.length + 1
        break
      case 'content-length':
        contentLength = Number(value)
        break
      case 'expect':
        expect = expect === undefined ? value : `${expect}, ${value}`
    }
    headers.push(name, value)
  }
  return { method, target, authority, headers, contentLength, expect }
}
