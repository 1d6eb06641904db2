import { beforeEach, describe, expect, test } from 'vitest'
import type { SealingKey, SessionManager } from './api.ts'
import { createDirectory, type DirectoryOptions, type SessionDirectory } from './directory.ts'
import { SessionError } from './errors.ts'
import { createSessions } from './manager.ts'
import type { SessionsOptions } from './options.ts'
import { createBrowser, minute, startOfTime } from './rules/fixtures/world.ts'
import type { RecordStore } from './store.ts'
import { type MemoryRecords, memoryRecords } from './stores/memory/index.ts'
import { commitOf } from './unknown-outcome.ts'

const timeouts = { idle: 10 * minute, lifetime: 720 * minute }
const key = (id: string, fill: number): SealingKey => ({ id, bytes: new Uint8Array(32).fill(fill) })
const [k1, k2] = [key('k1', 1), key('k2', 2)]

let now: number
let timers: { at: number; run: () => void }[]
let store: MemoryRecords
beforeEach(() => {
  now = startOfTime
  timers = []
  store = memoryRecords({ clock: () => now })
})

const clock = () => now
const schedule = (run: () => void, milliseconds: number) => {
  const timer = { at: now + milliseconds, run }
  timers.push(timer)
  return () => {
    timers = timers.filter((one) => one !== timer)
  }
}

/** Moves the clock, and runs what came up. */
async function pass(milliseconds: number): Promise<void> {
  now += milliseconds
  const due = timers.filter(({ at }) => at <= now)
  timers = timers.filter(({ at }) => at > now)
  for (const { run } of due) run()
  await new Promise((resolve) => setImmediate(resolve))
}

const manager = (options: Partial<SessionsOptions> = {}): SessionManager =>
  createSessions({ store, prefix: 'shop', timeouts, serverKeys: [k1], clock, schedule, ...options })
const directory = (options: Partial<DirectoryOptions> = {}): SessionDirectory =>
  createDirectory({ store, prefix: 'shop', timeouts, serverKeys: [k1], clock, ...options })
const ann = { subject: 'ann' }

async function signIn(who = 'ann', sessions = manager()) {
  const browser = createBrowser(sessions)
  const session = await browser.visit((session) => session.signIn(who))
  return { browser, id: session.id ?? '', session }
}

async function idsOf(sessions: Promise<readonly { readonly id: string }[]>): Promise<string[]> {
  return (await sessions).map(({ id }) => id)
}

/** The store with a step before one of its operations. */
function before(operation: keyof MemoryRecords, step: () => Promise<unknown>): RecordStore {
  const next = store[operation] as (...args: unknown[]) => unknown
  return {
    ...store,
    [operation]: async (...args: unknown[]) => {
      await step()
      return next(...args)
    },
  }
}

/** The store without what its name says. */
function without(...abilities: (keyof MemoryRecords)[]): RecordStore {
  const kept = Object.entries(store).filter(([name]) => !abilities.includes(name as keyof MemoryRecords))
  return Object.fromEntries(kept) as unknown as RecordStore
}

describe('what is told of a session', () => {
  test('is its metadata and its times, and nothing of its content', async () => {
    const sessions = manager()
    const session = await sessions.open({ address: '10.0.0.9', userAgent: 'Firefox' })
    session.signIn('ann')
    session.set('card', '4111')
    const { setCookie } = await session.commit()
    await pass(2 * minute)
    const [info] = await directory().find(ann)
    expect(info).toEqual({
      id: session.id,
      subject: expect.stringMatching(/^[\w-]{22}$/),
      createdAt: startOfTime,
      lastSeenAt: startOfTime,
      endsAt: startOfTime + timeouts.idle,
      address: '10.0.0.9',
      userAgent: 'Firefox',
      readable: true,
      sealing: 'ticket',
      keyId: 'k1',
      rotatedAt: startOfTime,
      size: expect.any(Number),
    })
    expect(await directory().get(session.id!)).toEqual(info)
    const told = JSON.stringify(info)
    for (const secret of ['4111', setCookie[0]!.split('.')[2]!.slice(0, 22), '"ann"'])
      expect(told).not.toContain(secret)
  })

  test('is less without the key of the installation', async () => {
    const { id } = await signIn()
    const [one, other] = [directory({ serverKeys: [k2] }), directory({ serverKeys: [] })]
    for (const blind of [one, other]) {
      expect(await blind.get(id)).toMatchObject({ id, readable: false, subject: undefined, keyId: 'k1' })
    }
  })

  test('is nothing of another prefix, or of what is no record', async () => {
    const { id } = await signIn()
    await store.create('junk', Uint8Array.of(1, 2, 3), minute)
    expect(await directory({ prefix: 'other' }).get(id)).toBeUndefined()
    expect(await directory().get('junk')).toBeUndefined()
    const all = []
    for await (const batch of directory().list()) all.push(...batch)
    expect(all.map((info) => info.id)).toEqual([id])
  })

  test('says nothing of when it was used where its lifetime ends first', async () => {
    const short = { idle: 10 * minute, lifetime: 11 * minute }
    const sessions = manager({ timeouts: short })
    const { browser, id } = await signIn('ann', sessions)
    await pass(5 * minute)
    await browser.visit()
    expect((await directory({ timeouts: short }).get(id))?.lastSeenAt).toBeUndefined()
  })

  test('is text where nothing is sealed, whoever wrote it', async () => {
    const sessions = manager({ sealing: { kind: 'none' }, serverKeys: [] })
    const { id } = await signIn('ann', sessions)
    const stored = (await store.read(id))!
    const text = Buffer.from(stored.bytes)
      .toString('latin1')
      .replace(/"subject":"[\w-]{22}"}/, `"subject":${'7'.repeat(24)}}`)
    await store.update(id, Buffer.from(text, 'latin1'), stored.version, minute)
    const info = await directory({ sealing: { kind: 'none' }, serverKeys: [] }).get(id)
    expect(info).toMatchObject({ readable: true, subject: undefined })
  })
})

describe.each(['with an index', 'with a list alone'])('sessions of a person, %s,', (how) => {
  const open = (options: Partial<DirectoryOptions> = {}) =>
    directory(how === 'with an index' ? options : { store: without('enter', 'entered', 'leave'), ...options })

  test('are found oldest first, and those of others are not', async () => {
    const first = await signIn()
    await pass(1000)
    await signIn('bob')
    const second = await signIn()
    expect(await idsOf(open().find(ann))).toEqual([first.id, second.id])
    expect(await open().find({ subject: 'nobody' })).toEqual([])
  })

  test('are all ended, and counted', async () => {
    const [first, second, other] = [await signIn(), await signIn(), await signIn('bob')]
    expect(await open().endAll(ann)).toBe(2)
    expect([(await first.browser.visit()).state, (await second.browser.visit()).state]).toEqual(['none', 'none'])
    expect((await other.browser.visit()).subject).toBe('bob')
    expect(await open().endAll(ann)).toBe(0)
  })

  test('are found by the keys of before as well', async () => {
    const { id } = await signIn()
    const { id: later } = await signIn('ann', manager({ serverKeys: [k2, k1] }))
    expect((await idsOf(open({ serverKeys: [k2, k1] }).find(ann))).sort()).toEqual([id, later].sort())
  })

  test('are found after the keys changed, when only the new one wrote to the index since', async () => {
    const { browser, id } = await signIn()
    const later = createBrowser(manager({ serverKeys: [k2, k1] }), browser.cookie)
    for (let step = 0; step < 4; step += 1) {
      await pass(6 * minute)
      expect((await later.visit()).subject).toBe('ann')
    }
    expect(await idsOf(open({ serverKeys: [k2, k1] }).find(ann))).toEqual([id])
    expect(await open({ serverKeys: [k2, k1] }).endAll(ann)).toBe(1)
  })

  test('are found by the session at the provider', async () => {
    const sessions = manager()
    const browser = createBrowser(sessions)
    const { id } = await browser.visit((session) => session.signIn('ann', { providerSession: 's-1' }))
    await signIn()
    expect(await idsOf(open().find({ providerSession: 's-1' }))).toEqual([id])
    expect(await idsOf(open().find(ann))).toHaveLength(2)
    await browser.visit((session) => session.set('a', 1))
    expect(await open().endAll({ providerSession: 's-1' })).toBe(1)
    expect(await idsOf(open().find(ann))).toHaveLength(1)
  })

  test('are no more the ones of who had the session before', async () => {
    const { browser, id } = await signIn()
    await browser.visit((session) => session.signIn('bob'))
    expect(await open().find(ann)).toEqual([])
    expect(await idsOf(open().find({ subject: 'bob' }))).toEqual([id])
  })
})

test('sessions from before there was a key are found by the index while it migrates', async () => {
  const { id } = await signIn('ann', manager({ serverKeys: [] }))
  const sealing = { kind: 'migrate', from: { kind: 'ticket' }, to: { kind: 'ticket' } } as const
  expect(await directory({ sealing }).find(ann)).toMatchObject([{ id, readable: false }])
})

test('a name of a session at the provider has at most 256 characters', async () => {
  const session = await manager().open({})
  expect(() => session.signIn('ann', { providerSession: 'x'.repeat(257) })).toThrow(SessionError)
  expect(session.subject).toBeUndefined()
})

test('without index and list nothing is found, and that is said', async () => {
  const store = without('enter', 'entered', 'leave', 'list')
  await expect(directory({ store }).find(ann)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  await expect(directory({ store }).endAll(ann)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
})

describe('the index', () => {
  const nameOf = async () => `subject:${(await directory().find(ann))[0]!.subject}`

  test('is kept true by touches, also those that come later', async () => {
    const { browser } = await signIn()
    const name = await nameOf()
    await pass(2 * minute)
    await browser.visit()
    expect((await store.entered(name))[0]!.endsAt).toBe(now + timeouts.idle)
    await pass(30_000)
    await browser.visit()
    const usedAt = now
    await pass(minute)
    expect((await store.entered(name))[0]!.endsAt).toBe(usedAt + timeouts.idle)
  })

  test('a move that fails is tried again until it holds', async () => {
    let down = true
    const failing = before('enter', async () => {
      if (down) throw new SessionError('ERR_STORE_UNAVAILABLE', 'down')
    })
    down = false
    const { browser } = await signIn('ann', manager({ store: failing }))
    const name = await nameOf()
    down = true
    await pass(2 * minute)
    await browser.visit()
    const usedAt = now
    await pass(1000)
    await pass(1000)
    expect((await store.entered(name))[0]!.endsAt).toBe(startOfTime + timeouts.idle)
    down = false
    await pass(1000)
    expect((await store.entered(name))[0]!.endsAt).toBe(usedAt + timeouts.idle)
  })

  test('what is owed is tried once more at close()', async () => {
    let down = false
    const failing = before('enter', async () => {
      if (down) throw new SessionError('ERR_STORE_UNAVAILABLE', 'down')
    })
    const sessions = manager({ store: failing })
    const { browser } = await signIn('ann', sessions)
    const name = await nameOf()
    down = true
    await pass(2 * minute)
    await browser.visit()
    down = false
    await sessions.close()
    expect((await store.entered(name))[0]!.endsAt).toBe(now + timeouts.idle)
  })

  test('a sign-out takes the entry out', async () => {
    const { browser } = await signIn()
    const name = await nameOf()
    await browser.visit((session) => session.end())
    expect(await store.entered(name)).toEqual([])
  })

  test('a sign-in that cannot be entered is an outage, and writes nothing', async () => {
    const failing = before('enter', () => Promise.reject(new SessionError('ERR_STORE_UNAVAILABLE', 'down')))
    await expect(signIn('ann', manager({ store: failing }))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(store.size).toBe(0)
  })

  test('a session whose entry had to make room is ended', async () => {
    const { browser, id } = await signIn()
    const full: RecordStore = { ...store, enter: async () => [id] } as never
    await signIn('ann', manager({ store: full }))
    expect((await browser.visit()).state).toBe('none')
  })

  test('a sign-in that finds no room at all is refused', async () => {
    const full: RecordStore = { ...store, enter: async (_: string, { id }: { id: string }) => [id] } as never
    await expect(signIn('ann', manager({ store: full }))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(store.size).toBe(0)
  })

  test('an entry without a record is taken out 10 s after its session began, and not before', async () => {
    const { id } = await signIn()
    const name = await nameOf()
    await store.delete(id)
    await pass(10_000)
    await directory().find(ann)
    expect(await store.entered(name)).toHaveLength(1)
    await pass(1)
    await directory().find(ann)
    expect(await store.entered(name)).toEqual([])
  })
})

describe('ending all sessions of a person while they sign in', () => {
  const over = expect.objectContaining({
    code: 'ERR_STORE_CONFLICT',
    message: expect.stringContaining('were ended while'),
  })

  test.each(['enter', 'create'] as const)(
    'before it reaches %s: the sign-in is over, and says so',
    async (operation) => {
      const racing = before(operation, () => directory().endAll(ann))
      const signingIn = signIn('ann', manager({ store: racing }))
      const error: unknown = await signingIn.catch((thrown: unknown) => thrown)
      expect([error, commitOf(error)]).toEqual([over, undefined])
      expect(store.size).toBe(0)
      expect(await directory().find(ann)).toEqual([])
    },
  )

  test('into a session that is there: it ends', async () => {
    const racing = before('update', () => directory().endAll(ann))
    const sessions = manager({ store: racing })
    const browser = createBrowser(sessions)
    await browser.visit((session) => session.set('cart', 1))
    await expect(browser.visit((session) => session.signIn('ann'))).rejects.toEqual(over)
    expect((await browser.visit()).state).toBe('none')
  })

  test.each([0, 250, 1000])('a sign-in that began %i ms afterwards goes through', async (milliseconds) => {
    await signIn()
    await directory().endAll(ann)
    await pass(milliseconds)
    const { browser } = await signIn()
    expect((await browser.visit()).subject).toBe('ann')
  })

  test('once more, in the millisecond in which they were ended before: the sign-in is over', async () => {
    await directory().endAll(ann)
    const racing = before('create', () => directory().endAll(ann))
    await expect(signIn('ann', manager({ store: racing }))).rejects.toEqual(over)
    expect(store.size).toBe(0)
  })

  test('the clocks of the gateway and of the store do not matter', async () => {
    await directory().endAll(ann)
    const behind = manager({ clock: () => now - minute })
    expect((await signIn('ann', behind)).session.state).toBe('open')
    const racing = before('create', () => directory().endAll(ann))
    const ahead = manager({ store: racing, clock: () => now + minute })
    await expect(signIn('ann', ahead)).rejects.toEqual(over)
  })

  test('that of another person is not touched', async () => {
    const racing = before('create', () => directory().endAll(ann))
    const { browser } = await signIn('bob', manager({ store: racing }))
    expect((await browser.visit()).subject).toBe('bob')
  })
})
