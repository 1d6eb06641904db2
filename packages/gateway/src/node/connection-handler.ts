import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { answerRaw } from './client-error.ts'
import { type Connection, openConnection } from './connection.ts'
import { createHttp1Server } from './http1-server.ts'
import { type Http2Session, openHttp2Session } from './http2-session.ts'
import type { Generation, ServingLimits, ServingPorts } from './serving.ts'

export interface ConnectionHandlerOptions extends ServingLimits {
  /** The listener's name. */
  readonly name: string
  readonly ports: ServingPorts
  readonly generation: Generation
  /** Milliseconds that `drain` leaves a silent connection open. @defaultValue 1,000 */
  readonly linger?: number
}

/** Speaks HTTP over sockets that somebody else accepted. */
export interface ConnectionHandler {
  /** Takes over a connected socket; of TLS, one whose handshake is done. */
  accept(socket: Socket | TLSSocket): void
  /** What new exchanges are served with, on open connections too. */
  generation: Generation
  /**
   * Ends each connection with its next answer, and silent ones after `linger`: a request that is on the wire when the
   * draining begins is answered, and told to close, instead of meeting a closed door. Open WebSockets stay. A connection
   * that is still handed over gets one answer.
   */
  drain(): void
  /** Resolves when no request is under way, nor can still come over a connection that lingers; open WebSockets aside. */
  quiet(): Promise<void>
  /** Resolves when no connection is open. Call it when no more are handed over. */
  closed(): Promise<void>
  /** Ends all connections at once. */
  destroy(): void
  readonly openConnections: number
}

/** A request may have been sent that long ago over a connection that looks idle: a round trip around the world, twice. */
const usualLinger = 1_000

/** Milliseconds between two looks at HTTP/2 connections. */
const checkingInterval = 1_000

/** Makes a handler for the connections of one listener. */
export function createConnectionHandler(options: ConnectionHandlerOptions): ConnectionHandler {
  const http1 = createHttp1Server(options)
  const open = new Set<Connection>()
  const sessions = new Map<Connection, Http2Session>()
  const checking = setInterval(checkSessions, checkingInterval).unref()
  const current = { generation: options.generation }
  let draining = false
  let lingering: NodeJS.Timeout | undefined
  const quiet = createWaiting(isQuiet)
  const closed = createWaiting(() => open.size === 0)

  function accept(socket: Socket | TLSSocket): void {
    const connection = newConnection(options, current, socket, idle)
    connection.closing = draining
    open.add(connection)
    openConnection(connection, () => {
      open.delete(connection)
      sessions.delete(connection)
      quiet.look()
      closed.look()
    })
    if (connection.protocol === 'h2')
      sessions.set(connection, openHttp2Session(connection, socket as TLSSocket, options))
    else http1.emit('connection', socket)
    if (draining && connection.protocol === 'h2') end(connection)
  }

  /** A connection of HTTP/1 that has nothing under way, or one of HTTP/2 with whatever it has. */
  function end(connection: Connection): void {
    const session = sessions.get(connection)
    if (session === undefined) connection.socket.destroySoon()
    else session.close()
  }

  function checkSessions(): void {
    const now = performance.now()
    for (const session of sessions.values()) session.checkIdle(now)
  }

  function idle(connection: Connection): void {
    if (connection.lastWord !== undefined) answerRaw(connection, connection.lastWord)
    else if (connection.closing) end(connection)
    quiet.look()
  }

  function isQuiet(): boolean {
    for (const { inFlight, protocol } of open) {
      if (protocol !== 'websocket' && (inFlight > 0 || lingering !== undefined)) return false
    }
    return true
  }

  function endSilent(): void {
    lingering = undefined
    for (const connection of open) if (connection.inFlight === 0) end(connection)
    quiet.look()
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
      draining = true
      for (const connection of open) {
        connection.closing = true
        if (connection.protocol === 'h2') end(connection)
      }
      lingering ??= setTimeout(endSilent, options.linger ?? usualLinger)
    },
    quiet: quiet.wait,
    closed: closed.wait,
    destroy() {
      for (const { socket } of open) socket.destroy()
      http1.close()
      clearTimeout(lingering)
      clearInterval(checking)
    },
    get openConnections() {
      return open.size
    },
  }
}

function newConnection(
  { name, ports }: ConnectionHandlerOptions,
  handler: Connection['handler'],
  socket: Socket | TLSSocket,
  idle: Connection['idle'],
): Connection {
  const encrypted = 'encrypted' in socket
  return {
    listener: name,
    socket,
    peer: socket.remoteAddress ?? '',
    peerPort: socket.remotePort,
    scheme: encrypted ? 'https' : 'http',
    certificate: encrypted && socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined,
    ports,
    handler,
    protocol: encrypted ? (socket.alpnProtocol === 'h2' ? 'h2' : 'https') : 'http',
    inFlight: 0,
    latest: undefined,
    closing: false,
    refused: false,
    lastWord: undefined,
    idle,
  }
}

/** Lets callers wait until a condition holds; `look` is called whenever it may have come true. */
function createWaiting(holds: () => boolean): { wait(): Promise<void>; look(): void } {
  let waiting: (() => void)[] = []
  return {
    wait: () => (holds() ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    look() {
      if (waiting.length === 0 || !holds()) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
  }
}
