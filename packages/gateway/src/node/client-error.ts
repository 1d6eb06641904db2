import { METHODS } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../errors.ts'
import type { RequestLine } from '../ports.ts'
import { makeRequestId } from '../request-id.ts'
import { type Connection, connectionOf } from './connection.ts'
import { Http1Exchange } from './http1-exchange.ts'
import { dropUnfinished } from './pipelining.ts'
import { rawReply } from './write-reply.ts'

/** What Node's parser reports: a code of its own, and the bytes it was reading. */
interface ParserError extends Error {
  readonly code?: string
  readonly rawPacket?: Buffer
}

/** Answers what is no request: `clientError` of a `node:http` server. Only the connection it came on is concerned. */
export function onClientError(error: ParserError, socket: Socket): void {
  const client = connectionOf(socket)
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  if (client.refused) return
  // the parser may be well, as after a deadline, and goes on reading until the connection is gone
  client.refused = true
  const { latest } = client
  if (latest instanceof Http1Exchange && !latest.request.complete) breakOff(latest, error)
  // the request it belongs to has its answer
  else if (client.unread !== undefined) socket.destroy()
  else if (client.inFlight === 0) answerRaw(client, refusalOf(error, false), requestLine(error.rawPacket))
  else sayLast(client, error)
}

/** The body of a request that is under way goes wrong, or its client leaves in the middle. */
function breakOff(exchange: Http1Exchange, error: ParserError): void {
  const { client } = exchange
  client.closing = true
  if (isEnd(error)) client.socket.destroy()
  else exchange.giveUp(refusalOf(error, true))
}

/** What was asked before is answered first. */
function sayLast(client: Connection, error: ParserError): void {
  const inBody = dropUnfinished(client)
  if (inBody && isEnd(error)) {
    client.closing = true
    return
  }
  // the bytes that were being read may begin with one of the requests in front
  client.lastWord = { refusal: refusalOf(error, inBody), line: undefined }
}

/** The client ended its side in the middle of something. */
function isEnd({ code }: ParserError): boolean {
  return code === 'HPE_INVALID_EOF_STATE'
}

/**
 * Says what is wrong in an ordinary answer, then ends the connection. Where nobody can be told, it is reported without
 * a status.
 */
export function answerRaw(client: Connection, refusal: GatewayError, line?: RequestLine): void {
  const requestId = makeRequestId()
  const reply = client.ports.toReply(refusal, { id: requestId, method: 'GET', headers: [] })
  const bytes = rawReply(reply)
  const { listener, peer, peerPort } = client
  const { code, message: detail } = refusal
  const { writable } = client.socket
  const status = writable ? reply.status : 0
  const responseBytes = writable ? bytes.length : 0
  client.ports.observer.requestRejected({
    listener,
    peer,
    peerPort,
    status,
    code,
    detail,
    requestId,
    responseBytes,
    line,
  })
  if (writable) client.socket.end(bytes)
  setTimeout(() => client.socket.destroy(), 1_000).unref()
}

/** Names what Node's parser found. */
function refusalOf(error: ParserError, inBody: boolean): GatewayError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return overflow(error.rawPacket)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('request-timeout', 408, 'The request took too long to arrive')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new GatewayError('bad-framing', 413, 'The chunk extensions of the body are too long')
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
    case 'HPE_INVALID_TRANSFER_ENCODING':
      return unframed(error)
    default:
      return inBody
        ? unframed(error)
        : new GatewayError('bad-request', 400, `It is not HTTP: ${error.message}`, { cause: error })
  }
}

function unframed(cause: Error): GatewayError {
  return new GatewayError('bad-framing', 400, 'The request does not say clearly where it ends', { cause })
}

/** Enough for a target and the line around it. */
const longestLine = 70_000

/** The first line of a request, where the bytes that the parser was reading begin with one. */
function requestLine(packet: Buffer | undefined): RequestLine | undefined {
  if (packet === undefined) return undefined
  const [, method = '', target = ''] =
    /^([A-Z-]+) (\/\S*|\S+(?= HTTP\/1\.[01]\r?\n))/.exec(packet.toString('latin1', 0, longestLine)) ?? []
  return METHODS.includes(method) ? { method, target } : undefined
}

/**
 * The parser counts the request line and the headers together; without a line's end it is the target that is too long.
 */
function overflow(packet: Buffer | undefined): GatewayError {
  if (packet !== undefined && !packet.includes(10) && /^[A-Z]+ \S+$/.test(packet.toString('latin1', 0, 256))) {
    return new GatewayError('target-too-long', 414, 'The request target is longer than this listener takes')
  }
  return new GatewayError('headers-too-large', 431, 'The headers are larger than this listener takes')
}
