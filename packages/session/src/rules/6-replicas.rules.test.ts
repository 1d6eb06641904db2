/** Over a store that may lose what its replicas have not got yet: nothing that depends on it is told. */
import { expect, test } from 'vitest'
import { SessionError } from '../errors.ts'
import type { RecordStore, Replicating } from '../store.ts'
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
