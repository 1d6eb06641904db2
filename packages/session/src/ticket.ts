/**
 * Tickets: what the browser keeps. `1.{id}.{secret}`, where id and secret are 16 random bytes each in base64url without
 * padding (RFC 4648, 5). The id is public; the secret is never stored and never logged.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { SessionId } from './store.ts'

declare const secretBrand: unique symbol
/** The secret half of a ticket, 22 characters. A type of its own, so that it cannot go where an id belongs. */
export type TicketSecret = string & { readonly [secretBrand]: true }

/** SHA-256 over id and secret: what a record keeps of a secret. 32 bytes. */
export type SecretHash = Uint8Array & { readonly [secretBrand]: 'hash' }

export interface Ticket {
  readonly id: SessionId
  readonly secret: TicketSecret
}

/** Characters of a ticket; one that is longer or shorter is none. */
export const ticketLength = 47

const partBytes = 16
const pattern = /^1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/

/** A new public id. */
export function newId(): SessionId {
  return randomBytes(partBytes).toString('base64url')
}

/** A new secret. */
export function newSecret(): TicketSecret {
  return randomBytes(partBytes).toString('base64url') as TicketSecret
}

export function formatTicket({ id, secret }: Ticket): string {
  return `1.${id}.${secret}`
}

/** `undefined` for everything that `formatTicket` does not write; never throws. */
export function parseTicket(text: string): Ticket | undefined {
  if (text.length !== ticketLength) return undefined
  const [, id, secret] = pattern.exec(text) ?? []
  if (id === undefined || secret === undefined) return undefined
  // 22 characters hold 132 bits: without this, 16 spellings would name the same 16 bytes.
  if (!isCanonical(id) || !isCanonical(secret)) return undefined
  return { id, secret: secret as TicketSecret }
}

/** The halves of what looks like a ticket, unchecked: good only to be compared with those of one that was checked. */
export function splitTicket(text: string): Ticket | undefined {
  if (text.length !== ticketLength || !text.startsWith('1.') || text[24] !== '.') return undefined
  return { id: text.slice(2, 24), secret: text.slice(25) as TicketSecret }
}

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

/** The 16 bytes of a secret, to derive keys from. */
export function secretBytes(secret: TicketSecret): Uint8Array {
  return Buffer.from(secret, 'base64url')
}

export function hashSecret({ id, secret }: Ticket): SecretHash {
  return new Uint8Array(createHash('sha256').update(`coatcheck ticket\0${id}\0${secret}`).digest()) as SecretHash
}

/** Compares in a time that does not depend on where two secrets differ. */
export function sameSecret(a: TicketSecret, b: TicketSecret): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let index = 0; index < a.length; index += 1) difference |= a.charCodeAt(index) ^ b.charCodeAt(index)
  return difference === 0
}
