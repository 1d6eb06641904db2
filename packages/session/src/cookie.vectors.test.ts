import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { CookieOptions } from './api.ts'
import { clearCookies, readCookies, resolveCookie, serializeCookie, setCookies } from './cookie.ts'
import { createKeyring, readKey } from './keyring.ts'
import { openSession, type SealedSession, sealSession } from './stores/sealed-cookie/codec.ts'

interface Vectors {
  readonly set: readonly { options: CookieOptions; remaining?: number; value: string; setCookie: string }[]
  readonly clear: readonly { options: CookieOptions; setCookie: string }[]
  readonly read: readonly { header: string; values: string[]; rejected: string | null }[]
  readonly split: readonly {
    name: string
    valueLength: number
    maxParts: number
    parts: readonly { name: string; begins: string; from: number; to: number }[]
  }[]
  readonly sealed: readonly {
    key: string
    keyId: string
    prefix: string
    cookieName: string
    session: SealedSession
    value: string
  }[]
}
const vectors = JSON.parse(readFileSync(new URL('./vectors/cookies.json', import.meta.url), 'utf8')) as Vectors

test.each(vectors.set)('the vector $setCookie is written so', ({ options, remaining, value, setCookie }) => {
  expect(serializeCookie(resolveCookie(options), value, remaining)).toBe(setCookie)
})

test.each(vectors.clear)('the vector $setCookie clears so', ({ options, setCookie }) => {
  expect(clearCookies(resolveCookie(options))).toEqual([setCookie])
})

test.each(vectors.read)('the vector $header is read so', ({ header, values, rejected }) => {
  expect(readCookies(header, '__Host-session', 3)).toMatchObject({ values, rejected: rejected ?? undefined })
})

test.each(vectors.split)('the vector of $valueLength bytes is split so', ({ name, valueLength, maxParts, parts }) => {
  const value = 'abcdefghijklmnopqrstuvwxyz'.repeat(valueLength).slice(0, valueLength)
  const pairs = parts.map((part) => `${part.name}=${part.begins}${value.slice(part.from, part.to)}`)
  const set = setCookies(resolveCookie({ name }), value, { maxParts })
  expect(set.map((line) => line.split(';')[0])).toEqual(pairs)
  expect(readCookies(pairs.join('; '), name, maxParts).values).toEqual([value])
})

test.each(vectors.sealed)('the vector sealed under $keyId opens so, and what we seal has its form', (vector) => {
  const { key, keyId, session, value } = vector
  const ring = createKeyring([{ id: keyId, bytes: readKey(key) }])
  expect(openSession(ring, vector, value)).toEqual(session)
  const again = sealSession(ring, vector, session)
  expect(again.length).toBe(value.length)
  expect(again.slice(0, again.lastIndexOf('.'))).toBe(value.slice(0, value.lastIndexOf('.')))
})
