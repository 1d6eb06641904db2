import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSessions } from '../manager.ts'
import type { RecordStore } from '../store.ts'
import { memoryRecords } from '../stores/memory/index.ts'
import { createBrowser, createWorld } from './fixtures/world.ts'

test('rule 5: changes to different keys at the same time are all kept', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('start', 0))
  const [one, two] = [await manager.open({ cookie: browser.cookie }), await manager.open({ cookie: browser.cookie })]
  one.set('a', 1)
  two.set('b', 2)
  two.delete('start')
  await Promise.all([one.commit(), two.commit()])
  expect((await browser.visit()).data).toEqual({ a: 1, b: 2 })
  expect(two.data).toEqual({ a: 1, b: 2 })
})

test('rule 5: what one request did not change, it does not write back', async () => {
  const world = createWorld()
  const manager = world.manager({ cache: false })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 'old'))
  const slow = await manager.open({ cookie: browser.cookie })
  await browser.visit((s) => s.set('a', 'new'))
  world.operations.length = 0
  slow.get('a')
  await slow.commit()
  expect(world.operations).toEqual([])
  slow.get('a')
  expect((await browser.visit()).get('a')).toBe('new')
})

test('rule 5: setting what is there already writes nothing', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('a', { b: [1] }))
  world.operations.length = 0
  await browser.visit((s) => {
    s.set('a', { b: [1] })
    s.delete('absent')
  })
  expect(world.operations).toEqual([])
})

/** A store in which each update is overtaken by another one, `conflicts` times. */
function overtaken(records: RecordStore, conflicts: number): RecordStore & { updates: number } {
  let left = conflicts
  const store = {
    ...records,
    updates: 0,
    async update(...[id, bytes, version, ttl]: Parameters<RecordStore['update']>) {
      store.updates += 1
      if (left > 0) {
        left -= 1
        const { bytes: same, version: present } = (await records.read(id))!
        await records.update(id, same, present, ttl)
      }
      return records.update(id, bytes, version, ttl)
    },
  }
  return store
}

test('rule 5: after a conflict the changes are applied again, at most three times', async () => {
  const memory = memoryRecords()
  const browser = createBrowser(createSessions({ store: memory }))
  await browser.visit((s) => s.set('a', 1))
  const thrice = overtaken(memory, 3)
  await createBrowser(createSessions({ store: thrice }), browser.cookie).visit((s) => s.set('b', 2))
  expect(thrice.updates).toBe(4)
  const four = overtaken(memory, 4)
  const visit = createBrowser(createSessions({ store: four }), browser.cookie).visit((s) => s.set('c', 3))
  await expect(visit).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT' })
  expect(four.updates).toBe(4)
  expect((await browser.visit()).data).toEqual({ a: 1, b: 2 })
})

test('rule 5: before changes are applied again, the ticket is checked again', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('a', 1))
  const late = await manager.open({ cookie: browser.cookie })
  await browser.visit((s) => s.signIn('ann'))
  late.set('a', 'by whoever held the old ticket')
  expect(await late.commit()).toEqual({ setCookie: [], ticket: undefined })
  expect(late.state).toBe('refused')
  expect((await browser.visit()).data).toEqual({ a: 1 })
})

test('rule 5: an update never brings back what a logout ended, and tells no cookie', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.set('a', 1))
  const slow = await manager.open({ cookie: browser.cookie })
  await browser.visit((s) => s.end())
  slow.set('a', 2)
  slow.rotate()
  expect(await slow.commit()).toEqual({ setCookie: [], ticket: undefined })
  expect(slow.state).toBe('ended')
  expect(await world.records.read(id!)).toBeUndefined()
})

test('rule 5: in 1,000 interleavings of a logout with updates in flight, the logout wins', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom('set', 'signIn', 'rotate', 'touch'), { minLength: 1, maxLength: 4 }),
      async (scheduler, works) => {
        const memory = memoryRecords()
        const slow: RecordStore = {
          ...memory,
          read: (id) => scheduler.schedule(Promise.resolve(), 'read').then(() => memory.read(id)),
          update: (...update) => scheduler.schedule(Promise.resolve(), 'update').then(() => memory.update(...update)),
          touch: (...touch) => scheduler.schedule(Promise.resolve(), 'touch').then(() => memory.touch(...touch)),
          delete: (id) => scheduler.schedule(Promise.resolve(), 'delete').then(() => memory.delete(id)),
        }
        const quick = createBrowser(createSessions({ store: memory }))
        const { id } = await quick.visit((s) => s.set('a', 1))
        const manager = createSessions({ store: slow, cache: false })
        const visits = works.map((work, index) =>
          manager.open({ cookie: quick.cookie }).then((session) => {
            if (work === 'set') session.set('a', index)
            if (work === 'signIn') session.signIn('ann')
            if (work === 'rotate') session.rotate()
            return session.commit()
          }),
        )
        const logout = manager.open({ cookie: quick.cookie }).then((session) => {
          const living = session.state === 'open'
          session.end()
          return session.commit().then(() => living)
        })
        const [living] = await Promise.all([logout, ...visits, scheduler.waitFor(Promise.all([logout, ...visits]))])
        if (living) expect(await memory.read(id!)).toBeUndefined()
      },
    ),
    { numRuns: 1000 },
  )
})

test('rule 5: in random interleavings of counters, no increment is lost or made twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, writers) => {
      const memory = memoryRecords()
      const slow: RecordStore = {
        ...memory,
        read: (id) => scheduler.schedule(Promise.resolve(), 'read').then(() => memory.read(id)),
        update: (...update) => scheduler.schedule(Promise.resolve(), 'update').then(() => memory.update(...update)),
      }
      const browser = createBrowser(createSessions({ store: memory }))
      await browser.visit((s) => s.start())
      const manager = createSessions({ store: slow, cache: false })
      const visits = Array.from({ length: writers }, (_, index) =>
        manager.open({ cookie: browser.cookie }).then((session) => {
          session.set(`writer-${index}`, index)
          return session.commit()
        }),
      )
      await scheduler.waitFor(Promise.all(visits))
      expect(Object.keys((await browser.visit()).data)).toHaveLength(writers)
    }),
    { numRuns: 200 },
  )
})

test('rule 5: a session larger than maxBytes is refused, and what was there stays', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('a', 1))
  const { cookie } = browser
  const grow = browser.visit((s) => s.set('a', 'x'.repeat(66_000)))
  await expect(grow).rejects.toMatchObject({ code: 'ERR_SESSION_TOO_LARGE', message: expect.stringContaining('65536') })
  expect(browser.cookie).toBe(cookie)
  expect((await browser.visit()).get('a')).toBe(1)
  await browser.visit((s) => s.set('a', 'x'.repeat(64_000)))
  const create = createBrowser(world.manager({ maxBytes: 1000 })).visit((s) => s.set('a', 'x'.repeat(1000)))
  await expect(create).rejects.toMatchObject({ code: 'ERR_SESSION_TOO_LARGE' })
})
