import { describe, expect, test } from 'vitest'
import type { Sealing, SealingKey } from '../api.ts'
import { openMetadata } from '../metadata.ts'
import { readRecord } from '../record.ts'
import { createSealers } from '../sealing.ts'
import { sealedCookies } from '../stores/sealed-cookie/index.ts'
import { createBrowser, createWorld, minute, startOfTime } from './fixtures/world.ts'

const key = (id: string, length = 32): SealingKey => ({ id, bytes: new Uint8Array(length).fill(id.charCodeAt(1)) })
const k1 = key('k1')
const k2 = key('k2', 16)

const configurations: [string, { sealing?: Sealing; serverKeys?: SealingKey[] }][] = [
  ['ticket', {}],
  ['ticket with a key of the installation', { serverKeys: [k1] }],
  ['keys', { sealing: { kind: 'keys', keys: [k1, k2] } }],
  ['AES-128 keys', { sealing: { kind: 'keys', keys: [k2] } }],
  ['none', { sealing: { kind: 'none' } }],
  ['none with a key of the installation', { sealing: { kind: 'none' }, serverKeys: [k1] }],
]

describe.each(configurations)('sealing %s', (name, options) => {
  test('rule 2: what is written comes back, over changes and rotations', async () => {
    const world = createWorld()
    const browser = createBrowser(world.manager({ ...options, cache: false }))
    await browser.visit((s) => s.set('cart', ['ü', { a: null }]))
    await browser.visit((s) => s.signIn('ann'))
    await browser.visit((s) => s.set('n', 1))
    const session = await browser.visit()
    expect(session.data).toEqual({ cart: ['ü', { a: null }], n: 1 })
    expect(session.subject).toBe('ann')
  })

  test('rule 2: a change of any single bit reads as damaged or as another secret, never as a session', async () => {
    const world = createWorld()
    const manager = world.manager({ ...options, cache: false })
    const browser = createBrowser(manager)
    const { id } = await browser.visit((s) => s.set('a', 1))
    const { bytes, version } = (await world.records.read(id!))!
    let present = version
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      present = (await world.records.update(id!, flipped, present, minute))!
      const opened = await manager.open({ cookie: browser.cookie }).catch((error: { code: string }) => error.code)
      // A flip in the key's name is a key that nobody here has: an outage of this session.
      if (opened === 'ERR_KEY_UNKNOWN') continue
      expect([bit, typeof opened === 'string' ? opened : opened.state]).not.toEqual([bit, 'open'])
    }
  })

  test('rule 2: a record copied to another id does not open, nor one of another prefix', async () => {
    const world = createWorld()
    const manager = world.manager({ ...options, cache: false })
    const [ann, bob] = [createBrowser(manager), createBrowser(manager)]
    const mine = (await ann.visit((s) => s.set('who', 'ann'))).id!
    const theirs = (await bob.visit((s) => s.set('who', 'bob'))).id!
    const copied = (await world.records.read(mine))!.bytes
    const { version } = (await world.records.read(theirs))!
    await world.records.update(theirs, copied, version, minute)
    expect((await bob.visit()).state).not.toBe('open')
    const other = createBrowser(world.manager({ ...options, prefix: 'other' }), ann.cookie)
    expect((await other.visit()).state).toBe('none')
    expect((await ann.visit()).get('who')).toBe('ann')
  })

  test('rule 2: the store alone shows neither data nor subject, unless sealing is off', async () => {
    const world = createWorld()
    const browser = createBrowser(world.manager(options))
    await browser.visit((s) => s.set('diagnosis', 'measles'))
    const { id } = await browser.visit((s) => s.signIn('ann@example.com'))
    const bytes = Buffer.from((await world.records.read(id!))!.bytes)
    expect(bytes.includes('measles')).toBe(name.startsWith('none'))
    expect(bytes.includes('ann@example.com')).toBe(name.startsWith('none'))
  })
})

test('rule 2: damaged records are left alone; a new session gets another id', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ cache: false }))
  const { id } = await browser.visit((s) => s.set('a', 1))
  const { bytes, version } = (await world.records.read(id!))!
  const damaged = bytes.slice()
  damaged[bytes.length - 1]! ^= 1
  await world.records.update(id!, damaged, version, minute)
  const session = await browser.visit((s) => s.set('a', 2))
  expect(session.id).not.toBe(id)
  expect((await world.records.read(id!))!.bytes).toEqual(damaged)
  expect(world.events).toContain('rejected damaged')
})

test('rule 2: formats that are not read here, and what is no record, read as damaged', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ cache: false }))
  const { id } = await browser.visit((s) => s.set('a', 1))
  const stored = (await world.records.read(id!))!
  const later = stored.bytes.slice()
  later[0] = 2
  let { version } = stored
  for (const bytes of [later, new Uint8Array(0), new Uint8Array(1), new TextEncoder().encode('{"user":"ann"}')]) {
    version = (await world.records.update(id!, bytes, version, minute))!
    world.events.length = 0
    expect((await browser.visit()).state).toBe('none')
    expect(world.events).toEqual(['rejected damaged'])
  }
})

const weaker: [string, Parameters<ReturnType<typeof createWorld>['manager']>[0], typeof weakerOptions][] = []
const weakerOptions = { sealing: { kind: 'ticket' } as Sealing, serverKeys: [k1] }
weaker.push(
  ['none where ticket is configured', { sealing: { kind: 'none' }, serverKeys: [k1] }, weakerOptions],
  ['made without the key of the installation', { serverKeys: [] }, weakerOptions],
)
test.each(weaker)('rule 2: a record is refused that is %s', async (_name, written, read) => {
  const world = createWorld()
  const browser = createBrowser(world.manager(written))
  await browser.visit((s) => s.set('a', 1))
  const session = await createBrowser(world.manager(read), browser.cookie).visit()
  expect(session.state).toBe('none')
  expect(world.events).toContain('rejected damaged')
})

test('rule 2: a seal that is not configured here is an outage of that session, counted, and leaves it alone', async () => {
  const kinds: Sealing[] = [{ kind: 'ticket' }, { kind: 'keys', keys: [k1] }, { kind: 'none' }]
  for (const written of kinds.slice(0, 2)) {
    for (const read of kinds.filter(({ kind }) => kind !== written.kind)) {
      const world = createWorld()
      const browser = createBrowser(world.manager({ sealing: written, serverKeys: [k1] }))
      const { id } = await browser.visit((s) => s.set('a', 1))
      const before = await world.records.read(id!)
      const other = createBrowser(world.manager({ sealing: read, serverKeys: [k1], cache: false }), browser.cookie)
      await expect(other.visit((s) => s.set('a', 2))).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
      expect(world.events).toContain('rejected key_unknown')
      expect(await world.records.read(id!)).toEqual(before)
      expect((await browser.visit()).get('a')).toBe(1)
    }
  }
})

test('rule 2: reads under an old kind or key are told, with when such a session ends at the latest', async () => {
  const world = createWorld()
  const told: number[] = []
  const observer = { oldSeal: (lastsUntil: number) => told.push(lastsUntil) }
  const browser = createBrowser(world.manager({ sealing: { kind: 'none' } }))
  await browser.visit((s) => s.set('a', 1))
  const sealing: Sealing = { kind: 'migrate', from: { kind: 'none' }, to: { kind: 'keys', keys: [k1] } }
  const lifetime = 60 * minute
  const migrating = world.manager({ sealing, observer, cache: false, timeouts: { lifetime } })
  await createBrowser(migrating, browser.cookie).visit()
  await createBrowser(migrating, browser.cookie).visit((s) => s.set('b', 2))
  expect(told).toEqual([startOfTime + lifetime, startOfTime + lifetime])
  await createBrowser(migrating, browser.cookie).visit()
  expect(told).toHaveLength(2)
  const rotated = world.manager({ sealing: { kind: 'keys', keys: [k2, k1] }, observer, cache: false })
  await createBrowser(rotated, browser.cookie).visit()
  expect(told).toHaveLength(3)
})

test('rule 2: a key id that is not known here is an outage of that session, not its absence', async () => {
  const world = createWorld()
  const written: [{ sealing?: Sealing; serverKeys?: SealingKey[] }, object][] = [
    [{ sealing: { kind: 'keys', keys: [k1] } }, { sealing: { kind: 'keys', keys: [k2] } }],
    [{ serverKeys: [k1] }, { serverKeys: [k2] }],
    [{ serverKeys: [k1] }, { serverKeys: [] }],
  ]
  for (const [write, read] of written) {
    const browser = createBrowser(world.manager(write))
    await browser.visit((s) => s.set('a', 1))
    const opening = world.manager(read).open({ cookie: browser.cookie })
    await expect(opening).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN', message: expect.stringContaining('"k1"') })
  }
})

test('rule 2: a key id that is not known here is counted, once for each answer that it keeps from being given', async () => {
  const world = createWorld()
  const keys = (...keys: SealingKey[]) => ({ sealing: { kind: 'keys', keys } }) as const
  const browser = createBrowser(world.manager(keys(k1)))
  await browser.visit((s) => s.set('a', 1))
  const unknown = () => world.events.filter((event) => event === 'rejected key_unknown').length
  await expect(world.manager(keys(k2)).open({ cookie: browser.cookie })).rejects.toHaveProperty('code')
  expect(unknown()).toBe(1)
  const session = await world.manager({ ...keys(k1), cache: false }).open({ cookie: browser.cookie })
  session.set('a', 2)
  await createBrowser(world.manager(keys(k2, k1)), browser.cookie).visit((s) => s.set('b', 1))
  await expect(session.commit()).rejects.toHaveProperty('code', 'ERR_KEY_UNKNOWN')
  expect(unknown()).toBe(2)
  world.down = true
  await expect(world.manager(keys(k1)).open({ cookie: browser.cookie })).rejects.toHaveProperty('code')
  expect(world.events.filter((event) => event.startsWith('rejected'))).toHaveLength(2)
})

test('rule 2: it is counted as well where no store is asked, for a sealed cookie', async () => {
  const world = createWorld()
  const sealed = (key: SealingKey) => world.manager({ store: sealedCookies({ keys: [key] }) })
  const browser = createBrowser(sealed(k1))
  await browser.visit((s) => s.set('a', 1))
  await expect(sealed(k2).open({ cookie: browser.cookie })).rejects.toHaveProperty('code', 'ERR_KEY_UNKNOWN')
  expect(world.events).toEqual(['created', 'rejected key_unknown'])
})

test('rule 2: who guesses a secret learns nothing of keys: the secret is compared first', async () => {
  const world = createWorld()
  const { id } = await createBrowser(world.manager({ serverKeys: [k1] })).visit((s) => s.set('a', 1))
  const guess = `__Host-session=1.${id}.AAAAAAAAAAAAAAAAAAAAAA`
  expect((await world.manager({ serverKeys: [k2] }).open({ cookie: guess })).state).toBe('refused')
})

test.each([
  ['keys', (keys: SealingKey[]) => ({ sealing: { kind: 'keys', keys } as Sealing })],
  ['keys of the installation', (serverKeys: SealingKey[]) => ({ serverKeys })],
])(
  'rule 2: of several %s the first writes and all read; a session moves to the first when it is written',
  async (_, options) => {
    const world = createWorld()
    const browser = createBrowser(world.manager(options([k1])))
    const { id } = await browser.visit((s) => s.set('a', 1))
    const both = createBrowser(world.manager(options([k2, k1])), browser.cookie)
    expect((await both.visit()).get('a')).toBe(1)
    expect(readRecord((await world.records.read(id!))!.bytes)!.header.keyId).toBe('k1')
    await both.visit((s) => s.set('b', 2))
    expect(readRecord((await world.records.read(id!))!.bytes)!.header.keyId).toBe('k2')
    const later = createBrowser(world.manager(options([k2])), browser.cookie)
    expect((await later.visit()).data).toEqual({ a: 1, b: 2 })
  },
)

test('rule 2: migrating reads the old kind until its end date and writes the new one', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ sealing: { kind: 'none' } }))
  const { id } = await browser.visit((s) => s.set('a', 1))
  const idle = createBrowser(world.manager({ sealing: { kind: 'none' } }))
  await idle.visit((s) => s.set('a', 1))
  const sealing: Sealing = {
    kind: 'migrate',
    from: { kind: 'none' },
    to: { kind: 'keys', keys: [k1] },
    until: startOfTime + minute,
  }
  const migrating = world.manager({ sealing, cache: false })
  browser.cookie = (await createVisit(migrating, browser.cookie)).cookie
  expect(readRecord((await world.records.read(id!))!.bytes)!.header.kind).toBe('keys')
  await world.move(minute)
  expect((await migrating.open({ cookie: browser.cookie })).data).toEqual({ a: 1, b: 2 })
  expect((await migrating.open({ cookie: idle.cookie })).state).toBe('none')
})

async function createVisit(manager: Parameters<typeof createBrowser>[0], cookie: string) {
  const browser = createBrowser(manager, cookie)
  const session = await browser.visit((s) => s.set('b', 2))
  expect(session.get('a')).toBe(1)
  return browser
}

test('rule 2: migrating from ticket to ticket lets in what was made before there was a key', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const { id } = await browser.visit((s) => s.set('a', 1))
  const sealing: Sealing = { kind: 'migrate', from: { kind: 'ticket' }, to: { kind: 'ticket' } }
  await createVisit(world.manager({ sealing, serverKeys: [k1] }), browser.cookie)
  expect(readRecord((await world.records.read(id!))!.bytes)!.header.keyId).toBe('k1')
})

test('rule 2: after its end date, a migration lets in nothing that was made without a key', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('a', 1))
  const ticket: Sealing = { kind: 'ticket' }
  const sealing: Sealing = { kind: 'migrate', from: ticket, to: ticket, until: startOfTime + minute }
  const manager = world.manager({ sealing, serverKeys: [k1], cache: false })
  expect((await manager.open({ cookie: browser.cookie })).state).toBe('open')
  await world.move(minute)
  expect((await manager.open({ cookie: browser.cookie })).state).toBe('none')
})

test('rule 2: nothing migrates to plain text', () => {
  const world = createWorld()
  const sealing: Sealing = { kind: 'migrate', from: { kind: 'ticket' }, to: { kind: 'none' } }
  expect(() => world.manager({ sealing })).toThrow(/lie open in the store/)
})

test('rule 2: metadata opens with a key of the installation alone, and for its own id only', async () => {
  const world = createWorld()
  const manager = world.manager({ serverKeys: [k1] })
  const session = await manager.open({ address: '192.0.2.7', userAgent: 'u'.repeat(9999) })
  session.signIn('ann')
  await session.commit()
  const { header } = readRecord((await world.records.read(session.id!))!.bytes)!
  const { writes } = createSealers({ kind: 'ticket' }, [k1], 'shop')
  const metadata = openMetadata(writes, session.id!, header)!
  expect(metadata).toEqual({ address: '192.0.2.7', userAgent: 'u'.repeat(512), subject: expect.any(String) })
  expect(metadata.subject).not.toContain('ann')
  expect(openMetadata(writes, 'AAAAAAAAAAAAAAAAAAAAAA', header)).toBeUndefined()
  expect(openMetadata(createSealers({ kind: 'ticket' }, [], 'shop').writes, session.id!, header)).toBeUndefined()
})

test.each([
  ['of another kind', { sealing: { kind: 'none' } }, { kind: 'none' }, { kind: 'keys', keys: [k1] }, []],
  ['of no key', {}, { kind: 'ticket' }, { kind: 'ticket' }, [k1]],
] as const)(
  'rule 2: what is cached of a seal %s is served no longer than it is read',
  async (_, before, from, to, serverKeys) => {
    const world = createWorld()
    const browser = createBrowser(world.manager(before))
    await browser.visit((s) => s.set('a', 1))
    const manager = world.manager({
      sealing: { kind: 'migrate', from, to, until: startOfTime + minute },
      serverKeys,
      serveCachedFor: 10 * minute,
    })
    const old = createBrowser(manager, browser.cookie)
    const present = createBrowser(manager)
    await present.visit((s) => s.set('b', 1))
    await world.move(minute - 1)
    for (const one of [old, present]) expect((await one.visit()).state).toBe('open')
    world.operations.length = 0
    for (const one of [old, present]) expect((await one.visit()).state).toBe('open')
    expect(world.operations).toEqual([])
    await world.move(1)
    for (const one of [old, present]) await one.visit()
    expect([(await old.visit()).state, (await present.visit()).state]).toEqual(['none', 'open'])
    expect(world.operations.filter((operation) => operation === 'read')).toEqual(['read', 'read'])
  },
)
