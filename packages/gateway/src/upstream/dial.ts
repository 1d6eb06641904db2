import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { GatewayError } from '../errors.ts'
import { Connection, type ConnectionSettings } from './connection.ts'
import type { Target } from './target.ts'

export interface DialUser {
  connected(connection: Connection): void
  /** Nothing of any request was sent. */
  unreachable(error: GatewayError): void
}

/**
 * All plain connections read into this one buffer: a read is handed on and finished with before the next one begins, so
 * none needs memory of its own. What outlives it is copied (`volatile`).
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/**
 * Opens a connection, over TLS when `tls` is given; the handshake is part of the connect timeout.
 *
 * @param upgrade the socket will be handed on, and must work as a stream
 * @returns gives up, and tells nobody
 */
export function dial(
  target: Target,
  tls: ConnectionOptions | undefined,
  upgrade: boolean,
  settings: ConnectionSettings,
  user: DialUser,
): () => void {
  const { ticker, timeouts, failures } = settings
  const volatile = !tls && !upgrade
  let connection: Connection | undefined
  const receive = (piece: Buffer) => connection?.receive(piece)
  const socket = open(target, tls, volatile, receive)
  const since = ticker.now
  const watched = {
    check: () => {
      if (ticker.passed(since, timeouts.connect))
        settle(() => user.unreachable(failures.connectTimeout(timeouts.connect)))
    },
  }
  const settle = (tell: () => void) => {
    stop()
    socket.destroy()
    tell()
  }
  const failed = (error: Error) => settle(() => user.unreachable(failures.connect(error)))
  const ended = () => failed(new Error('closed'))
  const opened = () => {
    stop()
    connection = new Connection(socket, volatile, settings)
    if (!volatile) socket.on('data', receive)
    user.connected(connection)
  }
  const event = tls ? 'secureConnect' : 'connect'
  const stop = () => {
    ticker.remove(watched)
    socket.off(event, opened).off('error', failed).off('close', ended)
    // A connection has its own; a socket that is given up may still fail.
    socket.on('error', ignore)
  }
  ticker.add(watched)
  socket.on(event, opened).on('error', failed).on('close', ended)
  return () => settle(ignore)
}

function open(
  { host, port }: Target,
  tls: ConnectionOptions | undefined,
  volatile: boolean,
  receive: (piece: Buffer) => void,
): Socket {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
  if (tls) return connectTls({ ...options, ...tls })
  if (!volatile) return connect(options)
  const callback = (length: number) => {
    receive(length === readBuffer.length ? readBuffer : readBuffer.subarray(0, length))
    return true
  }
  return connect({ ...options, onread: { buffer: readBuffer, callback } })
}

const ignore = () => {}
