import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../errors.ts'
import { onClientError } from './client-error.ts'
import { type Connection, connectionOf } from './connection.ts'
import { Http1Exchange, Http1Response } from './http1-exchange.ts'
import { Http1Request } from './http1-request.ts'
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

/** `undefined` behind a request that was refused for what it is: what follows is not read as another one. */
function begin(request: Http1Request, response: Http1Response, expectsContinue: boolean): Http1Exchange | undefined {
  const client = connectionOf(request.socket)
  return client.refused ? undefined : new Http1Exchange(client, request, response, expectsContinue)
}

function onRequest(request: Http1Request, response: Http1Response): void {
  const exchange = begin(request, response, false)
  if (request.httpVersionMajor === 1) void exchange?.serve()
  else exchange?.refuse(new GatewayError('bad-request', 400, `HTTP/${request.httpVersion} is not spoken here`))
}

function onContinue(request: Http1Request, response: Http1Response): void {
  void begin(request, response, true)?.serve()
}

function onExpectation(request: Http1Request, response: Http1Response): void {
  const refusal = new GatewayError('bad-request', 417, 'The only expectation that is understood is 100-continue')
  begin(request, response, false)?.refuse(refusal)
}

/** A connection was silent for its idle or keep-alive time. */
function onTimeout(socket: Socket): void {
  const client = connectionOf(socket)
  if (client.inFlight === 0 || socket.writableLength > 0) {
    socket.destroy()
    return
  }
  const latest = client.latest
  if (latest?.awaitsBody) {
    client.closing = true
    client.refused = true
    latest.giveUp(new GatewayError('request-timeout', 408, 'The body of the request stopped arriving'))
  } else {
    // the upstream takes its time, and has deadlines of its own
    socket.setTimeout((socket as Connection['socket'] & { server: Server }).server.timeout)
  }
}
