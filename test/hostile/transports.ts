import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What HTTP/1.1 is spoken over. */
export type Transport = 'tcp' | 'tls'
export const transports: readonly Transport[] = ['tcp', 'tls']

/** The listeners of one gateway that speak HTTP/1.1, by what lies below. */
export type Ports = Readonly<Record<Transport, number>>

/** Opens a connection to 127.0.0.1; whatever is written before it is open waits. */
export function dial(transport: Transport, port: number, options: { allowHalfOpen?: boolean } = {}): Socket {
  const to = { port, host: '127.0.0.1', noDelay: true, ...options }
  if (transport === 'tcp') return connect(to)
  return connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
}
