import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonValue, SessionData } from '../../api.ts'
import { createKeyring } from '../../keyring.ts'
import type { Changes, Saved, StoredSession } from '../../session-store.ts'
import { openSession, type SealedSession, sealSession } from './codec.ts'
import { sealedCookies } from './index.ts'

const key = (id: string, fill: number, length = 32) => ({ id, bytes: new Uint8Array(length).fill(fill) })
const k1 = key('k1', 1)
const k2 = key('k2', 2, 16)
const place = { prefix: 'shop', cookieName: '__Host-session' }
const settings = { ...place, timeouts: { idle: 600_000, lifetime: 3_600_000 }, maxBytes: 65_536 }
const visitor = { address: undefined, userAgent: undefined }
const id = 'AAECAwQFBgcICQoLDA0ODw'
const start = 1_750_000_000_000
const session: SealedSession = {
  id: 'AAAAAAAAAAAAAAAAAAAAAA',
  createdAt: start,
  usedAt: start,
  subject: 'ann',
  data: { cart: [1, 2, { three: null }] },
}

const store = (keys = [k1], options: { maxParts?: number; settings?: Partial<typeof settings> } = {}) => {
  const { maxParts = 3 } = options
  return sealedCookies({ keys, maxParts }).sessions({ ...settings, ...options.settings })
}
const changes = (values: Record<string, JsonValue | undefined> = {}, more: Partial<Changes> = {}): Changes => ({
  values: new Map(Object.entries(values)),
  subject: undefined,
  rotate: false,
  ...more,
})
/** The value that was saved, and what it opens as. */
const value = (saved: Saved) => {
  if (saved.kind !== 'saved' || saved.value === undefined) throw new Error('nothing was saved')
  return saved.value
}
const code = (expected: string, words = /./) =>
  expect.objectContaining({ code: expected, message: expect.stringMatching(words) })

test('what was sealed opens again', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  fc.assert(
    fc.property(fc.dictionary(text, fc.jsonValue()), fc.option(text, { nil: undefined }), (data, subject) => {
      const ring = createKeyring([k1])
      // What JSON cannot say (-0) does not count.
      const given = { ...session, subject, data: JSON.parse(JSON.stringify(data)) as SessionData }
      expect(openSession(ring, place, sealSession(ring, place, given))).toEqual(given)
    }),
  )
})

test('a change of any single bit of any character does not open', () => {
  const ring = createKeyring([k1])
  const sealed = sealSession(ring, place, session)
  for (let at = 0; at < sealed.length; at += 1) {
    for (let bit = 0; bit < 7; bit += 1) {
      const changed = String.fromCharCode(sealed.charCodeAt(at) ^ (1 << bit))
      expect(openSession(ring, place, sealed.slice(0, at) + changed + sealed.slice(at + 1))).toHaveProperty('problem')
    }
  }
})

test('any other spelling of the same bytes does not open', () => {
  const ring = createKeyring([k1])
  const sealed = sealSession(ring, place, session)
  for (const other of [
    `${sealed}=`,
    `${sealed}.`,
    ` ${sealed}`,
    `${sealed}\n`,
    sealed.replace('s1.', 'S1.'),
    `${sealed}A`,
  ]) {
    expect(openSession(ring, place, other)).toHaveProperty('problem', expect.stringMatching(/malformed|damaged/))
  }
  // The last letter of a text whose length is no multiple of four holds bits that belong to no byte.
  const spellings = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter(
    (letter) => !('problem' in openSession(ring, place, sealed.slice(0, -1) + letter)),
  )
  expect(spellings).toEqual([sealed.slice(-1)])
})

test('opening what nobody sealed never throws', () => {
  const ring = createKeyring([k1])
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (any, dressed) => {
      const given = dressed ? `s1.k1.a.${Buffer.from(any).toString('base64url')}` : any
      expect(openSession(ring, place, given)).toHaveProperty('problem')
    }),
  )
})

test('a cookie does not open under another prefix or name, or with another time of use', () => {
  const ring = createKeyring([k1])
  const sealed = sealSession(ring, place, session)
  expect(openSession(ring, { ...place, prefix: 'shoq' }, sealed)).toHaveProperty('problem', 'damaged')
  expect(openSession(ring, { ...place, cookieName: 'session' }, sealed)).toHaveProperty('problem', 'damaged')
  const later = sealed.replace(`.${start.toString(36)}.`, `.${(start + 1).toString(36)}.`)
  expect(openSession(ring, place, later)).toHaveProperty('problem', 'damaged')
})

test('authentic bytes that are no session of ours are damaged', () => {
  const ring = createKeyring([k1])
  const head = 's1.k1.a'
  const bound = Buffer.from(`coatcheck sealed cookie\0shop\0__Host-session\0${head}`)
  for (const plain of [
    '',
    '{}',
    'null',
    '[]',
    '{"id":"a","created":1,"data":null}',
    '{"id":"a","created":1,"data":{},"subject":1}',
  ]) {
    const text = Buffer.from(ring.seal(Buffer.from(plain), bound).bytes).toString('base64url')
    expect(openSession(ring, place, `${head}.${text}`)).toHaveProperty('problem', 'damaged')
  }
})

test('after a change of keys the old one opens until the next writing, which is under the new one', async () => {
  const before = value(await store([k1]).create(id, changes({ a: 1 }), visitor, start))
  const rotated = store([k2, k1])
  const opened = (await rotated.open(before, start + 1)) as StoredSession
  expect(opened).toMatchObject({ kind: 'open', data: { a: 1 } })
  const after = value(await rotated.save(opened, changes({ b: 2 }), start + 1))
  expect(after).toMatch(/^s1\.k2\./)
  expect(await store([k2]).open(after, start + 2)).toMatchObject({ kind: 'open', id: opened.id, data: { a: 1, b: 2 } })
})

test('an unknown key id is an outage of the session, until the session must have ended anyway', async () => {
  const sealed = value(await store([k1]).create(id, changes({ a: 1 }), visitor, start))
  const other = store([k2])
  expect(() => other.open(sealed, start + 599_999)).toThrow(code('ERR_KEY_UNKNOWN', /same keys/))
  expect(other.open(sealed, start + 600_000)).toEqual({ kind: 'rejected', reason: 'unknown' })
})

test('another key under a known id is damage', async () => {
  const sealed = value(await store([k1]).create(id, changes({ a: 1 }), visitor, start))
  expect(store([key('k1', 9)]).open(sealed, start)).toEqual({ kind: 'rejected', reason: 'damaged' })
  expect(store().open('1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA', start)).toEqual({
    kind: 'rejected',
    reason: 'malformed',
  })
})

test('rule 3: idle timeout and lifetime both hold', async () => {
  const sessions = store()
  const first = value(await sessions.create(id, changes({ a: 1 }), visitor, start))
  expect(sessions.open(first, start + 599_999)).toHaveProperty('kind', 'open')
  expect(sessions.open(first, start + 600_000)).toEqual({ kind: 'rejected', reason: 'unknown' })
  let [held, now] = [first, start]
  while (now < start + 3_590_000) {
    now += 500_000
    const opened = sessions.open(held, now) as StoredSession
    if (opened.kind !== 'open') break
    held = value(await sessions.save(opened, changes(), now))
  }
  expect(now).toBe(start + 4_000_000)
  expect(sessions.open(held, start + 3_599_999)).toHaveProperty('kind', 'open')
  expect(sessions.open(held, start + 3_600_000)).toEqual({ kind: 'rejected', reason: 'unknown' })
})

test('rule 3: the cookie is written again for its use at most once per tenth of the idle timeout', async () => {
  const sessions = store()
  let held = value(await sessions.create(id, changes({ a: 1 }), visitor, start))
  let written = 0
  for (let now = start; now < start + 600_000; now += 1000) {
    const opened = sessions.open(held, now) as StoredSession
    if (!sessions.use(opened, now)) continue
    held = value(await sessions.save(opened, changes(), now))
    written += 1
  }
  expect(written).toBe(9)
})

test('the id is the same over changes, rotation and sign-in, and so is the time of creation', async () => {
  const sessions = store()
  const saves = [
    changes({ a: 1 }),
    changes({ b: 2 }),
    changes({}, { rotate: true }),
    changes({}, { subject: 'ann', rotate: true }),
  ]
  let opened: StoredSession | undefined
  const seen: unknown[] = []
  for (const [index, change] of saves.entries()) {
    const saved = await (opened === undefined
      ? sessions.create(id, change, visitor, start + index)
      : sessions.save(opened, change, start + index))
    opened = sessions.open(value(saved), start + index) as StoredSession
    seen.push([opened.id, opened.createdAt, saved.kind === 'saved' && saved.rotated])
    expect(saved).toMatchObject({ session: opened })
  }
  expect(seen).toEqual([false, false, true, true].map((rotated) => [id, start, rotated]))
  expect(opened).toMatchObject({ subject: 'ann', data: { a: 1, b: 2 } })
})

test('what a request sets after its session has ended is not written', async () => {
  const sessions = store()
  const opened = sessions.open(
    value(await sessions.create(id, changes({ a: 1 }), visitor, start)),
    start,
  ) as StoredSession
  expect(await sessions.save(opened, changes({ a: 2 }), start + 600_000)).toEqual({ kind: 'lost', state: 'ended' })
})

test('setting what is there already writes no cookie', async () => {
  const sessions = store()
  const first = await sessions.create(id, changes({ a: [1] }, { subject: 'ann' }), visitor, start)
  const opened = sessions.open(value(first), start) as StoredSession
  expect(await sessions.save(opened, changes({ a: [1], b: undefined }), start)).toEqual({
    kind: 'saved',
    session: opened,
    value: undefined,
    rotated: false,
  })
})

test('data of one person never passes to the next who signs in', async () => {
  const sessions = store()
  const ann = await sessions.create(id, changes({ cart: 1 }, { subject: 'ann' }), visitor, start)
  const bob = sessions.open(
    value(
      await sessions.save((ann as { session: StoredSession }).session, changes({ x: 1 }, { subject: 'bob' }), start),
    ),
    start,
  )
  expect(bob).toMatchObject({ subject: 'bob', data: { x: 1 } })
})

test('an opened session is frozen and shares nothing with the values that were set', async () => {
  const cart = [1, 2]
  const saved = await store().create(id, changes({ cart }), visitor, start)
  cart.push(3)
  const { data } = (saved as { session: StoredSession }).session
  expect(data).toEqual({ cart: [1, 2] })
  expect(Object.isFrozen(data) && Object.isFrozen(data.cart)).toBe(true)
})

test('a session that needs more cookies than it may have is refused, and what the browser has stays good', async () => {
  const sessions = store()
  const first = await sessions.create(id, changes({ a: 1 }), visitor, start)
  const opened = sessions.open(value(first), start) as StoredSession
  const big = changes({ big: 'x'.repeat(9100) })
  await expect(sessions.save(opened, big, start)).rejects.toEqual(code('ERR_COOKIE_TOO_LARGE', /4 cookies.*maxParts/))
  expect(value(await store([k1], { maxParts: 4 }).save(opened, big, start)).length).toBeGreaterThan(12_000)
  expect(sessions.open(value(first), start)).toHaveProperty('kind', 'open')
})

test('maxBytes holds too', async () => {
  const small = store([k1], { settings: { maxBytes: 300 } })
  await expect(small.create(id, changes({ a: 'x'.repeat(300) }), visitor, start)).rejects.toEqual(
    code('ERR_SESSION_TOO_LARGE', /maxBytes is 300/),
  )
})

test('a touch that a longer key id makes too large leaves the cookie as it is', async () => {
  const data = { a: 'x'.repeat(2900) }
  const short = store([k1], { maxParts: 1 })
  const opened = short.open(value(await short.create(id, changes(data), visitor, start)), start) as StoredSession
  const long = store([key('a'.repeat(32), 3), k1], {
    maxParts: 1,
    settings: { maxBytes: value(await short.save(opened, changes(), start + 100_000)).length },
  })
  expect(await long.save(opened, changes(), start + 100_000)).toEqual({
    kind: 'saved',
    session: opened,
    value: undefined,
    rotated: false,
  })
})

test('it says in its type and at run time that it cannot revoke, and end() leaves copies good', async () => {
  const sealed = sealedCookies({ keys: [k1] })
  const revokes: false = sealed.revokes
  expect([revokes, sealed.kind, sealed.maxParts]).toEqual([false, 'sealed-cookie', 3])
  const sessions = sealed.sessions(settings)
  const copy = value(await sessions.create(id, changes({ a: 1 }), visitor, start))
  await sessions.end(sessions.open(copy, start) as StoredSession)
  expect(sessions.open(copy, start)).toHaveProperty('kind', 'open')
})

test('options that cannot hold are refused', () => {
  for (const maxParts of [0, 17, 1.5, Number.NaN]) {
    expect(() => sealedCookies({ keys: [k1], maxParts })).toThrow(code('ERR_INVALID_OPTION', /maxParts/))
  }
  expect(() => sealedCookies({ keys: [] })).toThrow(code('ERR_INVALID_OPTION'))
})
