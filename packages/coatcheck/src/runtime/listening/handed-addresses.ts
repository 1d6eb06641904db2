import type { Socket } from 'node:net'
import type { OpenAddress } from '../workers/worker-messages.ts'
import type { Addresses } from './addresses.ts'
import type { ListeningSocket } from './listening-socket.ts'

/** Addresses that the primary has open; it hands their connections over to this process. */
export interface HandedAddresses extends Addresses {
  /** A connection of the address with that number. */
  take(number: number, socket: Socket): void
  /** The primary closed the address, and handed over all that it had accepted. */
  closed(number: number): void
}

interface HandedAddress extends ListeningSocket {
  take(socket: Socket): void
  end(): void
}

export function createHandedAddresses(): HandedAddresses {
  const known = new Map<number, HandedAddress>()
  let open: readonly OpenAddress[] = []

  function find({ number, address }: OpenAddress): HandedAddress {
    const found = known.get(number) ?? createHandedAddress(address)
    known.set(number, found)
    return found
  }

  return {
    async prepare(_specs, next = []) {
      return {
        sockets: new Map(next.map((address) => [address.listener, find(address)])),
        async commit() {
          open = next
        },
        undo() {
          for (const { number } of next) if (!open.some((one) => one.number === number)) known.delete(number)
        },
      }
    },
    take(number, socket) {
      const address = known.get(number)
      if (address === undefined) socket.destroy()
      else address.take(socket)
    },
    closed(number) {
      known.get(number)?.end()
      known.delete(number)
    },
    async close() {
      await Promise.all(open.map(({ number }) => known.get(number)?.closed))
    },
  }
}

function createHandedAddress(address: string): HandedAddress {
  const closed = Promise.withResolvers<void>()
  let accept: ((socket: Socket) => void) | undefined
  let waiting: Socket[] = []
  return {
    address,
    serve(by) {
      accept = by
      for (const socket of waiting) by(socket)
      waiting = []
    },
    take(socket) {
      if (accept !== undefined) accept(socket)
      else waiting.push(socket)
    },
    end: closed.resolve,
    close: () => closed.promise,
    closed: closed.promise,
  }
}
