import { inspect } from 'node:util'
import { expect, test, vi } from 'vitest'
import { createBrowser, createWorld, minute, ticketIn } from './fixtures/world.ts'

test('rule 9: no error names a secret, whatever goes wrong', async () => {
  const world = createWorld()
  const k1 = { id: 'k1', bytes: new Uint8Array(32).fill(0x41) }
  const manager = world.manager({ serverKeys: [k1] })
  const browser = createBrowser(manager)
  await browser.visit((s) => s.set('password', 'correct horse'))
  const failures = await Promise.all(
    [
      world.manager({ serverKeys: [{ ...k1, id: 'k2' }] }).open({ cookie: browser.cookie }),
      browser.visit((s) => s.set('password', 'correct horse'.repeat(9999))),
      world
        .manager({ serverKeys: [k1], store: { ...world.records, read: () => Promise.reject(new Error('gone')) } })
        .open({ cookie: browser.cookie }),
    ].map((failure: Promise<unknown>) =>
      failure.then(
        () => 'no error',
        (error) => inspect(error, { depth: 9 }),
      ),
    ),
  )
  const { secret } = ticketIn(browser.cookie)
  for (const failure of failures) {
    expect(failure).toMatch(/ERR_/)
    for (const hidden of [secret, 'correct horse', 'AAAAAAAA', Buffer.from(k1.bytes).toString('base64url')]) {
      expect(failure).not.toContain(hidden)
    }
  }
})

test('rule 9: observers are told of kinds and times, never of ids or secrets', async () => {
  const world = createWorld()
  const told: unknown[] = []
  const tell = (...details: unknown[]) => void told.push(...details)
  const observer = {
    created: tell,
    reused: tell,
    rotated: tell,
    ended: tell,
    rejected: tell,
    cacheLookup: tell,
    storeOperation: tell,
  }
  const browser = createBrowser(world.manager({ observer, cache: false }))
  await browser.visit((s) => s.set('a', 1))
  await browser.visit((s) => s.rotate())
  await browser.visit((s) => s.end())
  await createBrowser(world.manager({ observer }), '__Host-session=x').visit()
  const words = new Set(told.filter((detail) => typeof detail === 'string'))
  expect(words).toEqual(new Set(['create', 'read', 'update', 'delete', 'sign_out', 'malformed']))
})

test('rule 9: a session that is printed shows no secret', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.start())
  const session = await browser.visit()
  const { secret } = ticketIn(browser.cookie)
  expect(inspect(session, { depth: 9, showHidden: true }) + JSON.stringify(session)).not.toContain(secret)
})

test('rule 10: time is passed in: with a clock and a schedule, no other one is asked', async () => {
  const world = createWorld()
  const forbidden = () => {
    throw new Error('the clock of the machine was asked')
  }
  vi.spyOn(Date, 'now').mockImplementation(forbidden)
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(forbidden as never)
  const browser = createBrowser(world.manager())
  await browser.visit((s) => s.set('a', 1))
  await world.move(9 * minute)
  await browser.visit()
  await world.move(9 * minute)
  await browser.visit((s) => s.signIn('ann'))
  expect((await browser.visit((s) => s.end())).state).toBe('ended')
})

test('rule 10: events are told by their rule: created once committed, reused when an existing one opened', async () => {
  const world = createWorld()
  const manager = world.manager()
  const browser = createBrowser(manager)
  const session = await manager.open({})
  session.start()
  expect(world.events).toEqual([])
  browser.take(await session.commit())
  await session.commit()
  await browser.visit()
  await browser.visit((s) => s.end('provider'))
  expect(world.events).toEqual(['created', 'cache hit', 'reused', 'cache hit', 'reused', 'ended provider'])
})
