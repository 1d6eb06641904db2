import type { Socket } from 'node:net'
import { createWaiting } from '@coatcheck/gateway'
import type { ListeningSocket } from '../listening/listening-socket.ts'
import { type Address, createHandingQueue } from './handing-queue.ts'
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

/** `refused` is told of connections for which no worker has time. */
export function createHanding(refused: (error: Error) => void): Handing {
  const addresses = new Map<ListeningSocket, Address>()
  let closed: Address[] = []
  const handedOver = createWaiting(() => closed.every(({ untaken }) => untaken === 0))
  const queue = createHandingQueue({ refused, done: handedOver.look })
  let last = 0

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
    queue.push(address, socket)
  }

  return {
    add: queue.add,
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
    destroy: queue.destroy,
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
