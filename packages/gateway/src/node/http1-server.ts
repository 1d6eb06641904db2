import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../errors.ts'
import { onClientError } from './client-error.ts'
import { type Connection, connectionOf, hasBegun } from './connection.ts'
import { clientStalled, cutOff } from './cutting.ts'
import { isContinue, unknownExpectation } from './expectation.ts'
import { Http1Exchange, Http1Response } from './http1-exchange.ts'
import { Http1Request } from './http1-request.ts'
import { type Serve, waitForTurn } from './pipelining.ts'
import { tooManyTrailers } from './served-exchange.ts'
import type { ServingLimits } from './serving.ts'
import { asksForWebSocket, onConnect, onUpgrade } from './upgrade-listener.ts'

/** Milliseconds between two looks at connections whose headers are late. */
const checkingInterval = 1_000

/**
 * An HTTP/1 server that listens nowhere: it is given connected sockets by `emit('connection', socket)`.
 *
 * Node's parser in its strict mode; `maxHeadersCount = 0` because headers above that count would vanish and still
 * frame the body, and the count is checked with everything else of a request.
 */
export function createHttp1Server({ limits, timeouts }: ServingLimits): Server {
  const server = createServer({
    IncomingMessage: Http1Request as never,
    ServerResponse: Http1Response as never,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: timeouts.headers,
    requestTimeout: 0,
    keepAliveTimeout: timeouts.keepAlive,
    keepAliveTimeoutBuffer: 0,
    connectionsCheckingInterval: checkingInterval,
    requireHostHeader: false,
    insecureHTTPParser: false,
    shouldUpgradeCallback: asksForWebSocket as never,
  })
  server.maxHeadersCount = 0
  server.timeout = timeouts.idle
  server.on('request', onRequest as never)
  server.on('checkContinue', onContinue as never)
  server.on('checkExpectation', onExpectation as never)
  server.on('upgrade', onUpgrade as never)
  server.on('connect', onConnect as never)
  server.on('clientError', onClientError as never)
  server.on('timeout', onTimeout)
  // starts the checks for late headers, which Node otherwise does when a server listens
  server.emit('listening')
  return server
}

/** Node keeps its parsers in a list that has no public name. */
interface Parsers {
  /** Those in the middle of a message, and those of connections over which none came yet. */
  active(): { readonly socket: Socket }[]
}

/**
 * Sockets over which a part of a request is there, also when it came in one packet with the request in front of it;
 * among them are those over which nothing came yet.
 */
export function socketsInRequest(server: Server): Set<Socket> {
  const name = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'http.server.connections')
  const parsers = name && (server as unknown as Record<symbol, Parsers>)[name]
  return new Set(parsers?.active().map(({ socket }) => socket))
}

/** One at a time, in their order. Behind a request that was refused for what it is nothing is read as another one. */
function take(request: Http1Request, response: Http1Response, serve: Serve): void {
  const client = connectionOf(request.socket)
  if (client.refused) return
  if (client.inFlight === 0) serve(client, request, response)
  else waitForTurn(client, request, response, serve)
}

function onRequest(request: Http1Request, response: Http1Response): void {
  take(request, response, serve)
}

function onContinue(request: Http1Request, response: Http1Response): void {
  // Node looks for the word alone, whatever stands beside it
  take(request, response, isContinue(request.headers.expect ?? '') ? serveContinue : refuseExpectation)
}

function onExpectation(request: Http1Request, response: Http1Response): void {
  take(request, response, refuseExpectation)
}

const serve: Serve = (client, request, response) => {
  const exchange = new Http1Exchange(client, request, response, false)
  if (request.httpVersionMajor === 1) start(exchange)
  else exchange.refuse(new GatewayError('bad-request', 400, `HTTP/${request.httpVersion} is not spoken here`))
}

const serveContinue: Serve = (client, request, response) => {
  start(new Http1Exchange(client, request, response, true))
}

function start(exchange: Http1Exchange): void {
  const { client, request } = exchange
  // it waited, and came whole meanwhile
  if (request.rawTrailers.length > client.headerCount * 2) exchange.refuse(tooManyTrailers(client.headerCount))
  else void exchange.serve()
}

const refuseExpectation: Serve = (client, request, response) => {
  new Http1Exchange(client, request, response, false).refuse(unknownExpectation())
}

/** A connection was silent for its idle or keep-alive time. */
function onTimeout(socket: Socket): void {
  const client = connectionOf(socket)
  const { latest } = client
  if (awaitsHead(client)) {
    leaveToHeadersTimeout(client)
    waitOn(socket)
  } else if (client.inFlight === 0) {
    socket.destroy()
  } else if (socket.writableLength > 0) {
    cutOff(client, clientStalled())
  } else if (latest?.awaitsBody) {
    client.closing = true
    client.refused = true
    latest.giveUp(new GatewayError('request-timeout', 408, 'The body of the request stopped arriving'))
  } else {
    // the upstream takes its time, and has deadlines of its own
    waitOn(socket)
  }
}

function waitOn(socket: Socket): void {
  socket.setTimeout(serverOf(socket).timeout)
}

/** Before the first request, and while a part of a later head is there. */
function awaitsHead(client: Connection): boolean {
  const { inFlight, unread, refused, promisedMore, protocol, socket } = client
  if (inFlight > 0 || unread !== undefined || refused || protocol === 'websocket' || socket.writableEnded) return false
  return !promisedMore || hasBegun(client)
}

/** Node has no deadline for the empty lines that may stand before a head (RFC 9112, section 2.2). */
function leaveToHeadersTimeout(client: Connection): void {
  const { socket } = client
  const { bytesRead } = socket
  setTimeout(
    () => {
      if (client.inFlight === 0 && socket.bytesRead === bytesRead) socket.destroy()
    },
    serverOf(socket).headersTimeout + 2 * checkingInterval,
  ).unref()
}

function serverOf(socket: Socket): Server {
  return (socket as Socket & { readonly server: Server }).server
}
