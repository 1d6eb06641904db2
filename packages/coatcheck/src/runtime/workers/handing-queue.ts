import type { Socket } from 'node:net'
import type { WorkerProcess } from './worker-process.ts'

/** An open address, as workers know it. */
export interface Address {
  readonly number: number
  /** Connections that no worker has taken yet. */
  untaken: number
}

/** Connections that no worker has taken yet, and workers that are free to take one. */
export interface HandingQueue {
  /** The worker gets connections from now on, until it ends. */
  add(worker: WorkerProcess): void
  push(address: Address, socket: Socket): void
  /** Drops connections that no worker has taken, and those that no worker takes from now on. */
  destroy(): void
}

export interface HandingQueueOptions {
  /** Told of connections for which no worker has time. */
  readonly refused: (error: Error) => void
  /** A connection of an address was taken, or dropped. */
  readonly done: () => void
}

interface Untaken {
  readonly address: Address
  readonly socket: Socket
}

/** Connections. They are not read while they wait. */
const mostWaiting = 10_000

export function createHandingQueue({ refused, done }: HandingQueueOptions): HandingQueue {
  const workers = new Set<WorkerProcess>()
  const free: WorkerProcess[] = []
  const waiting: Untaken[] = []
  let dropping = false

  function distribute(): void {
    while (waiting.length > 0 && free.length > 0) void hand(waiting.shift()!, free.shift()!)
  }

  async function hand(connection: Untaken, worker: WorkerProcess): Promise<void> {
    if (await worker.take(connection.address.number, connection.socket)) {
      close(connection)
      if (workers.has(worker)) free.push(worker)
    } else {
      worker.kill()
      if (dropping) close(connection)
      else waiting.unshift(connection)
    }
    distribute()
  }

  /** Closes it here; where it was taken it goes on. */
  function close({ address, socket }: Untaken): void {
    socket.destroy()
    address.untaken--
    done()
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
    push(address, socket) {
      if (dropping || waiting.length === mostWaiting) {
        socket.destroy()
        if (!dropping) refused(new Error('Too many wait for a worker'))
        return
      }
      address.untaken++
      waiting.push({ address, socket })
      distribute()
    },
    destroy() {
      dropping = true
      for (const connection of waiting.splice(0)) close(connection)
    },
  }
}
