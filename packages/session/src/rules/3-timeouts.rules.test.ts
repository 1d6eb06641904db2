import { expect, test } from 'vitest'
import { createBrowser, createWorld, minute, second, type World } from './fixtures/world.ts'

const idle = 10 * minute
const tenth = idle / 10
const timeouts = { idle, lifetime: 60 * minute }
const options = { timeouts, rotateAfter: undefined }
const touches = (world: World) => world.operations.filter((operation) => operation === 'touch').length

test.each([
  ['cached', {}],
  ['not cached', { cache: false as const }],
])('rule 3: a session ends when it was not used for the idle timeout (%s)', async (_name, cache) => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ ...options, ...cache }))
  await browser.visit((s) => s.set('a', 1))
  await world.move(idle - 1)
  expect((await browser.visit()).state).toBe('open')
  await world.move(idle - 1)
  expect((await browser.visit()).state).toBe('open')
  await world.move(idle)
  expect((await browser.visit()).state).toBe('none')
})

test('rule 3: however often it is used, a session ends with its lifetime', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager(options))
  await browser.visit((s) => s.set('a', 1))
  for (let passed = minute; passed < 60 * minute; passed += minute) {
    await world.move(minute)
    expect((await browser.visit((s) => s.set('n', passed))).state).toBe('open')
  }
  await world.move(minute - 1)
  expect((await browser.visit()).state).toBe('open')
  await world.move(1)
  expect((await browser.visit()).state).toBe('none')
})

test('rule 3: the store drops the record at the earlier one of both ends', async () => {
  const world = createWorld()
  const { id } = await createBrowser(world.manager(options)).visit((s) => s.start())
  expect((await world.records.read(id!))!.remaining).toBe(idle)
  const short = world.manager({ timeouts: { idle, lifetime: minute } })
  const other = await createBrowser(short).visit((s) => s.start())
  expect((await world.records.read(other.id!))!.remaining).toBe(minute)
})

test('rule 3: a rotation does not prolong the lifetime', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ timeouts: { idle: 60 * minute, lifetime: 60 * minute } }))
  const { createdAt } = await browser.visit((s) => s.start())
  await world.move(59 * minute)
  expect((await browser.visit((s) => s.signIn('ann'))).createdAt).toBe(createdAt)
  await world.move(minute)
  expect((await browser.visit()).state).toBe('none')
})

test('rule 3: a shorter lifetime holds for sessions that are there already', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager(options))
  await browser.visit((s) => s.start())
  await world.move(5 * minute)
  const strict = world.manager({ timeouts: { idle, lifetime: 5 * minute } })
  expect((await createBrowser(strict, browser.cookie).visit()).state).toBe('none')
})

test('rule 3: reads do not write', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ ...options, cache: false }))
  await browser.visit((s) => s.set('a', 1))
  world.operations.length = 0
  for (let visit = 0; visit < 100; visit += 1) await browser.visit((s) => s.get('a'))
  expect(new Set(world.operations)).toEqual(new Set(['read']))
})

test.each([
  ['cached', {}],
  ['not cached', { cache: false as const }],
])('rule 3: a session is touched at most once per tenth of its idle timeout (%s)', async (_name, cache) => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ ...options, ...cache }))
  await browser.visit((s) => s.set('a', 1))
  for (let visit = 0; visit < 600; visit += 1) {
    await world.move(3 * second + (visit % 7) * 100)
    await browser.visit()
  }
  const times = world.times.filter(({ operation }) => operation !== 'read').map(({ at }) => at)
  expect(times.length).toBeGreaterThan(20)
  for (const [index, at] of times.slice(1).entries()) expect(at - times[index]!).toBeGreaterThanOrEqual(tenth)
})

test('rule 3: a trailing touch makes the end exact: not late, not early', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager(options))
  await browser.visit((s) => s.set('a', 1))
  await world.move(tenth - second)
  await browser.visit()
  expect(touches(world)).toBe(0)
  const lastUse = world.clock()
  await world.move(2 * tenth)
  expect(touches(world)).toBe(1)
  await world.move(lastUse + idle - 1 - world.clock())
  const [id] = [(await world.manager(options).open({ cookie: browser.cookie })).id!]
  expect((await world.records.read(id))!.remaining).toBe(1)
  await world.move(1)
  expect(await world.records.read(id)).toBeUndefined()
})

test('rule 3: close(), as at SIGTERM, writes the trailing touches that are owed', async () => {
  const world = createWorld()
  const manager = world.manager(options)
  const browsers = Array.from({ length: 250 }, () => createBrowser(manager))
  for (const browser of browsers) await browser.visit((s) => s.set('a', 1))
  await world.move(tenth / 2)
  const ids = []
  for (const browser of browsers) ids.push((await browser.visit()).id!)
  await manager.close()
  expect(touches(world)).toBe(250)
  for (const id of ids) expect((await world.records.read(id))!.remaining).toBe(idle)
  await world.move(5 * tenth)
  expect(touches(world)).toBe(250)
})

test('rule 3: a cached session is not called idle before the store was asked', async () => {
  const world = createWorld()
  const [one, other] = [world.manager(options), world.manager(options)]
  const browser = createBrowser(one)
  await browser.visit((s) => s.set('a', 1))
  await world.move(6 * minute)
  await createBrowser(other, browser.cookie).visit()
  await world.move(6 * minute)
  world.operations.length = 0
  expect((await browser.visit()).state).toBe('open')
  expect(world.operations[0]).toBe('read')
})

test('rule 3: a touch never brings back a session that was ended elsewhere', async () => {
  const world = createWorld()
  const [one, other] = [world.manager(options), world.manager(options)]
  const browser = createBrowser(one)
  const { id } = await browser.visit((s) => s.set('a', 1))
  await world.move(tenth)
  const late = await one.open({ cookie: browser.cookie })
  await createBrowser(other, browser.cookie).visit((s) => s.end())
  expect(await late.commit()).toEqual({ setCookie: [], ticket: undefined })
  expect(late.state).toBe('ended')
  expect(await world.records.read(id!)).toBeUndefined()
})

test('rule 3: a request that began before the end of the lifetime writes nothing after it', async () => {
  const world = createWorld()
  const manager = world.manager({ timeouts: { idle, lifetime: minute }, rotateAfter: undefined })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.start())
  const slow = await manager.open({ cookie: browser.cookie })
  await world.move(minute)
  slow.set('a', 1)
  world.operations.length = 0
  expect(await slow.commit()).toEqual({ setCookie: [], ticket: undefined })
  expect([slow.state, world.operations]).toEqual(['ended', []])
})

test('rule 3: expiresIn says in whole seconds when the session ends if it is not used again', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager(options))
  await browser.visit((s) => s.start())
  for (let tenMinutes = 0; tenMinutes < 5; tenMinutes += 1) {
    await world.move(9 * minute)
    expect((await browser.visit()).expiresIn).toBe(600)
  }
  await world.move(9 * minute + 500)
  expect((await browser.visit()).expiresIn).toBe(6 * 60 - 1)
})

test('rule 3: ends by idleness and by lifetime are told, each once and by its name', async () => {
  const world = createWorld()
  const store = (await import('../stores/memory/index.ts')).memoryRecords({ clock: world.clock })
  const manager = world.manager({ ...options, store })
  const other = world.manager({ ...options, store, prefix: 'other' })
  await createBrowser(manager).visit((s) => s.start())
  await createBrowser(other).visit((s) => s.start())
  await createBrowser(world.manager({ store, prefix: 'short', timeouts: { idle, lifetime: minute } })).visit((s) =>
    s.start(),
  )
  world.events.length = 0
  await world.move(idle)
  await store.read('AAAAAAAAAAAAAAAAAAAAAA')
  expect(world.events.sort()).toEqual(['ended idle', 'ended idle', 'ended lifetime'])
})

test('rule 3: over a store that tells no ends, they are told when the visitor comes again', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager(options))
  await browser.visit((s) => s.start())
  await world.move(idle)
  world.events.length = 0
  await browser.visit()
  expect(world.events).toEqual(['cache miss', 'ended idle', 'rejected unknown'])
})
