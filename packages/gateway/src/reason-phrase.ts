import { STATUS_CODES } from 'node:http'

/** The usual words for a status, for an answer of our own. */
export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? 'Error'
}
