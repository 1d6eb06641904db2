import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Connection, openConnection } from './connection.ts'
import { createHttp1Server } from './http1-server.ts'
import type { Generation, ServingLimits, ServingPorts } from './serving.ts'

export interface ConnectionHandlerOptions extends ServingLimits {
  /** The listener's name. */
  readonly name: string
  readonly ports: ServingPorts
  readonly generation: Generation
}

/** Speaks HTTP over sockets that somebody else accepted. */
export interface ConnectionHandler {
  /** Takes over a connected socket; of TLS, one whose handshake is done. */
  accept(socket: Socket | TLSSocket): void
  /** What new exchanges are served with, on open connections too. */
  generation: Generation
  /** Ends idle connections now, the others with the answers that are under way. New ones are still accepted. */
  drain(): void
  /** Ends all connections at once. */
  destroy(): void
  /** Exchanges that are not done; an open WebSocket is one. */
  readonly inFlight: number
  readonly open: number
}

/** Makes a handler for the connections of one listener. */
export function createConnectionHandler(options: ConnectionHandlerOptions): ConnectionHandler {
  const http1 = createHttp1Server(options)
  const open = new Set<Connection>()
  const current = { generation: options.generation }

  function accept(socket: Socket | TLSSocket): void {
    const encrypted = 'encrypted' in socket
    const connection = newConnection(options, current, socket, encrypted)
    open.add(connection)
    openConnection(connection, () => open.delete(connection))
    http1.emit('connection', socket)
  }

  return {
    accept,
    get generation() {
      return current.generation
    },
    set generation(generation) {
      current.generation = generation
    },
    drain() {
      for (const connection of open) finish(connection)
    },
    destroy() {
      for (const connection of open) connection.socket.destroy()
      http1.close()
    },
    get inFlight() {
      let sum = 0
      for (const connection of open) sum += connection.inFlight
      return sum
    },
    get open() {
      return open.size
    },
  }
}

function newConnection(
  { name, ports }: ConnectionHandlerOptions,
  handler: Connection['handler'],
  socket: Socket | TLSSocket,
  encrypted: boolean,
): Connection {
  return {
    listener: name,
    socket,
    peer: socket.remoteAddress ?? '',
    peerPort: socket.remotePort,
    scheme: encrypted ? 'https' : 'http',
    certificate: 'authorized' in socket && socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined,
    ports,
    handler,
    protocol: encrypted ? 'https' : 'http',
    inFlight: 0,
    latest: undefined,
    closing: false,
    broken: false,
    onIdle: undefined,
  }
}

/** An idle connection ends at once; of others the answers under way say that they are the last. */
function finish(connection: Connection): void {
  connection.closing = true
  if (connection.inFlight === 0) connection.socket.destroySoon()
  else connection.onIdle = () => connection.socket.destroySoon()
}
