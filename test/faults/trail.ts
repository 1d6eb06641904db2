/** The last requests of one visitor, told with whatever was lost: without them nobody finds out why. */
import type { Answer } from './client.ts'

export interface Trail {
  /** @param expected what the session may be, before the answer */
  add(gateway: number, path: string, ticket: string, answer: Answer, expected: string): void
  /** A line for each, with its time in milliseconds since 1970, as the logs of gateways and servers have it. */
  tell(): string
}

const length = 20

export function createTrail(): Trail {
  const lines: string[] = []
  return {
    add(gateway, path, ticket, { sentAt, milliseconds, status, text, cookie }, expected) {
      const at = `${Math.round(performance.timeOrigin + sentAt)}+${Math.round(milliseconds)}`
      const told = cookie === undefined ? '' : `, told ${named(cookie)}`
      lines.push(`${at} ${path} at ${gateway}, ${named(ticket)}, ${expected} expected: ${status} ${text}${told}`)
      if (lines.length > length) lines.shift()
    },
    tell: () => lines.map((line) => `\n  ${line}`).join(''),
  }
}

/** Enough of a ticket to know it again. */
function named(ticket: string): string {
  const [, id, secret] = ticket.split('.')
  return ticket === '' ? 'no ticket' : `${id?.slice(0, 6)}.${secret?.slice(0, 4)}`
}
