import type { Socket } from 'node:net'
import { createWaiting } from '@coatcheck/gateway'
import type { ListeningSocket } from '../listening/listening-socket.ts'
import type { OpenAddress } from './worker-messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/**
 * Hands the connections of open addresses to workers in turn, one at a time to each: a busy one gets fewer, and what a
 * worker had not taken when it ended goes to another.
 */
export interface Handing {
  /** The worker gets connections from now on, until it ends. */
  add(worker: WorkerProcess): void
  /** Numbers the addresses; one that is known keeps its number. */
  number(sockets: ReadonlyMap<string, ListeningSocket>): OpenAddress[]
  /** Connections of these addresses go to workers from now on. */
  serve(sockets: ReadonlyMap<string, ListeningSocket>): void
  /**
   * Resolves with the numbers of addresses that were closed, when workers have all their connections, or did not take
   * them within `patience` milliseconds. Each is named once.
   */
  closed(patience: number): Promise<number[]>
  /** Drops connections that no worker has taken, and those that no worker takes from now on. */
  destroy(): void
}

interface Address {
  readonly number: number
  /** Connections that no worker has taken yet. */
  untaken: number
}

interface Untaken {
  readonly address: Address
  readonly socket: Socket
}

/** Connections. They are not read while they wait. */
const mostWaiting = 10_000

/** `refused` is told of connections for which no worker has time. */
export function createHanding(refused: (error: Error) => void): Handing {
  const addresses = new Map<ListeningSocket, Address>()
  const workers = new Set<WorkerProcess>()
  const free: WorkerProcess[] = []
  const waiting: Untaken[] = []
  let closed: Address[] = []
  const handedOver = createWaiting(() => closed.every(({ untaken }) => untaken === 0))
  let last = 0
  let dropping = false

  function addressOf(socket: ListeningSocket): Address {
    const known = addresses.get(socket)
    if (known !== undefined) return known
    const address: Address = { number: ++last, untaken: 0 }
    addresses.set(socket, address)
    void socket.closed.then(() => {
      addresses.delete(socket)
      closed.push(address)
    })
    return address
  }

  function accept(address: Address, socket: Socket): void {
    // Node would keep lists here and in the worker of whose server it was, and never forget an address
    ;(socket as { server?: unknown }).server = undefined
    if (dropping) {
      socket.destroy()
      return
    }
    if (waiting.length === mostWaiting) {
      socket.destroy()
      refused(new Error('Too many wait for a worker'))
      return
    }
    address.untaken++
    waiting.push({ address, socket })
    distribute()
  }

  function distribute(): void {
    while (waiting.length > 0 && free.length > 0) void hand(waiting.shift()!, free.shift()!)
  }

  async function hand(connection: Untaken, worker: WorkerProcess): Promise<void> {
    if (await worker.take(connection.address.number, connection.socket)) {
      done(connection)
      if (workers.has(worker)) free.push(worker)
    } else {
      worker.kill()
      if (dropping) done(connection)
      else waiting.unshift(connection)
    }
    distribute()
  }

  /** Closes it here; where it was taken it goes on. */
  function done({ address, socket }: Untaken): void {
    socket.destroy()
    address.untaken--
    handedOver.look()
  }

  return {
    add(worker) {
      workers.add(worker)
      free.push(worker)
      void worker.exited.then(() => {
        workers.delete(worker)
        if (free.includes(worker)) free.splice(free.indexOf(worker), 1)
      })
      distribute()
    },
    number: (sockets) =>
      Array.from(sockets, ([listener, socket]) => {
        return { number: addressOf(socket).number, listener, address: socket.address }
      }),
    serve(sockets) {
      for (const socket of sockets.values()) {
        const address = addressOf(socket)
        socket.serve((connection) => accept(address, connection))
      }
    },
    async closed(patience) {
      await atMost(patience, handedOver.wait())
      const numbers = closed.map(({ number }) => number)
      closed = []
      // whoever else waits was waiting for these
      handedOver.look()
      return numbers
    },
    destroy() {
      dropping = true
      for (const connection of waiting.splice(0)) done(connection)
    },
  }
}

/** Resolves with what is waited for, or after so many milliseconds without it. */
function atMost(milliseconds: number, waited: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    void waited.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
