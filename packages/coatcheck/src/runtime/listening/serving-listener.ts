import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { type ConnectionHandler, createConnectionHandler, type Generation, type ServingPorts } from '@coatcheck/gateway'
import type { Listener } from '@coatcheck/model'
import type { Certificates } from './certificates.ts'

/** What stands behind an open address: TLS where configured, then HTTP. */
export interface ServingListener {
  readonly spec: Listener
  readonly handler: ConnectionHandler
  accept(socket: Socket): void
  /** For handshakes from now on; connections that are open keep theirs. */
  useCertificates(certificates: Certificates): void
}

/** Makes it; nothing is open yet. */
export function createServingListener(
  spec: Listener,
  generation: Generation,
  ports: ServingPorts,
  certificates: Certificates | undefined,
): ServingListener {
  const handler = createConnectionHandler({ ...spec, generation, ports })
  if (certificates === undefined) {
    return { spec, handler, accept: handler.accept, useCertificates() {} }
  }
  let current = certificates
  const tls = createTlsServer(spec, () => current)
  tls.setSecureContext(certificates.first)
  tls.on('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true
    handler.accept(socket)
    handler.countHandshake(-1)
  })
  // Node says it once of each handshake that does not end well; it is the client's to know why
  tls.on('tlsClientError', (_error, socket) => {
    socket.destroy()
    handler.countHandshake(-1)
  })
  return {
    spec,
    handler,
    accept(socket) {
      handler.countHandshake(1)
      // a client that ends in the middle of its handshake is gone
      socket.allowHalfOpen = false
      tls.emit('connection', socket)
    },
    useCertificates(fresh) {
      current = fresh
      tls.setSecureContext(fresh.first)
    },
  }
}

/**
 * A TLS server that listens nowhere. Client certificates are asked for by the listener's settings alone, whatever
 * server the client names: no name leads around them.
 */
function createTlsServer({ tls, http2, timeouts }: Listener, current: () => Certificates): Server {
  const clients = tls?.clientCertificates
  return createServer({
    allowHalfOpen: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    handshakeTimeout: timeouts.headers,
    requestCert: clients !== undefined,
    rejectUnauthorized: clients?.mode === 'require',
    SNICallback(name, chosen) {
      try {
        chosen(null, current().choose(name))
      } catch (error) {
        chosen(error as Error)
      }
    },
  })
}
