import { createServer, type Server, type Socket } from 'node:net'
import type { SocketAddress } from '@coatcheck/model'
import { ProgramError, systemCode } from '../errors.ts'

/** An open address. Who gets its connections may change while it stays open, so that a reload refuses nobody. */
export interface ListeningSocket {
  /** `127.0.0.1:8080`, `[::1]:8080`; the port that the system chose, when it was asked to. */
  readonly address: string
  /** Gets each connection from now on, those that waited first. Until it is called they wait. */
  serve(accept: (socket: Socket) => void): void
  /**
   * Stops accepting; connections go on. What the system had accepted for us by then is taken first, since closing would
   * reset it. Those that nobody serves are closed.
   * Resolves when no more connections come.
   */
  close(): Promise<void>
}

/**
 * Opens an address. `failed` is told of connections that could not be accepted: too many files open, mostly.
 *
 * @throws ProgramError `address-in-use`, `address-unusable`
 */
export async function openListeningSocket(
  listener: string,
  address: SocketAddress,
  failed: (error: Error) => void = ignore,
): Promise<ListeningSocket> {
  let accept: ((socket: Socket) => void) | undefined
  let waiting: Socket[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (accept !== undefined) accept(socket)
    else waiting.push(socket.on('error', ignore))
  })
  await listen(server, listener, address)
  server.on('error', failed)
  return {
    address: printed(server),
    serve(by) {
      accept = by
      for (const socket of waiting) by(socket.off('error', ignore))
      waiting = []
    },
    async close() {
      await turn()
      await turn()
      server.close()
      for (const socket of waiting) socket.destroy()
      waiting = []
    },
  }
}

/** One turn of the event loop: it takes all connections that wait in the system's queue. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function ignore(): void {}

async function listen(server: Server, listener: string, { host, port }: SocketAddress): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(host === undefined ? { port } : { host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw unusable(listener, `${host?.includes(':') ? `[${host}]` : (host ?? '')}:${port}`, cause)
  }
}

function unusable(listener: string, address: string, cause: unknown): ProgramError {
  const consequence = `The listener "${listener}" would not be reachable.`
  const code = systemCode(cause)
  if (code === 'EADDRINUSE') {
    return new ProgramError(
      'address-in-use',
      `The address ${address} of listener "${listener}" is in use by another program.`,
      consequence,
      'Stop the other program, or give the listener another port.',
      { cause },
    )
  }
  const why =
    { EACCES: 'a port below 1024 needs a privilege', EADDRNOTAVAIL: 'this machine does not have it' }[code ?? ''] ??
    code ??
    String(cause)
  return new ProgramError(
    'address-unusable',
    `The address ${address} of listener "${listener}" cannot be opened: ${why}.`,
    consequence,
    'Give the listener an address of this machine and a port that it may open.',
    { cause },
  )
}

function printed(server: Server): string {
  const { address, family, port } = server.address() as { address: string; family: string; port: number }
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
