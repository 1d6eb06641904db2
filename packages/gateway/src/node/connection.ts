import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { GatewayError } from '../errors.ts'
import type { RequestLine } from '../ports.ts'
import type { Http1Request } from './http1-request.ts'
import type { WaitingRequest } from './pipelining.ts'
import type { ServedExchange } from './served-exchange.ts'
import type { ConnectionProtocol, Generation, ServingLimits, ServingPorts } from './serving.ts'

/** A client's connection, as all exchanges on it see it. */
export interface Connection {
  readonly listener: string
  readonly socket: Socket
  readonly peer: string
  readonly peerPort: number | undefined
  readonly scheme: 'http' | 'https'
  /** The client's certificate in DER, when it is valid. */
  readonly certificate: Buffer | undefined
  /** Why the client's certificate is not valid; `undefined` when it is, and without one. */
  readonly certificateProblem: string | undefined
  readonly ports: ServingPorts
  readonly handler: Current
  /** Fields that headers or trailers may have. */
  readonly headerCount: number
  protocol: ConnectionProtocol
  /** Exchanges that are not done, those of reset HTTP/2 streams included. */
  inFlight: number
  /** The one that began last. */
  latest: ServedExchange | undefined
  /** Requests of HTTP/1 that came before the answer to the one in front of them. */
  readonly waiting: WaitingRequest[]
  /** A request that was answered before its body was in: the rest of it comes first. */
  unread: Http1Request | undefined
  /** No further request is taken: the connection ends with its last exchange. */
  closing: boolean
  /** The head of the last answer let the client send another request. */
  promisedMore: boolean
  /** A request on it was refused for what it is: whatever follows is not read as another one. */
  refused: boolean
  /** Why the gateway ended it at once; `undefined` when it did not. */
  cut: GatewayError | undefined
  /** What is said when the exchanges in flight are done, because what came behind them is no request. */
  lastWord: { readonly refusal: GatewayError; readonly line: RequestLine | undefined } | undefined
  /** Bytes that had been read when nothing was under way any more: more of them are the beginning of a request. */
  readWhenIdle: number
  /** Called when `inFlight` falls to 0. */
  idle: (connection: Connection) => void
}

/** A part of a request's head is there, over HTTP/1. */
export function hasBegun({ protocol, inFlight, socket, readWhenIdle }: Connection): boolean {
  return protocol !== 'h2' && inFlight === 0 && socket.bytesRead > readWhenIdle
}

/** What new exchanges of a handler's connections are served with. */
export interface Current {
  generation: Generation
}

/** What a listener's connections have in common. */
export interface ConnectionOptions {
  /** The listener's name. */
  readonly name: string
  readonly ports: ServingPorts
  readonly limits: ServingLimits['limits']
}

/** A connection over which nothing came yet. `idle` is called when its exchanges are done. */
export function newConnection(
  { name, ports, limits }: ConnectionOptions,
  handler: Connection['handler'],
  socket: Socket | TLSSocket,
  idle: Connection['idle'],
): Connection {
  const encrypted = 'encrypted' in socket
  const certificate = encrypted ? socket.getPeerX509Certificate()?.raw : undefined
  const refused = encrypted && certificate !== undefined && !socket.authorized
  return {
    listener: name,
    socket,
    peer: socket.remoteAddress ?? '',
    peerPort: socket.remotePort,
    scheme: encrypted ? 'https' : 'http',
    certificate: refused ? undefined : certificate,
    certificateProblem: refused ? String(socket.authorizationError) : undefined,
    ports,
    handler,
    headerCount: limits.headerCount,
    protocol: encrypted ? (socket.alpnProtocol === 'h2' ? 'h2' : 'https') : 'http',
    inFlight: 0,
    latest: undefined,
    waiting: [],
    unread: undefined,
    closing: false,
    promisedMore: false,
    refused: false,
    cut: undefined,
    lastWord: undefined,
    readWhenIdle: socket.bytesRead,
    idle,
  }
}

const connections = new WeakMap<object, Connection>()

/** The connection that `socket` was accepted as. */
export function connectionOf(socket: Socket): Connection {
  const connection = connections.get(socket)
  if (connection === undefined) throw new TypeError('The socket was not accepted by a connection handler')
  return connection
}

/** Remembers a connection by its socket and counts it until it closes. */
export function openConnection(connection: Connection, closed: () => void): void {
  connections.set(connection.socket, connection)
  connection.ports.connections(connection.protocol, 1)
  connection.socket.once('close', () => {
    connection.ports.connections(connection.protocol, -1)
    closed()
  })
}

/** From here on it counts as a WebSocket. */
export function becomeWebSocket(connection: Connection): void {
  connection.ports.connections(connection.protocol, -1)
  connection.protocol = 'websocket'
  connection.ports.connections('websocket', 1)
}
