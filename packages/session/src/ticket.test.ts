import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatTicket,
  hashSecret,
  newId,
  newSecret,
  parseTicket,
  sameSecret,
  splitTicket,
  ticketLength,
} from './ticket.ts'

const part = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
const ticketText = fc.tuple(part, part).map(([id, secret]) => `1.${id}.${secret}`)

test('every ticket that is written is read', () => {
  fc.assert(
    fc.property(ticketText, (text) => {
      expect(formatTicket(parseTicket(text)!)).toBe(text)
    }),
    { numRuns: 1000 },
  )
})

test('reading never throws, and accepts nothing that would be written otherwise', () => {
  const nearly = fc
    .tuple(ticketText, fc.nat(ticketLength), fc.nat(2), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([text, at, remove, insert]) => text.slice(0, at) + insert + text.slice(at + remove))
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' }), ticketText), (text) => {
      const ticket = parseTicket(text)
      if (ticket !== undefined) expect(formatTicket(ticket)).toBe(text)
    }),
    { numRuns: 20_000 },
  )
})

test('of the 16 spellings of one secret one is accepted', () => {
  const id = newId()
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const start = newSecret().slice(0, 21)
  const accepted = [...alphabet].filter((last) => parseTicket(`1.${id}.${start}${last}`))
  expect(accepted).toEqual(['A', 'Q', 'g', 'w'])
})

test('what splits like a ticket and equals one that was checked is that ticket', () => {
  fc.assert(
    fc.property(ticketText, fc.nat(ticketLength - 1), fc.string({ minLength: 1, maxLength: 1 }), (text, at, other) => {
      const ticket = parseTicket(text)!
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      const halves = splitTicket(changed)
      const same = halves !== undefined && halves.id === ticket.id && sameSecret(halves.secret, ticket.secret)
      expect(same).toBe(changed === text)
    }),
    { numRuns: 2000 },
  )
})

test('the hash depends on id and secret', () => {
  const [id, secret] = [newId(), newSecret()]
  const hash = hashSecret({ id, secret })
  expect(hash).toHaveLength(32)
  expect(hashSecret({ id, secret })).toEqual(hash)
  expect(hashSecret({ id: newId(), secret })).not.toEqual(hash)
  expect(hashSecret({ id, secret: newSecret() })).not.toEqual(hash)
})

test('100,000 tickets have no part in common', () => {
  const parts = new Set<string>()
  for (let index = 0; index < 50_000; index += 1) parts.add(newId()).add(newSecret())
  expect(parts.size).toBe(100_000)
})

interface TicketVectors {
  readonly accepted: readonly { ticket: string; id: string; secret: string; hash: string }[]
  readonly refused: readonly { ticket: string; because: string }[]
}

test('the test vectors of the reference hold', () => {
  const file = readFileSync(new URL('./vectors/ticket.json', import.meta.url), 'utf8')
  const { accepted, refused } = JSON.parse(file) as TicketVectors
  for (const { ticket, id, secret, hash } of accepted) {
    const parsed = parseTicket(ticket)!
    expect(Buffer.from(parsed.id, 'base64url').toString('hex')).toBe(id)
    expect(Buffer.from(parsed.secret, 'base64url').toString('hex')).toBe(secret)
    expect(Buffer.from(hashSecret(parsed)).toString('hex')).toBe(hash)
  }
  for (const { ticket, because } of refused) expect([because, parseTicket(ticket)]).toEqual([because, undefined])
})
