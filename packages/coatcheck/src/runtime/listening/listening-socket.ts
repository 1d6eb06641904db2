import { createServer, type Server, type Socket } from 'node:net'
import type { Log } from '@coatcheck/gateway'
import type { SocketAddress } from '@coatcheck/model'
import { ProgramError, systemCode } from '../../errors.ts'

/** An open address. Who gets its connections may change while it stays open, so that a reload refuses nobody. */
export interface ListeningSocket {
  /** `127.0.0.1:8080`, `[::1]:8080`; the port that the system chose, when it was asked to. */
  readonly address: string
  /** Gets each connection from now on, those that waited first. Until it is called they wait. */
  serve(accept: (socket: Socket) => void): void
  /**
   * Stops accepting; connections go on. What the system had accepted for us by then is taken first, since closing would
   * reset it. Those that nobody serves are closed.
   * Resolves when no more connections come; calling it again changes nothing.
   */
  close(): Promise<void>
  /** Resolves when no more connections come. */
  readonly closed: Promise<void>
}

export interface ListeningOptions {
  /** Told of connections that could not be accepted: too many files open, mostly. */
  readonly failed?: (error: Error) => void
  /** Nothing is read of connections: they are served by another process. @defaultValue `false` */
  readonly unread?: boolean
}

/** For `failed`: the log says what became of the connection. */
export function tellRefused(log: Log): (error: Error) => void {
  return ({ message }) => log.warn('A connection could not be accepted', { error: { message } })
}

/**
 * Opens an address.
 *
 * @throws ProgramError `address-in-use`, `address-unusable`
 */
export async function openListeningSocket(
  listener: string,
  address: SocketAddress,
  { failed = ignore, unread = false }: ListeningOptions = {},
): Promise<ListeningSocket> {
  let accept: ((socket: Socket) => void) | undefined
  let waiting: Socket[] = []
  let taken = 0
  let closing = false
  const closed = Promise.withResolvers<void>()
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: unread }, (socket) => {
    taken++
    if (accept !== undefined) accept(socket)
    else waiting.push(socket.on('error', ignore))
  })
  await listen(server, listener, address)
  server.on('error', failed)

  function close(): void {
    server.close()
    for (const socket of waiting) socket.destroy()
    waiting = []
    closed.resolve()
  }

  return {
    address: printed(server),
    serve(by) {
      accept = by
      for (const socket of waiting) by(socket.off('error', ignore))
      waiting = []
    },
    close() {
      if (!closing) whenEmpty(() => taken, close)
      closing = true
      return closed.promise
    },
    closed: closed.promise,
  }
}

/** More than any system's queue holds: who connects without pause does not keep an address open. */
const mostTurns = 5_000
/** Milliseconds. What arrives while a turn lasts is not seen before the next one. */
const shortTurn = 0.1

/**
 * Calls back at a moment when the system's queue was empty just now. A turn of the event loop takes one connection
 * (libuv), and who connects between its look at the queue and its end would be reset: so it has to be a short one, and
 * nothing may come in between.
 */
function whenEmpty(taken: () => number, callback: () => void): void {
  let left = mostTurns
  let before = -1
  let start = 0
  const look = () => {
    const now = performance.now()
    if (--left < 0 || (taken() === before && now - start < shortTurn)) return callback()
    before = taken()
    start = now
    setImmediate(look)
  }
  // not at once: between two looks there is to be a whole turn, and this one may have looked at the queue already
  setImmediate(look)
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
