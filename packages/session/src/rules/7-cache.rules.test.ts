import { expect, test } from 'vitest'
import { newSecret } from '../ticket.ts'
import { createBrowser, createWorld, minute, second, ticketIn } from './fixtures/world.ts'

test('rule 7: repeated requests ask the store for nothing', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('a', 1))
  world.operations.length = 0
  for (let visit = 0; visit < 100; visit += 1) expect((await browser.visit()).get('a')).toBe(1)
  expect(world.operations).toEqual([])
  expect(world.events.filter((event) => event === 'cache hit')).toHaveLength(100)
})

test('rule 7: a change, a rotation or an end on another gateway is seen at the next request', async () => {
  const world = createWorld()
  const [one, other] = [world.manager(), world.manager()]
  const browser = createBrowser(one)
  await browser.visit((s) => s.set('a', 1))
  const elsewhere = createBrowser(other, browser.cookie)
  await elsewhere.visit((s) => s.set('a', 2))
  expect((await browser.visit()).get('a')).toBe(2)
  await elsewhere.visit((s) => s.rotate())
  expect((await browser.visit()).state).toBe('refused')
  browser.cookie = elsewhere.cookie
  expect((await browser.visit()).state).toBe('open')
  await elsewhere.visit((s) => s.end())
  expect((await browser.visit()).state).toBe('none')
})

test('rule 7: what is cached opens for the secret that opened it, not for the id (1,000 other secrets)', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.set('a', 1))
  await browser.visit()
  const guesses = Array.from({ length: 1000 }, () => manager.open({ cookie: `__Host-session=1.${id}.${newSecret()}` }))
  const states = new Set((await Promise.all([browser.visit(), ...guesses])).slice(1).map(({ state }) => state))
  expect(states).toEqual(new Set(['refused']))
  world.operations.length = 0
  expect((await browser.visit()).get('a')).toBe(1)
  expect(world.operations).toEqual([])
})

test('rule 7: another spelling of a cached secret is another secret', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  const { id, secret } = ticketIn(browser.cookie)
  const last = { A: 'B', Q: 'R', g: 'h', w: 'x' }[secret.at(-1)!]
  for (const spelling of [`1.${id}.${secret.slice(0, -1)}${last}`, `1.${id}-${secret}`, `2.${id}.${secret}`]) {
    const session = await manager.open({ cookie: `__Host-session=${spelling}` })
    expect([spelling, session.state]).toEqual([spelling, 'none'])
  }
})

test('rule 7: the cache is bounded in age: then the store is asked, whatever it confirms', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ cache: { maxEntries: 10, maxAge: 30 * second } }))
  await browser.visit((s) => s.set('a', 1))
  await world.move(30 * second)
  world.operations.length = 0
  await browser.visit()
  expect(world.operations).toEqual([])
  await world.move(1)
  await browser.visit()
  expect(world.operations).toEqual(['read'])
})

test('rule 7: a touch asks the store too, so that what was just touched is not read for its age', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ cache: { maxEntries: 10, maxAge: minute } }))
  await browser.visit((s) => s.set('a', 1))
  world.operations.length = 0
  await world.move(minute)
  await browser.visit()
  await world.move(59 * second)
  await browser.visit()
  expect(world.operations).toEqual(['touch'])
})

test('rule 7: the cache is bounded in entries: one that is used stays, one that is not goes', async () => {
  const world = createWorld()
  const manager = world.manager({ cache: { maxEntries: 10, maxAge: minute } })
  const used = createBrowser(manager)
  await used.visit((s) => s.set('a', 1))
  const others = Array.from({ length: 100 }, () => createBrowser(manager))
  for (const other of others) {
    await other.visit((s) => s.set('a', 1))
    await used.visit()
  }
  world.operations.length = 0
  await used.visit()
  expect(world.operations).toEqual([])
  for (const other of others) await other.visit()
  expect(world.operations.length).toBeGreaterThanOrEqual(90)
})

test('rule 7: nothing is served from the cache over a store that cannot confirm, and none when it is off', async () => {
  const world = createWorld()
  for (const manager of [world.unconfirmed(), world.manager({ cache: false })]) {
    const browser = createBrowser(manager)
    await browser.visit((s) => s.set('a', 1))
    world.operations.length = 0
    await browser.visit()
    await browser.visit()
    expect(world.operations).toEqual(['read', 'read'])
  }
})

test('rule 7: requests that share a cached session do not see what the others do to it', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('list', [1, 2]))
  const [one, two] = [await manager.open({ cookie: browser.cookie }), await manager.open({ cookie: browser.cookie })]
  one.set('mine', true)
  expect(() => (one.get('list') as number[]).push(3)).toThrow(TypeError)
  expect(two.data).toEqual({ list: [1, 2] })
})

test('rule 7: after close() nothing is cached any more', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  await manager.close()
  world.operations.length = 0
  await browser.visit()
  expect(world.operations).toEqual(['read'])
})
