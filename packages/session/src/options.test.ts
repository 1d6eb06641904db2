import { expect, test } from 'vitest'
import { createSessions } from './manager.ts'
import type { SessionsOptions } from './options.ts'
import { memoryRecords } from './stores/memory/index.ts'
import { sealedCookies } from './stores/sealed-cookie/index.ts'

const key = { id: 'k1', bytes: new Uint8Array(32) }
const wrong: [string, Partial<SessionsOptions>][] = [
  ['prefix', { prefix: '' }],
  ['prefix', { prefix: '~ours' }],
  ['prefix', { prefix: 'a\0b' }],
  ['prefix', { prefix: 'a'.repeat(129) }],
  ['timeouts.idle', { timeouts: { idle: 0 } }],
  ['timeouts.lifetime', { timeouts: { lifetime: Number.POSITIVE_INFINITY } }],
  ['rotateAfter', { rotateAfter: -1 }],
  ['maxBytes', { maxBytes: Number.NaN }],
  ['cache.maxEntries', { cache: { maxEntries: 0, maxAge: 1 } }],
  ['cache.maxAge', { cache: { maxEntries: 1, maxAge: 0 } }],
  ['serveCachedFor', { serveCachedFor: -1 }],
  ['serveCachedFor', { serveCachedFor: 1000, cache: false }],
  ['lookup', { lookup: { kind: 'header', name: 'X Session' } }],
  ['lookup', { lookup: { kind: 'header', name: 'x' }, store: sealedCookies({ keys: [key] }) }],
  ['empty', { sealing: { kind: 'keys', keys: [] } }],
  ['"k1" is given twice', { serverKeys: [key, key] }],
  ['bytes', { serverKeys: [{ id: 'k1', bytes: new Uint8Array(20) }] }],
  [
    'migration',
    {
      sealing: {
        kind: 'migrate',
        from: { kind: 'none' },
        to: { kind: 'migrate', from: { kind: 'none' }, to: { kind: 'ticket' } },
      },
    },
  ],
  [
    'one list',
    { sealing: { kind: 'migrate', from: { kind: 'keys', keys: [key] }, to: { kind: 'keys', keys: [key] } } },
  ],
]

test.each(wrong)('a wrong option is refused by its name: %s %j', (name, options) => {
  expect(() => createSessions({ store: memoryRecords(), ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(name) }),
  )
})

test('everything but the store has a default', async () => {
  const sessions = createSessions({ store: memoryRecords() })
  const session = await sessions.open({})
  session.start()
  expect(session.expiresIn).toBe(600)
  expect((await session.commit()).setCookie[0]).toMatch(/^__Host-session=1\./)
  expect(sessions.revokes).toBe(true)
  await sessions.close()
})

test('over a store that others may share, the prefix has to be given, and names the store', async () => {
  const asked: string[] = []
  const records = memoryRecords()
  const store = {
    under(prefix: string) {
      asked.push(prefix)
      return records
    },
  }
  expect(() => createSessions({ store })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('"prefix" is missing') }),
  )
  expect(asked).toEqual([])
  await records.create('id', Uint8Array.of(1), 1000)
  await createSessions({ store, prefix: 'shop' }).close()
  expect(asked).toEqual(['shop'])
  expect(records.size).toBe(0)
})

test('the clock is the given one, else that of the store, else that of this machine', async () => {
  const own = { ...memoryRecords(), now: () => 1_800_000_000_000 }
  const startedAt = async (options: Partial<SessionsOptions>) => {
    const session = await createSessions({ store: own, ...options }).open({})
    session.start()
    return session.createdAt
  }
  expect(await startedAt({})).toBe(1_800_000_000_000)
  expect(await startedAt({ clock: () => 5 })).toBe(5)
  expect(Math.abs((await startedAt({ store: memoryRecords() }))! - Date.now())).toBeLessThan(10_000)
})
