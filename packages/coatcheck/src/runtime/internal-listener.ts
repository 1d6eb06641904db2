import { createServer, type Server } from 'node:http'
import type { InternalListener } from '@coatcheck/model'
import type { RequestListener } from '../observability/internal-handler.ts'
import { type ListeningSocket, openListeningSocket } from './listening/listening-socket.ts'

/** The listener for health and metrics, over reloads. */
export interface Internal {
  /**
   * Opens the address when it is a new one.
   *
   * @throws ProgramError `address-in-use`, `address-unusable`
   */
  prepare(spec: InternalListener | undefined): Promise<{ commit(): void; undo(): void }>
  /** `127.0.0.1:9090`; `undefined` when it is off. */
  readonly address: string | undefined
  close(): void
}

/** Answers are small and asked for by machines: what takes longer than this, in milliseconds, is cut off. */
const patience = 10_000

export function createInternalListener(handler: RequestListener): Internal {
  const server = createServer({
    headersTimeout: patience,
    requestTimeout: patience,
    connectionsCheckingInterval: 1_000,
  })
  server.on('request', handler)
  // starts the check for late requests, which Node otherwise does when a server listens
  server.emit('listening')
  const open = new Set<{ destroy(): void }>()
  let running: { readonly key: string; readonly socket: ListeningSocket } | undefined

  return {
    async prepare(spec) {
      const key = JSON.stringify(spec?.address)
      if (running?.key === key) return { commit() {}, undo() {} }
      const socket = spec && (await openListeningSocket('internal', spec.address))
      return {
        commit() {
          void running?.socket.close()
          running = socket && { key, socket }
          socket?.serve((connection) => accept(server, open, connection))
        },
        undo: () => socket?.close(),
      }
    },
    get address() {
      return running?.socket.address
    },
    close() {
      void running?.socket.close()
      running = undefined
      for (const connection of open) connection.destroy()
      server.close()
    },
  }
}

function accept(server: Server, open: Set<{ destroy(): void }>, connection: import('node:net').Socket): void {
  open.add(connection)
  connection.once('close', () => open.delete(connection))
  server.emit('connection', connection)
}
