import { expect, test } from 'vitest'
import { createSessions } from './manager.ts'
import { createBrowser, createWorld } from './rules/fixtures/world.ts'
import { memoryRecords } from './stores/memory/index.ts'
import { sealedCookies } from './stores/sealed-cookie/index.ts'

const key = { id: 'k1', bytes: new Uint8Array(32) }

test('types: data has the shape that the manager was made for', async () => {
  const sessions = createSessions<{ visits: number; name: string }>({ store: memoryRecords() })
  const session = await sessions.open({})
  session.set('visits', (session.get('visits') ?? 0) + 1)
  // @ts-expect-error visits is a number
  session.set('visits', '1')
  // @ts-expect-error there is no such key
  session.get('visit')
  const name: string | undefined = session.get('name')
  expect(name).toBeUndefined()
})

test('a session that nobody starts is none: nothing written, nothing told', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const session = await browser.visit((s) => {
    s.get('a')
    s.delete('a')
    s.rotate()
    s.end()
  })
  expect([session.state, session.isNew, session.id, session.createdAt, session.expiresIn]).toEqual([
    'none',
    false,
    undefined,
    undefined,
    undefined,
  ])
  expect([world.operations, world.events, browser.cookie]).toEqual([[], [], ''])
})

test('setting a value, starting and signing in start a session; it is new in that request alone', async () => {
  const world = createWorld()
  for (const work of [
    (s: { set(key: string, value: number): void }) => s.set('a', 1),
    (s: { start(): void }) => s.start(),
    (s: { signIn(subject: string): void }) => s.signIn('ann'),
  ]) {
    const browser = createBrowser(world.manager())
    const session = await browser.visit(work)
    expect([session.state, session.isNew, session.createdAt]).toEqual(['open', true, world.clock()])
    expect((await browser.visit(work)).isNew).toBe(false)
  }
})

test('what was set is seen at once, and after the commit', async () => {
  const session = await createWorld().manager().open({})
  session.set('a', { b: 1 })
  session.set('c', 2)
  session.delete('c')
  session.signIn('ann')
  for (const check of [() => undefined, () => session.commit()]) {
    await check()
    expect([session.get('a'), session.get('c'), session.data, session.subject]).toEqual([
      { b: 1 },
      undefined,
      { a: { b: 1 } },
      'ann',
    ])
  }
})

test('keys that objects have by nature are keys like any other', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ cache: false }))
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    expect((await browser.visit((s) => s.set('start', 1))).get(key)).toBeUndefined()
    await browser.visit((s) => s.set(key, { polluted: true }))
    expect((await browser.visit()).get(key)).toEqual({ polluted: true })
    await browser.visit((s) => s.delete(key))
    expect((await browser.visit()).data).toEqual({ start: 1 })
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})

test('commit() is done once: a second call gives the same answer', async () => {
  const world = createWorld()
  const session = await world.manager().open({})
  session.set('a', 1)
  const [one, two] = await Promise.all([session.commit(), session.commit()])
  expect(two).toBe(one)
  expect(world.operations).toEqual(['create'])
})

test('a change after commit() is an error, not lost in silence', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  for (const session of [await browser.visit(), await browser.visit((s) => s.start())]) {
    const changes: Record<string, () => void> = {
      set: () => session.set('a', 1),
      delete: () => session.delete('a'),
      start: () => session.start(),
      signIn: () => session.signIn('ann'),
      rotate: () => session.rotate(),
      end: () => session.end(),
    }
    for (const [name, change] of Object.entries(changes)) {
      const error = {
        code: 'ERR_INVALID_OPTION',
        message: expect.stringMatching(new RegExp(`^${name}: .*before commit`)),
      }
      expect(change).toThrow(expect.objectContaining(error))
    }
  }
})

test('a session that is ended before it was written is never written', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager())
  const session = await browser.visit((s) => {
    s.set('a', 1)
    s.end()
    s.set('a', 2)
  })
  expect([session.state, session.id, session.data, world.operations, browser.cookie]).toEqual([
    'ended',
    undefined,
    {},
    [],
    '',
  ])
})

test('a session that ended in this request keeps its name for the log, and nothing of what it held', async () => {
  const world = createWorld()
  for (const options of [{}, { cache: false }, { store: sealedCookies({ keys: [key] }) }] as const) {
    const browser = createBrowser(world.manager(options))
    const { id, createdAt } = await browser.visit((s) => {
      s.signIn('ann')
      s.set('a', 1)
    })
    const signedOut = await browser.visit((s) => {
      s.end()
      expect([s.state, s.id, s.subject, s.data]).toEqual(['ended', id, 'ann', {}])
    })
    expect(signedOut).toMatchObject({ state: 'ended', id, subject: 'ann', createdAt, expiresIn: undefined, data: {} })
    expect(signedOut.get('a')).toBeUndefined()
  }
})

test('a session that another request ended meanwhile keeps its name for the log too', async () => {
  const manager = createWorld().manager()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((s) => s.signIn('ann'))
  const slow = await manager.open({ cookie: browser.cookie })
  slow.set('a', 1)
  await browser.visit((s) => s.end())
  await slow.commit()
  expect(slow).toMatchObject({ state: 'ended', id, subject: 'ann', data: {} })
})

test('nobody signs in without a name', async () => {
  const session = await createWorld().manager().open({})
  for (const subject of ['', undefined, null, 7, 7n, ['ann']]) {
    expect(() => session.signIn(subject as string)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('subject is empty') }),
    )
  }
  expect(session.state).toBe('none')
})

test('unusual JSON comes back as it was', async () => {
  const world = createWorld()
  const browser = createBrowser(world.manager({ cache: false }))
  const data = { lone: '\ud800', nul: '\0', deep: [[[[{}]]]], big: 1e308, small: -0.5, none: null, text: '🧥"\\\u2028' }
  await browser.visit((s) => {
    for (const [key, value] of Object.entries(data)) s.set(key, value)
  })
  expect((await browser.visit()).data).toEqual(data)
})
