import { describe, expect, test } from 'vitest'
import { SessionError } from '../errors.ts'
import { createSessions } from '../manager.ts'
import type { RecordStore } from '../store.ts'
import { commitOf } from '../unknown-outcome.ts'
import { createBrowser, createWorld, minute, ticketIn, type World } from './fixtures/world.ts'

/** More failures than there are attempts. */
const always = 99

interface Fault {
  /** Whether the store writes before it fails. */
  readonly writes: boolean
  /** Answers again after so many failures; `always`: never. */
  readonly failures: number
  /** Reading fails as well. */
  readonly reads?: boolean
  /** What the store says of it. */
  readonly says?: { notExecuted?: boolean; unconfirmed?: boolean }
}

/** A store that fails to write, having done so or not. */
function failing(records: RecordStore, { writes, failures, reads = false, says }: Fault): RecordStore {
  let left = failures
  const lost = () => new SessionError('ERR_STORE_UNAVAILABLE', 'The reply was lost.', says)
  async function write(work: () => Promise<string | undefined>): Promise<string | undefined> {
    if (left <= 0) return work()
    left -= 1
    if (writes) await work()
    throw lost()
  }
  return {
    ...records,
    read: (id) => (reads && left < failures ? Promise.reject(lost()) : records.read(id)),
    create: (...given) => write(() => records.create(...given)),
    update: (...given) => write(() => records.update(...given)),
  }
}

/** One visit over a store that fails; what its answer tells, and what the browser finds afterwards. */
async function visit(
  world: World,
  cookie: string,
  fault: Fault,
  work: (session: Awaited<ReturnType<ReturnType<World['manager']>['open']>>) => void,
) {
  const { confirm: _, ...records } = world.records
  const manager = createSessions({ store: failing(records, fault), prefix: 'shop', clock: world.clock })
  const browser = createBrowser(manager, cookie)
  const session = await manager.open({ cookie })
  work(session)
  let error: unknown
  try {
    browser.take(await session.commit())
  } catch (thrown) {
    error = thrown
    browser.take(commitOf(thrown) ?? { setCookie: [], ticket: undefined })
  }
  const after = createBrowser(world.manager({ cache: false }), browser.cookie)
  return { cookie: browser.cookie, error, found: await after.visit() }
}

const kinds = {
  create: { before: undefined, work: 'set' },
  'sign-in of a new visitor': { before: undefined, work: 'signIn' },
  'sign-in': { before: 'set', work: 'signIn' },
  rotation: { before: 'set', work: 'rotate' },
} as const

const works = {
  set: (session: { set(key: string, value: number): void }) => session.set('a', 1),
  signIn: (session: { signIn(subject: string): void }) => session.signIn('ann'),
  rotate: (session: { rotate(): void }) => session.rotate(),
}

describe.each(Object.entries(kinds))('rule 6, unknown outcome of a %s', (_, { before, work }) => {
  async function begin() {
    const world = createWorld()
    const browser = createBrowser(world.manager())
    if (before !== undefined) await browser.visit(works[before])
    return { world, cookie: browser.cookie }
  }

  test('written, and the reply was lost: it is found, and the visitor is answered as if nothing had been', async () => {
    const { world, cookie } = await begin()
    const { error, found, cookie: after } = await visit(world, cookie, { writes: true, failures: 1 }, works[work])
    expect(error).toBeUndefined()
    expect(found.state).toBe('open')
    expect(after).not.toBe(cookie)
    if (work === 'signIn') expect(found.subject).toBe('ann')
  })

  test('not written: it is not found, and written then, once', async () => {
    const { world, cookie } = await begin()
    const { error, found } = await visit(world, cookie, { writes: false, failures: 1 }, works[work])
    expect(error).toBeUndefined()
    expect(found.state).toBe('open')
  })

  test('not written, and the store answers and goes on failing: the cookie is untouched', async () => {
    const { world, cookie } = await begin()
    const fault = { writes: false, failures: always }
    const { error, cookie: after, found } = await visit(world, cookie, fault, works[work])
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(after).toBe(cookie)
    expect(found.state).toBe(before === undefined ? 'none' : 'open')
  })

  test('written, and the store is gone: even the failure carries the new cookie, which opens the session', async () => {
    const { world, cookie } = await begin()
    const fault = { writes: true, failures: always, reads: true }
    const { error, found, cookie: after } = await visit(world, cookie, fault, works[work])
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(found.state).toBe('open')
    expect(`${error} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toContain(ticketIn(after).secret)
  })

  test('certainly not written: nothing is asked again, and the cookie is untouched', async () => {
    const { world, cookie } = await begin()
    const fault = { writes: false, failures: always, says: { notExecuted: true } }
    world.operations.length = 0
    const { error, cookie: after } = await visit(world, cookie, fault, works[work])
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(after).toBe(cookie)
  })

  test('written and not confirmed: the failure stands, and carries the new cookie', async () => {
    const { world, cookie } = await begin()
    const fault = { writes: true, failures: 1, says: { unconfirmed: true } }
    const { error, found } = await visit(world, cookie, fault, works[work])
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', unconfirmed: true })
    expect(found.state).toBe('open')
  })
})

test('rule 6: a write that is done late, after it was written again, finds another version', async () => {
  const world = createWorld()
  const { confirm: _, ...records } = world.records
  let late: (() => Promise<string | undefined>) | undefined
  const store: RecordStore = {
    ...records,
    update(...given) {
      if (late !== undefined) return records.update(...given)
      late = () => records.update(...given)
      return Promise.reject(new Error('no answer'))
    },
  }
  const browser = createBrowser(createSessions({ store, prefix: 'shop', clock: world.clock }))
  await browser.visit((session) => session.set('a', 1))
  await browser.visit((session) => session.rotate())
  expect(await late!()).toBeUndefined()
  expect((await createBrowser(world.manager(), browser.cookie).visit()).get('a')).toBe(1)
})

test('rule 6: a change to data whose reply was lost is not made twice', async () => {
  const world = createWorld()
  const first = createBrowser(world.manager())
  await first.visit((session) => session.set('a', 1))
  world.operations.length = 0
  const { error, found } = await visit(world, first.cookie, { writes: true, failures: 1 }, (s) => s.set('b', 2))
  expect([error, found.data]).toEqual([undefined, { a: 1, b: 2 }])
  expect(world.operations.filter((operation) => operation === 'update')).toEqual(['update'])
})

test('rule 6: a rotation by age of which nothing is known tells nothing: the ticket at hand stays good', async () => {
  const world = createWorld()
  const first = createBrowser(world.manager({ rotateAfter: minute }))
  await first.visit((session) => session.set('a', 1))
  await world.move(2 * minute)
  const { confirm: _, ...records } = world.records
  const store = failing(records, { writes: true, failures: always, reads: true })
  const manager = createSessions({ store, prefix: 'shop', clock: world.clock, rotateAfter: minute })
  const session = await manager.open({ cookie: first.cookie })
  session.set('b', 2)
  const error = await session.commit().catch((thrown: unknown) => thrown)
  expect(commitOf(error)).toBeUndefined()
  expect((await first.visit()).data).toEqual({ a: 1, b: 2 })
})

test('rule 6: an end that is not confirmed fails, and takes the cookie all the same', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((session) => session.set('a', 1))
  const { confirm: _, ...records } = world.records
  const store: RecordStore = {
    ...records,
    async delete(id) {
      await records.delete(id)
      throw new SessionError('ERR_STORE_UNAVAILABLE', 'Not confirmed.', { unconfirmed: true })
    },
  }
  const session = await world.manager({ store }).open({ cookie: browser.cookie })
  session.end()
  const error = await session.commit().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ unconfirmed: true })
  browser.take(commitOf(error)!)
  expect(browser.cookie).toBe('')
})

test('rule 6: wrap() answers 503 with the cookie of what may be written, and an outage otherwise with none', async () => {
  const world = createWorld()
  const { confirm: _, ...records } = world.records
  const answer = async (fault: Fault) => {
    const manager = createSessions({ store: failing(records, fault), prefix: 'shop', clock: world.clock })
    const handle = manager.wrap((_request, session) => {
      session.signIn('ann')
      return new Response('hello')
    })
    const response = await handle(new Request('https://shop.example.com/'))
    return [response.status, response.headers.get('retry-after'), response.headers.getSetCookie().length]
  }
  const failures = always
  expect(await answer({ writes: true, failures, reads: true })).toEqual([503, '5', 1])
  expect(await answer({ writes: false, failures })).toEqual([503, '5', 0])
})
