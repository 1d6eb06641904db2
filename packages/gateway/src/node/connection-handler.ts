import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { foregroundTimer, type Schedule } from '@coatcheck/session'
import { answerRaw } from './client-error.ts'
import { type Connection, newConnection, openConnection } from './connection.ts'
import { cutOff, stopping } from './cutting.ts'
import { createHttp1Server } from './http1-server.ts'
import { type Http2Session, openHttp2Session } from './http2-session.ts'
import { createLingering } from './lingering.ts'
import { nextTurn } from './pipelining.ts'
import type { Generation, ServingLimits, ServingPorts } from './serving.ts'
import { createWaiting } from './waiting.ts'

export interface ConnectionHandlerOptions extends ServingLimits {
  /** The listener's name. */
  readonly name: string
  readonly ports: ServingPorts
  readonly generation: Generation
  /** @defaultValue the process's timers */
  readonly schedule?: Schedule
}

/** Speaks HTTP over sockets that somebody else accepted. */
export interface ConnectionHandler {
  /** Takes over a connected socket; of TLS, one whose handshake is done. */
  accept(socket: Socket | TLSSocket): void
  /** What new exchanges are served with, on open connections too. */
  generation: Generation
  /**
   * A TLS handshake began (1), or ended (-1): well, and then after `accept`, or not. Connections on their way count as
   * under way; the listener bounds the time of a handshake.
   */
  countHandshake(change: 1 | -1): void
  /**
   * Ends each connection with its next answer, and silent ones after a second: a request that is on the wire when the
   * draining begins is answered, and told to close, instead of meeting a closed door; one whose head has begun to
   * arrive has the time that heads have. Over HTTP/2 the client is told at once what is the last request that it gets
   * an answer to (RFC 9113, section 6.8). Open WebSockets stay. A connection that is still handed over has the same
   * time for one request.
   */
  drain(): void
  /** As `drain`, but nothing is in a hurry: silent connections have their usual time, as if nothing had changed. */
  retire(): void
  /**
   * Resolves when no request is under way, nor can still come over a connection that lingers or shakes hands; open
   * WebSockets aside.
   */
  quiet(): Promise<void>
  /** Resolves when no connection is open or shakes hands. Call it when no more are handed over. */
  closed(): Promise<void>
  /** Ends all connections at once. */
  destroy(): void
  readonly openConnections: number
}

/** Milliseconds between two looks at HTTP/2 connections. */
const checkingInterval = 1_000

/** Makes a handler for the connections of one listener. */
export function createConnectionHandler(options: ConnectionHandlerOptions): ConnectionHandler {
  const { schedule = foregroundTimer } = options
  const http1 = createHttp1Server(options)
  const open = new Set<Connection>()
  const sessions = new Map<Connection, Http2Session>()
  const checking = setInterval(checkSessions, checkingInterval).unref()
  const current = { generation: options.generation }
  const lingering = createLingering({ schedule, http1, silent: endSilent })
  let handshakes = 0
  let closing = false
  let draining = false
  const quiet = createWaiting(isQuiet)
  const closed = createWaiting(() => open.size === 0 && handshakes === 0)

  function accept(socket: Socket | TLSSocket): void {
    // reset while it was on its way here: its end was told already
    if (socket.destroyed) return
    const connection = newConnection(options, current, socket, idle)
    connection.closing = closing
    open.add(connection)
    openConnection(connection, () => {
      open.delete(connection)
      sessions.delete(connection)
      lingering.delete(connection)
      quiet.look()
      closed.look()
    })
    if (connection.protocol === 'h2')
      sessions.set(connection, openHttp2Session(connection, socket as TLSSocket, options))
    else http1.emit('connection', socket)
    if (draining) lingering.add([connection])
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
    if (nextTurn(connection)) return
    connection.readWhenIdle = connection.socket.bytesRead
    if (connection.lastWord !== undefined) answerRaw(connection, connection.lastWord.refusal, connection.lastWord.line)
    else if (connection.closing) endOrLinger(connection)
    quiet.look()
  }

  /** Where the head of the answer was out before the end was decided, the client is told with its next one. */
  function endOrLinger(connection: Connection): void {
    const { promisedMore, refused, socket } = connection
    if (!closing || !promisedMore || refused || socket.readableEnded) end(connection)
    else if (draining && !lingering.has(connection)) lingering.add([connection])
  }

  function endSilent(connections: readonly Connection[]): void {
    for (const connection of connections) if (connection.inFlight === 0) end(connection)
    quiet.look()
  }

  function isQuiet(): boolean {
    if (handshakes > 0) return false
    for (const connection of open) {
      if (connection.protocol !== 'websocket' && (connection.inFlight > 0 || lingering.has(connection))) return false
    }
    return true
  }

  function announceEnd(): void {
    closing = true
    for (const connection of open) {
      connection.closing = true
      sessions.get(connection)?.announceEnd()
    }
  }

  return {
    accept,
    get generation() {
      return current.generation
    },
    set generation(generation) {
      current.generation = generation
    },
    countHandshake(change) {
      handshakes += change
      quiet.look()
      closed.look()
    },
    drain() {
      if (draining) return
      draining = true
      announceEnd()
      if (open.size > 0) lingering.add(open)
    },
    retire: announceEnd,
    quiet: quiet.wait,
    closed: closed.wait,
    destroy() {
      for (const connection of open) cutOff(connection, stopping())
      http1.close()
      lingering.stop()
      clearInterval(checking)
    },
    get openConnections() {
      return open.size
    },
  }
}
