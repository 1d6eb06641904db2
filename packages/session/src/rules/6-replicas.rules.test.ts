/** Over a store that may lose what its replicas have not got yet: nothing that depends on it is told. */
import { expect, test } from 'vitest'
import type { SessionManager } from '../api.ts'
import { SessionError } from '../errors.ts'
import type { Changing, RecordStore, Replicating, StoredRecord } from '../store.ts'
import { memoryRecords } from '../stores/memory/index.ts'
import { commitOf } from '../unknown-outcome.ts'
import { createBrowser, createWorld, minute, ticketIn } from './fixtures/world.ts'

/** Two gateways with one store, which holds what is written to be replicated when the test says so. */
function replicating() {
  const world = createWorld()
  const { confirm: _, ...records } = world.records
  let whole = true
  const unconfirmed = () => new SessionError('ERR_STORE_UNAVAILABLE', 'Not confirmed.', { unconfirmed: true })
  const store: RecordStore & Replicating = {
    ...records,
    async update(...given) {
      const version = await records.update(...given)
      if (version !== undefined && !whole) throw unconfirmed()
      return version
    },
    replicated: async () => whole,
  }
  const options = { rotateAfter: minute }
  return {
    world,
    store,
    gateways: [world.manager({ store, ...options }), world.manager({ store, ...options })] as const,
    replicate(now: boolean) {
      whole = now
    },
  }
}

test('rule 4: a ticket that follows by age is handed out by no gateway while a failover may undo it', async () => {
  const { world, gateways, replicate } = replicating()
  const browser = createBrowser(gateways[0])
  await browser.visit((session) => session.set('a', 1))
  const old = browser.cookie
  await world.move(2 * minute)
  replicate(false)
  for (const manager of [...gateways, ...gateways]) {
    const asking = createBrowser(manager, old)
    expect((await asking.visit()).get('a')).toBe(1)
    expect(asking.cookie).toBe(old)
  }
  replicate(true)
  const told = new Set<string>()
  for (const manager of gateways) {
    const asking = createBrowser(manager, old)
    await asking.visit()
    told.add(ticketIn(asking.cookie).secret)
  }
  expect(told.size).toBe(1)
  expect(told).not.toContain(ticketIn(old).secret)
})

test('rule 6: a write that was lost from sight and is found is not confirmed before it is with the replicas', async () => {
  const { world, store, replicate } = replicating()
  const losing: RecordStore & Replicating = {
    ...store,
    async create(...given) {
      await store.create(...given)
      throw new SessionError('ERR_STORE_UNAVAILABLE', 'The reply was lost.')
    },
  }
  const signIn = async () => {
    const session = await world.manager({ store: losing }).open({})
    session.set('a', 1)
    return await session.commit().catch((error: unknown) => error)
  }
  expect(await signIn()).not.toBeInstanceOf(SessionError)
  replicate(false)
  const error = await signIn()
  expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  const browser = createBrowser(world.manager())
  browser.take(commitOf(error)!)
  expect((await browser.visit()).get('a')).toBe(1)
})

test('rule 6: a change that was refused and is asked for again is not confirmed before it is with the replicas', async () => {
  const { gateways, replicate } = replicating()
  const browser = createBrowser(gateways[0])
  await browser.visit((session) => session.set('a', 1))
  const change = (manager: SessionManager) => createBrowser(manager, browser.cookie).visit((it) => it.set('a', 2))
  replicate(false)
  for (const manager of [gateways[0], ...gateways]) {
    await expect(change(manager)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', unconfirmed: true })
  }
  replicate(true)
  for (const manager of gateways) expect((await change(manager)).get('a')).toBe(2)
})

/** A gateway whose store another server takes over, with a copy of a record or without. */
function takenOver() {
  const world = createWorld()
  let server: RecordStore = memoryRecords({ clock: world.clock })
  let lost = () => {}
  const store: RecordStore & Changing = {
    read: (id) => server.read(id),
    create: (...given) => server.create(...given),
    update: (...given) => server.update(...given),
    touch: (...given) => server.touch(...given),
    delete: (id) => server.delete(id),
    close: () => server.close(),
    onChange(listener) {
      lost = listener
      return () => {}
    },
  }
  return {
    manager: world.manager({ store }),
    copy: (id: string) => server.read(id),
    async takeOver(id: string, copy: StoredRecord | undefined) {
      server = memoryRecords({ clock: world.clock })
      if (copy !== undefined) await server.create(id, copy.bytes, copy.remaining)
      lost()
    },
  }
}

test('rule 6: what changes a session that a failover undid is not answered as if it were written', async () => {
  for (const hasCopy of [true, false]) {
    const { manager, copy, takeOver } = takenOver()
    const browser = createBrowser(manager)
    const { id } = await browser.visit((session) => session.set('a', 1))
    const before = hasCopy ? await copy(id!) : undefined
    await browser.visit((session) => session.signIn('ann'))
    const [signedIn, changing] = [browser.cookie, await manager.open({ cookie: browser.cookie })]
    changing.set('a', 2)
    await takeOver(id!, before)
    const error = await changing.commit().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', notExecuted: true })
    expect(commitOf(error)).toBeUndefined()
    expect((await manager.open({ cookie: signedIn })).state).not.toBe('open')
  }
})

test('rule 6: after a failover a sign-out still wins over what began after it', async () => {
  const { manager, copy, takeOver } = takenOver()
  const browser = createBrowser(manager)
  const { id } = await browser.visit((session) => session.set('a', 1))
  await takeOver(id!, await copy(id!))
  const changing = await manager.open({ cookie: browser.cookie })
  await browser.visit((session) => session.end())
  changing.set('a', 2)
  await changing.commit()
  expect(changing.state).toBe('ended')
})

/** Signed in on a server that the gateway does not ask at the moment: the one that it asks has no such session. */
async function signedInElsewhere() {
  const { manager, copy, takeOver } = takenOver()
  const browser = createBrowser(manager)
  const { id = '' } = await browser.visit((session) => session.signIn('ann'))
  const elsewhere = await copy(id)
  await takeOver(id, undefined)
  return {
    manager,
    browser,
    cookie: browser.cookie,
    isThere: async () => (await copy(id)) !== undefined,
    id,
    takeOver,
    elsewhere,
  }
}

test('rule 6: who signs out where the session is not seen yet is signed out as soon as it is', async () => {
  const { manager, browser, cookie, isThere, id, takeOver, elsewhere } = await signedInElsewhere()
  expect((await browser.visit((session) => session.end())).state).toBe('ended')
  expect(browser.cookie).toBe('')
  await takeOver(id, elsewhere)
  expect((await createBrowser(manager, cookie).visit()).state).toBe('none')
  await takeOver(id, elsewhere)
  await new Promise((resolve) => setImmediate(resolve))
  expect(await isThere()).toBe(false)
})

test('rule 6: a session that is seen while its visitor signs out of it, unseen before, ends', async () => {
  const { manager, cookie, isThere, id, takeOver, elsewhere } = await signedInElsewhere()
  const session = await manager.open({ cookie })
  await takeOver(id, elsewhere)
  expect(await isThere()).toBe(true)
  session.end()
  await session.commit()
  expect(await isThere()).toBe(false)
})

test('rule 6: who signs out of a session that is not seen, and does not know its secret, ends nothing', async () => {
  const { manager, browser, cookie, isThere, id, takeOver, elsewhere } = await signedInElsewhere()
  const { secret } = ticketIn(cookie)
  browser.cookie = cookie.replace(secret, `${'A'.repeat(21)}Q`)
  await browser.visit((session) => session.end())
  await takeOver(id, elsewhere)
  await new Promise((resolve) => setImmediate(resolve))
  expect(await isThere()).toBe(true)
  expect((await createBrowser(manager, cookie).visit()).subject).toBe('ann')
})

test('rule 6: signing out with a ticket of nobody clears the cookie, and starts nothing', async () => {
  const { manager } = takenOver()
  const browser = createBrowser(manager, `__Host-session=1.${'A'.repeat(22)}.${'A'.repeat(22)}`)
  const session = await browser.visit((one) => {
    one.end()
    one.set('a', 1)
  })
  expect([session.state, session.id, browser.cookie]).toEqual(['ended', undefined, ''])
})
