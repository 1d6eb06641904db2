/** How a connection ends, and who is told. */
import type { Socket } from 'node:net'
import type { Redis } from 'ioredis'
import { broken, StoreFailure } from './failure.ts'

export type Ended = (reason: StoreFailure | undefined) => void

export interface Ending {
  readonly isOver: boolean
  /** Calls `listener` once, with what ended it (`undefined`: we did); at once when it is over. */
  tell(listener: Ended): void
  /** Ends it. */
  byUs(): void
  /** The failure of a command on it. */
  lost(notExecuted: boolean): StoreFailure
}

/** Watches a socket: the first error says why, since ioredis tells commands only that the connection is closed. */
export function endingOf(socket: Socket, redis: Redis, address: string): Ending {
  const listeners: Ended[] = []
  let reason: StoreFailure | undefined
  let over = false
  let ours = false
  const note = (error: unknown) => {
    reason ??= broken(address, error)
  }
  redis.on('error', note)
  socket.on('error', note)
  // Before ioredis hears of it and rejects what is in flight, so that nobody sends that here again.
  socket.prependListener('close', () => {
    over = true
    if (!ours) note(new Error('the other side closed it.'))
    for (const listener of listeners.splice(0)) listener(ours ? undefined : reason)
  })
  return {
    get isOver() {
      return over
    },
    tell(listener) {
      if (over) listener(ours ? undefined : reason)
      else listeners.push(listener)
    },
    byUs() {
      ours = true
      redis.disconnect()
    },
    lost(notExecuted) {
      const why = reason?.reason ?? 'closed'
      return new StoreFailure(why, reason?.message ?? `The connection to Redis at ${address} was closed.`, {
        notExecuted,
      })
    },
  }
}
