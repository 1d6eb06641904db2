/**
 * Sign-outs of sessions that the store did not show. While another server takes over, one gateway may still read the old one,
 * and a session that began on the new one a moment ago reads as absent there. Its visitor signs out all the same: so the
 * ticket is kept in mind, and as soon as a record is there that it opens, that ends.
 *
 * The whole ticket, since the id is no secret: whoever knows that alone ends nothing.
 */
import { createRecent } from './recent.ts'
import { formatTicket, type Ticket } from './ticket.ts'

/** Milliseconds for which a sign-out is kept in mind. */
const kept = 60_000
/** Anybody may bring a ticket of nobody: beyond it the oldest is forgotten. */
const most = 10_000

export interface UnseenEnds {
  add(ticket: Ticket): void
  has(ticket: Ticket): boolean
  /** Looks for all of them; one look at a time, and what fails is left to the next. */
  lookAgain(): void
}

/** @param look reads the session, and ends it if it is there */
export function createUnseenEnds(now: () => number, look: (ticket: Ticket) => Promise<unknown>): UnseenEnds {
  const unseen = createRecent<string, Ticket>({ now, kept, most, again: (_, ticket) => look(ticket) })
  return {
    add: (ticket) => unseen.note(formatTicket(ticket), ticket),
    has: (ticket) => unseen.size > 0 && unseen.get(formatTicket(ticket)) !== undefined,
    lookAgain: unseen.repeat,
  }
}
