/**
 * Reads the vectors twice: with the package, and step by step as the reference says, with nothing but `node:crypto`.
 */
import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Sealing, SessionData } from './api.ts'
import { openMetadata } from './metadata.ts'
import { readRecord } from './record.ts'
import { openRecord } from './sealed-record.ts'
import { createSealers, prefixTag } from './sealing.ts'
import { parseTicket } from './ticket.ts'

interface Vector {
  readonly name: string
  readonly kind: 'none' | 'keys' | 'ticket'
  readonly keys: readonly { id: string; hex: string }[]
  readonly prefix: string
  readonly ticket: string
  readonly record: string
  readonly opens: {
    readonly subject: string
    readonly data: SessionData
    readonly createdAt: number
    readonly rotatedAt: number
    readonly broughtAt: number
    readonly slot: number
  }
  readonly metadata: { address: string; userAgent: string }
  readonly next: string | null
}
const file = readFileSync(new URL('./vectors/record.json', import.meta.url), 'utf8')
const vectors = (JSON.parse(file) as { records: Vector[] }).records

describe.each(vectors)('$name', (vector) => {
  const { kind, prefix, opens } = vector
  const bytes = Uint8Array.from(Buffer.from(vector.record, 'hex'))
  const ticket = parseTicket(vector.ticket)!

  test('the package opens it', () => {
    const keys = vector.keys.map(({ id, hex }) => ({ id, bytes: Buffer.from(hex, 'hex') }))
    const sealing: Sealing = kind === 'keys' ? { kind, keys } : { kind }
    const context = {
      sealers: createSealers(sealing, kind === 'keys' ? [] : keys, prefix),
      prefixTag: prefixTag(prefix),
    }
    const opened = openRecord(context, ticket, bytes, opens.rotatedAt)
    expect(opened).toMatchObject({ ...opens, next: vector.next ?? undefined })
    const dataKey = opened.kind === 'open' ? opened.dataKey : undefined
    const metadata = openMetadata(context.sealers.writes, ticket.id, readRecord(bytes)!.header, dataKey)
    expect(metadata).toMatchObject(vector.metadata)
  })

  test('the steps of the reference open it', () => {
    expect(openByTheReference(vector)).toEqual({ subject: opens.subject, data: opens.data })
  })
})

test('there is a vector of each kind, with and without a key', () => {
  expect(new Set(vectors.map(({ kind, keys }) => `${kind} ${keys.map(({ hex }) => hex.length / 2)}`))).toEqual(
    new Set(['ticket ', 'ticket 32', 'keys 32', 'keys 16', 'none ', 'none 16']),
  )
})

function openByTheReference({ kind, keys, prefix, ticket, record }: Vector): unknown {
  const bytes = Buffer.from(record, 'hex')
  const [, id, secret] = ticket.split('.') as [string, string, string]
  const label = (purpose: string) => Buffer.from(`coatcheck ${purpose}\0${prefix}\0${id}\0`)
  const hkdf = (key: Buffer, salt: Buffer, info: Buffer, length = 32) =>
    Buffer.from(hkdfSync('sha256', key, salt, info, length))

  let at = 0
  const take = (length: number) => {
    at += length
    return bytes.subarray(at - length, at)
  }
  expect([...take(2)]).toEqual([1, ['none', 'keys', 'ticket'].indexOf(kind)])
  expect(take(4)).toEqual(createHash('sha256').update(`coatcheck prefix\0${prefix}`).digest().subarray(0, 4))
  const keyId = take(take(1)[0]!).toString()
  expect(keyId).toBe(keys[0]?.id ?? '')
  const key = Buffer.from(keys[0]?.hex ?? '', 'hex')
  const derived = (purpose: string) =>
    key.length === 0 ? Buffer.alloc(0) : hkdf(key, label(purpose), Buffer.from(`coatcheck ${purpose}`))
  take(16 + 4 + 8 + 3 * 8)
  const slots = Array.from({ length: take(1)[0]! }, () => ({
    hash: take(32),
    wrapped: take(kind === 'none' ? 0 : 60),
  }))
  const hash = createHash('sha256').update(`coatcheck ticket\0${id}\0${secret}`).digest()
  const { wrapped } = slots.find((slot) => slot.hash.equals(hash))!
  take(take(1)[0]!)
  take(take(2).readUInt16BE())
  const header = bytes.subarray(0, at)
  const content = bytes.subarray(at)

  if (kind === 'none') {
    const plain = content.subarray(0, -32)
    const tag = createHmac('sha256', derived('tag'))
      .update(Buffer.concat([label('content'), header, plain]))
      .digest()
    expect(content.subarray(-32)).toEqual(tag)
    return JSON.parse(plain.toString())
  }
  const wrapping =
    kind === 'ticket'
      ? hkdf(Buffer.from(secret, 'base64url'), derived('wrap salt'), label('wrap'))
      : hkdf(key, Buffer.alloc(0), Buffer.from('coatcheck seal'), key.length)
  const dataKey = unseal(wrapping, wrapped, label('data key'))
  return JSON.parse(unseal(dataKey, content, Buffer.concat([label('content'), header])).toString())
}

function unseal(key: Buffer, sealed: Buffer, associated: Buffer): Buffer {
  const decipher = createDecipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
}
