/**
 * Sign-outs of sessions that the store did not show. While another server takes over, one gateway may still read the old one,
 * and a session that began on the new one a moment ago reads as absent there. Its visitor signs out all the same: so the
 * ticket is kept in mind, and as soon as a record is there that it opens, that ends.
 *
 * The whole ticket, since the id is no secret: whoever knows that alone ends nothing.
 */
import { formatTicket, type Ticket } from './ticket.ts'

/** Milliseconds for which a sign-out is kept in mind. */
const kept = 60_000
/** Anybody may bring a ticket of nobody: beyond it the oldest is forgotten. */
const maxKept = 10_000
/** Looked for at the same time. */
const batchSize = 100

export interface UnseenEnds {
  add(ticket: Ticket): void
  has(ticket: Ticket): boolean
  /** Looks for all of them; one look at a time, and what fails is left to the next. */
  lookAgain(): void
}

/** @param look reads the session, and ends it if it is there */
export function createUnseenEnds(clock: () => number, look: (ticket: Ticket) => Promise<unknown>): UnseenEnds {
  const unseen = new Map<string, { readonly ticket: Ticket; readonly at: number }>()
  let looking = false

  function prune(): void {
    for (const [value, { at }] of unseen) {
      if (clock() - at < kept && unseen.size <= maxKept) return
      unseen.delete(value)
    }
  }

  async function lookForAll(): Promise<void> {
    prune()
    const tickets = [...unseen.values()].map(({ ticket }) => ticket)
    for (let from = 0; from < tickets.length; from += batchSize) {
      await Promise.allSettled(tickets.slice(from, from + batchSize).map(look))
    }
  }

  return {
    add(ticket) {
      const value = formatTicket(ticket)
      // Again at the end, which is in the order of time.
      unseen.delete(value)
      unseen.set(value, { ticket, at: clock() })
      prune()
    },
    has(ticket) {
      const noted = unseen.size === 0 ? undefined : unseen.get(formatTicket(ticket))
      return noted !== undefined && clock() - noted.at < kept
    },
    lookAgain() {
      if (looking || unseen.size === 0) return
      looking = true
      void lookForAll().finally(() => {
        looking = false
      })
    },
  }
}
