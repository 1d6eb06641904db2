/** What is used wrongly says so: by a `SessionError` that names it, never by a `TypeError` from within. */
import { expect, test } from 'vitest'
import type { Presented, SessionManager } from './api.ts'
import { SessionError } from './errors.ts'
import { readKey } from './keyring.ts'
import { createSessions } from './manager.ts'
import { memoryRecords } from './stores/memory/index.ts'
import { sealedCookies } from './stores/sealed-cookie/index.ts'

type Loose = Record<string, unknown>

const make = (options: unknown) => () => createSessions(options as never)
const withStore = (options: Loose) => make({ store: memoryRecords(), ...options })
const seal = (options: unknown) => () => sealedCookies(options as never)
const key = (bytes: unknown, id: unknown = 'k1') => seal({ keys: [{ id, bytes }] })
const { touch: _, ...noTouch } = memoryRecords()
const secret = '0123456789abcdef'
const url = 'https://shop.example/'

const making: [what: string, words: string, make: () => unknown][] = [
  ['no options', 'createSessions', make(undefined)],
  ['no store', '"store" is undefined', make({})],
  ['a store that was not made', '"store" is a function', make({ store: memoryRecords })],
  ['a promise of a store', '"store" is an object', make({ store: Promise.resolve(memoryRecords()) })],
  ['a store that lacks an operation', '"touch"', make({ store: noTouch })],
  ['an option that there is not', '"rotateafter"', withStore({ rotateafter: 1 })],
  ['a timeout that there is not', '"idel"', withStore({ timeouts: { idel: 1 } })],
  ['a timeout of nothing', '"timeouts.idle" is 0', withStore({ timeouts: { idle: 0 } })],
  ['a timeout that is not a number', '"timeouts.idle" is NaN', withStore({ timeouts: { idle: Number.NaN } })],
  ['a negative timeout', '"timeouts.lifetime" is -1', withStore({ timeouts: { lifetime: -1 } })],
  ['a timeout in words', '"timeouts.idle" is "10m"', withStore({ timeouts: { idle: '10m' } })],
  ['timeouts that are a number', '"timeouts" must be an object', withStore({ timeouts: 5 })],
  ['a rotation that is off in another language', '"rotateAfter" is false', withStore({ rotateAfter: false })],
  ['a size in words', '"maxBytes" is "64k"', withStore({ maxBytes: '64k' })],
  ['a cache that is merely on', '"cache" must be an object', withStore({ cache: true })],
  ['a prefix that is a number', '"prefix" is 5', withStore({ prefix: 5 })],
  ['a clock that stands still', '"clock" must be a function', withStore({ clock: 5 })],
  ['a schedule that is none', '"schedule" must be a function', withStore({ schedule: 5 })],
  ['an observer that cannot be told', '"observer" must be an object', withStore({ observer: 5 })],
  ['a lookup in a word', '"lookup" is "header"', withStore({ lookup: 'header' })],
  ['a lookup of another kind', 'neither "cookie" nor "header"', withStore({ lookup: { kind: 'query' } })],
  ['a lookup without its header', '"lookup" names undefined', withStore({ lookup: { kind: 'header' } })],
  ['a cookie that is a word', '"cookie" must be an object', withStore({ cookie: 'sid' })],
  ['a cookie that is null', '"cookie" must be an object', withStore({ cookie: null })],
  ['a cookie option that there is not', '"samesite"', withStore({ cookie: { samesite: 'Lax' } })],
  ['a cookie named with a semicolon', '"a;b"', withStore({ cookie: { name: 'a;b' } })],
  ['a cookie whose name is a number', '"name" is 5', withStore({ cookie: { name: 5 } })],
  ['a cookie whose prefix does not hold', '__Host-', withStore({ cookie: { name: '__Host-a', domain: 'a.example' } })],
  ['a cookie domain that is a number', '"domain" is 5', withStore({ cookie: { domain: 5 } })],
  ['a SameSite in small letters', '"sameSite" is "lax"', withStore({ cookie: { sameSite: 'lax' } })],
  ['a SameSite that is a symbol', '"sameSite" is a symbol', withStore({ cookie: { sameSite: Symbol('Lax') } })],
  ['a Secure in words', '"secure" is "false"', withStore({ cookie: { secure: 'false' } })],
  ['a sealing in a word', '"sealing" is text', withStore({ sealing: 'ticket' })],
  ['a sealing of another kind', 'of kind "aes"', withStore({ sealing: { kind: 'aes' } })],
  ['a sealing named as objects have by nature', 'of kind "toString"', withStore({ sealing: { kind: 'toString' } })],
  ['sealing by keys without keys', 'keys are no list', withStore({ sealing: { kind: 'keys' } })],
  ['a migration from nowhere', '"sealing.from" is undefined', withStore({ sealing: { kind: 'migrate' } })],
  [
    'a migration until a date in words',
    '"sealing.until" is "2026"',
    withStore({ sealing: { kind: 'migrate', from: { kind: 'none' }, to: { kind: 'ticket' }, until: '2026' } }),
  ],
  ['server keys that are one key', 'keys are no list', withStore({ serverKeys: { length: 1 } })],
  ['sealed cookies without options', 'sealedCookies()', seal(undefined)],
  ['sealed cookies without keys', 'keys are no list', seal({})],
  ['sealed cookies with no key', 'list of keys is empty', seal({ keys: [] })],
  ['sealed cookies with a word for keys', 'keys are no list', seal({ keys: secret })],
  ['a key that is a word', 'no object', seal({ keys: [secret] })],
  ['a key of 17 bytes', '17 bytes', key(new Uint8Array(17))],
  ['a key as text, however long', 'no Uint8Array', key(secret)],
  ['a key as a list of numbers', 'no Uint8Array', key(Array(16).fill(0))],
  ['a key whose id is a number', 'Key id 5', key(new Uint8Array(16), 5)],
  [
    'a key id twice',
    'given twice',
    seal({ keys: ['k1', 'k1'].map((id, byte) => ({ id, bytes: new Uint8Array(16).fill(byte) })) }),
  ],
  ['parts in words', '"maxParts" is "3"', seal({ keys: [{ id: 'k1', bytes: new Uint8Array(16) }], maxParts: '3' })],
  ['a memory store of null', 'memoryRecords()', () => memoryRecords(null as never)],
  ['a memory bound in words', '"maxEntries" is "5"', () => memoryRecords({ maxEntries: '5' as never })],
  ['a key that was not read', 'readKey', () => readKey(undefined as never)],
]

test.each(making)('%s is refused when it is given', (_what, words, work) => {
  const error = thrown(work)
  expect(error).toBeInstanceOf(SessionError)
  expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(words) })
  expect(error.message.split(/[.;:] /).length).toBeGreaterThan(1)
  expect(error.message).not.toContain(secret)
})

const ticket = `__Host-session=1.${'A'.repeat(22)}.${'A'.repeat(22)}`
const using: [what: string, words: string, use: (sessions: SessionManager) => unknown][] = [
  ['open() with nothing', 'open: ', (sessions) => sessions.open(undefined as never)],
  ['open() with the header itself', 'is text', (sessions) => sessions.open(ticket as never)],
  ['open() with a list of headers', '"cookie" is a list', (sessions) => sessions.open({ cookie: [ticket] as never })],
  ['open() with a request', 'openRequest()', (sessions) => sessions.open(new Request(url) as unknown as Presented)],
  ['openRequest() with nothing', 'openRequest: ', (sessions) => sessions.openRequest(undefined as never)],
  [
    'openRequest() with a request of node:http',
    'open({ cookie: request.headers.cookie })',
    (sessions) => sessions.openRequest({ headers: { cookie: ticket } } as never),
  ],
  ['wrap() without a handler', 'wrap: the handler', (sessions) => sessions.wrap(undefined as never)],
  ['a handler that returns nothing', 'gave undefined', (sessions) => handle(sessions, undefined)],
  ['a handler that returns text', 'gave text', (sessions) => handle(sessions, ticket)],
  ['an answer that can carry no cookie', 'status 0', (sessions) => handle(sessions, Response.error())],
  ['set() without a key', 'set: the key', async (sessions) => (await sessions.open({})).set(undefined as never, 1)],
  ['delete() without a key', 'delete: the key', async (sessions) => (await started(sessions)).delete(5 as never)],
  [
    'end() for a reason of its own',
    'end: "tired"',
    async (sessions) => (await started(sessions)).end('tired' as never),
  ],
]

test.each(using)('%s is refused', async (_what, words, use) => {
  const sessions = createSessions({ store: memoryRecords() })
  const error = await Promise.resolve()
    .then(() => use(sessions))
    .then(
      () => undefined,
      (reason: Error) => reason,
    )
  expect(error).toBeInstanceOf(SessionError)
  expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(words) })
  expect(error!.message).not.toContain('AAAA')
})

test('a handler that forgets its response saves nothing', async () => {
  const store = memoryRecords()
  await expect(handle(createSessions({ store }), undefined)).rejects.toThrow(/not saved/)
  expect(store.size).toBe(0)
})

test('a header that did not come may be null, as Headers say it', async () => {
  const { headers } = new Request(url)
  const byCookie = createSessions({ store: memoryRecords() })
  expect((await byCookie.open({ cookie: headers.get('cookie') })).state).toBe('none')
  const byHeader = createSessions({ store: memoryRecords(), lookup: { kind: 'header', name: 'X-Session' } })
  expect((await byHeader.open({ ticket: headers.get('x-session') })).state).toBe('none')
})

test('options that are undefined have their default', async () => {
  const timeouts = { idle: undefined, lifetime: undefined } as object
  const session = await createSessions({ store: memoryRecords(), timeouts }).open({})
  session.start()
  expect(session.expiresIn).toBe(600)
})

test.each([
  null,
  {},
  { bytes: 'text', version: '1', remaining: 1 },
  { bytes: new Uint8Array(1), version: 1, remaining: 1 },
])('a store that reads %j is out of order: an outage, not a missing session', async (stored) => {
  const store = { ...memoryRecords(), read: async () => stored as never }
  await expect(createSessions({ store }).open({ cookie: ticket })).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
    message: expect.stringContaining('read() gave'),
  })
})

test('after the manager was closed, requests that were under way are still saved', async () => {
  const store = memoryRecords()
  const sessions = createSessions({ store })
  const session = await started(sessions)
  await sessions.close()
  await sessions.close()
  expect((await session.commit()).setCookie).toHaveLength(1)
  expect(store.size).toBe(1)
})

async function started(sessions: SessionManager) {
  const session = await sessions.open({})
  session.start()
  return session
}

function handle(sessions: SessionManager, answer: unknown): Promise<Response> {
  return sessions.wrap((_request, session) => {
    session.start()
    return answer as Response
  })(new Request(url))
}

function thrown(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
