import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Sealing, SealingKey, SessionData } from './api.ts'
import { amendRecord, newRecord, openRecord, type RecordContext, resealRecord } from './sealed-record.ts'
import { createSealers, prefixTag } from './sealing.ts'
import { newId, newSecret, type Ticket } from './ticket.ts'

const k1: SealingKey = { id: 'k1', bytes: new Uint8Array(32).fill(1) }
const k2: SealingKey = { id: 'k2', bytes: new Uint8Array(16).fill(2) }
const now = 1_700_000_000_000

function contextOf(sealing: Sealing, serverKeys: SealingKey[] = []): RecordContext {
  return { sealers: createSealers(sealing, serverKeys, 'shop'), prefixTag: prefixTag('shop') }
}
const contexts: [string, RecordContext][] = [
  ['ticket', contextOf({ kind: 'ticket' })],
  ['ticket with a key', contextOf({ kind: 'ticket' }, [k1])],
  ['keys', contextOf({ kind: 'keys', keys: [k2, k1] })],
  ['none', contextOf({ kind: 'none' })],
  ['none with a key', contextOf({ kind: 'none' }, [k1])],
]
const newTicket = (): Ticket => ({ id: newId(), secret: newSecret() })
const contents = fc.record({
  subject: fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined }),
  data: fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<SessionData>,
})
const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

describe.each(contexts)('sealed by %s', (_name, context) => {
  test('whatever content is written comes back, new, amended, rotated and sealed anew', () => {
    fc.assert(
      fc.property(contents, contents, (first, second) => {
        const ticket = newTicket()
        const next = { id: ticket.id, secret: newSecret() }
        const made = newRecord(context, ticket, first, {}, now)
        const amended = amendRecord(context, made.record, ticket, second, now, {})!
        const rotated = amendRecord(context, amended.record, ticket, first, now, { next: next.secret })!
        const anew = resealRecord(context, rotated.record, next, second, now, now)
        for (const [who, { bytes }, content] of [
          [ticket, made, first],
          [ticket, amended, second],
          [ticket, rotated, first],
          [next, rotated, first],
          [next, anew, second],
        ] as const) {
          const { subject, data } = openRecord(context, who, bytes, now) as { subject?: string; data: SessionData }
          expect(json({ subject, data })).toEqual(json(content))
        }
        expect(openRecord(context, ticket, rotated.bytes, now)).toMatchObject({ slot: 1, next: next.secret })
        expect(openRecord(context, ticket, anew.bytes, now)).toMatchObject({ reason: 'wrong_secret' })
      }),
      { numRuns: 50 },
    )
  })

  test('hostile bytes never throw and never open', () => {
    const ticket = newTicket()
    const { bytes } = newRecord(context, ticket, { subject: 'ann', data: { a: 1 } }, {}, now)
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.nat(bytes.length).map((length) => bytes.slice(0, length)),
      fc.uint8Array({ minLength: 1, maxLength: 50 }).map((more) => Uint8Array.from([...bytes, ...more])),
      fc.tuple(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 })).map(([at, over]) => {
        const changed = bytes.slice()
        changed.set(over.subarray(0, bytes.length - at), at)
        return changed
      }),
    )
    fc.assert(
      fc.property(hostile, (changed) => {
        if (Buffer.from(changed).equals(bytes)) return
        try {
          expect(openRecord(context, ticket, changed, now).kind).toBe('rejected')
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('each write has its own counter and write id, and the same content never looks the same', () => {
    const ticket = newTicket()
    const content = { subject: undefined, data: { a: 1 } }
    const seen = new Set<string>()
    let { record, bytes } = newRecord(context, ticket, content, {}, now)
    for (let write = 0; write < 1000; write += 1) {
      seen.add(Buffer.from(bytes.subarray(-60)).toString('hex'))
      ;({ record, bytes } = amendRecord(context, record, ticket, content, now, {})!)
    }
    expect(seen.size).toBe(1000)
  })
})
