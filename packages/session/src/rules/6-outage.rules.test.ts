import { expect, test } from 'vitest'
import { SessionError } from '../errors.ts'
import { createBrowser, createWorld, minute, second } from './fixtures/world.ts'

const unavailable = { code: 'ERR_STORE_UNAVAILABLE' }

test('rule 6: an outage is not a logout: open() rejects, and afterwards the session is there as before', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('a', 1))
  world.down = true
  await expect(browser.visit()).rejects.toMatchObject(unavailable)
  await expect(createBrowser(world.manager(), browser.cookie).visit()).rejects.toMatchObject(unavailable)
  world.down = false
  expect((await browser.visit()).get('a')).toBe(1)
})

test('rule 6: who brings no session of ours is served while the store is away', async () => {
  const world = createWorld()
  world.down = true
  const session = await createBrowser(world.manager(), 'other=cookie').visit()
  expect(session.state).toBe('none')
  expect(world.operations).toEqual([])
})

test('rule 6: what cannot be written is said, and nothing is told to the browser', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  world.down = true
  await expect(browser.visit((s) => s.set('a', 1))).rejects.toMatchObject(unavailable)
  world.down = false
  await browser.visit((s) => s.set('a', 1))
  const session = await world.manager().open({ cookie: browser.cookie })
  world.down = true
  session.end()
  await expect(session.commit()).rejects.toMatchObject(unavailable)
  await expect(session.commit()).rejects.toMatchObject(unavailable)
  world.down = false
  expect((await browser.visit()).state).toBe('open')
})

test('rule 6: a failure of any kind in a store is an outage, with what it was as its cause', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.start())
  const cause = new Error('socket hang up')
  const store = { ...world.records, read: () => Promise.reject(cause) }
  const failed = await world
    .manager({ store })
    .open({ cookie: browser.cookie })
    .catch((error) => error)
  expect(failed).toBeInstanceOf(SessionError)
  expect([failed.code, failed.cause]).toEqual(['ERR_STORE_UNAVAILABLE', cause])
})

test('rule 6: a touch or rotation that cannot be written disturbs nobody, and is made good', async () => {
  const world = createWorld()
  const options = { rotateAfter: 2 * minute }
  const manager = world.manager(options)
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  await world.move(3 * minute)
  const session = await manager.open({ cookie: browser.cookie })
  world.down = true
  expect(await session.commit()).toEqual({ setCookie: [], ticket: undefined })
  const lastUse = world.clock()
  world.down = false
  await world.move(2 * minute)
  expect((await world.records.read(session.id!))!.remaining).toBe(lastUse + 10 * minute - world.clock())
  await browser.visit()
  expect(world.events).toContain('rotated')
})

test('rule 6: sessions seen within serveCachedFor go on being served, for exactly so long', async () => {
  const world = createWorld()
  const manager = world.manager({ serveCachedFor: 30 * second })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  await world.move(minute / 2)
  await browser.visit()
  world.down = true
  for (let passed = 0; passed < 30; passed += 10) {
    await world.move(10 * second)
    expect((await browser.visit()).get('a')).toBe(1)
  }
  await world.move(1)
  await expect(browser.visit()).rejects.toMatchObject(unavailable)
})

test('rule 6: during an outage the cached session opens for its own secret alone, and cannot be written', async () => {
  const world = createWorld()
  const manager = world.manager({ serveCachedFor: 30 * second })
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.set('a', 1))
  world.down = true
  const guess = manager.open({ cookie: `__Host-session=1.${id}.AAAAAAAAAAAAAAAAAAAAAA` })
  await expect(guess).rejects.toMatchObject(unavailable)
  await expect(browser.visit((s) => s.set('a', 2))).rejects.toMatchObject(unavailable)
})

test('rule 6: an outage does not prolong a session beyond its end', async () => {
  const world = createWorld()
  const manager = world.manager({ serveCachedFor: 60 * minute })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  world.down = true
  await world.move(10 * minute - 1)
  expect((await browser.visit()).state).toBe('open')
  await world.move(1)
  await expect(browser.visit()).rejects.toMatchObject(unavailable)
})

test('rule 6: serveCachedFor also serves over a store that cannot confirm, and only when a read failed', async () => {
  const world = createWorld()
  const manager = world.unconfirmed({ serveCachedFor: 30 * second })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  world.operations.length = 0
  await browser.visit()
  await browser.visit()
  expect(world.operations).toEqual(['read', 'read'])
  world.down = true
  expect((await browser.visit()).get('a')).toBe(1)
})

test('rule 6: a session that was ended is not served again because the store fails', async () => {
  const world = createWorld()
  const manager = world.manager({ serveCachedFor: 30 * second })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  const { cookie } = browser
  await browser.visit((s) => s.end())
  world.down = true
  await expect(createBrowser(manager, cookie).visit()).rejects.toMatchObject(unavailable)
})

test('rule 6: in an outage, one request a second asks the store, and the others are served at once what may be served', async () => {
  const world = createWorld()
  const browser = createBrowser(world.unconfirmed({ serveCachedFor: 30 * second }))
  await browser.visit((s) => s.set('a', 1))
  world.down = true
  world.operations.length = 0
  for (let passed = 0; passed < 30; passed += 1) {
    expect((await browser.visit()).get('a')).toBe(1)
    await world.move(100)
  }
  expect(world.operations).toHaveLength(3)
})

test('rule 6: the first read that succeeds ends the outage for everybody', async () => {
  const world = createWorld()
  const manager = world.unconfirmed({ serveCachedFor: 30 * second })
  const [browser, other] = [createBrowser(manager), createBrowser(manager)]
  await browser.visit((s) => s.set('a', 1))
  const { id } = await other.visit((s) => s.set('b', 1))
  world.down = true
  await browser.visit()
  world.down = false
  await world.records.delete(id!)
  expect((await other.visit()).get('b')).toBe(1)
  await world.move(second)
  await browser.visit()
  expect((await other.visit()).state).toBe('none')
})

test('rule 6: who is served from the cache in an outage does not wait for what is due', async () => {
  const world = createWorld()
  const browser = createBrowser(world.unconfirmed({ serveCachedFor: 10 * minute, rotateAfter: 2 * minute }))
  await browser.visit((s) => s.set('a', 1))
  const { cookie } = browser
  await world.move(3 * minute)
  world.down = true
  await browser.visit()
  world.operations.length = 0
  expect((await browser.visit()).get('a')).toBe(1)
  expect(world.operations).toEqual([])
  world.down = false
  await world.move(second)
  await browser.visit()
  expect(browser.cookie).not.toBe(cookie)
})
