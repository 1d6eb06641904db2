/** What is told of a write whose reply was lost, on real servers. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SessionManager } from '../../api.ts'
import { createSessions } from '../../manager.ts'
import { createBrowser } from '../../rules/fixtures/world.ts'
import { commitOf } from '../../unknown-outcome.ts'
import { connectRedis } from './index.ts'
import { at } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestProxy, testProxy } from './testing/proxy.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

const open: AsyncDisposable[] = []
let server: TestStandalone
let proxy: TestProxy
beforeEach(async () => {
  server = await testStandalone()
  open.push(server)
  proxy = await testProxy(server.port)
  open.push(proxy)
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

/** `holds`: from the next write on, when it is true, no reply comes through. */
async function gateway(port: number, holds = () => false, command = 500): Promise<SessionManager> {
  const stores = connectRedis({ deployment: at(port), timeouts: { connect: 500, command } })
  open.push({ [Symbol.asyncDispose]: () => stores.close() })
  const records = stores.under('shop')
  const before =
    <Given extends readonly unknown[], Result>(write: (...given: Given) => Result) =>
    (...given: Given) => {
      if (holds()) proxy.hold('data')
      return write(...given)
    }
  const store = { ...records, create: before(records.create), update: before(records.update) }
  const manager = createSessions({ store, prefix: 'shop' })
  await until('what is cached is believed', () => stores.channel.up)
  return manager
}

const works = { create: 'set', 'sign-in': 'signIn', rotation: 'rotate' } as const

for (const [what, work] of Object.entries(works)) {
  test(`the reply to a ${what} never comes: the 503 carries the ticket, and that opens the session`, async () => {
    let held = false
    const [manager, other] = [await gateway(proxy.port, () => held), await gateway(server.port)]
    const browser = createBrowser(manager)
    await browser.visit((session) => session.set('a', 1))
    // The server knows the scripts by now.
    await browser.visit((session) => session.set('a', 2))
    if (work === 'set') browser.cookie = ''
    const before = browser.cookie
    const session = await manager.open({ cookie: before })
    session.set('b', 3)
    if (work === 'signIn') session.signIn('ann')
    if (work === 'rotate') session.rotate()
    held = true
    const error = await session.commit().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', notExecuted: false })
    browser.take(commitOf(error)!)
    expect(browser.cookie).not.toBe(before)
    const found = await createBrowser(other, browser.cookie).visit()
    expect([found.get('b'), found.subject]).toEqual([3, work === 'signIn' ? 'ann' : undefined])
  })
}

test('the reply to a rotation never came, and the server is back at once: whatever is answered, its ticket is good', async () => {
  let held = false
  const manager = await gateway(proxy.port, () => held, 5000)
  const browser = createBrowser(manager)
  await browser.visit((session) => session.set('a', 1))
  await browser.visit((session) => session.set('a', 2))
  const before = browser.cookie
  const session = await manager.open({ cookie: before })
  session.rotate()
  held = true
  const committing = session.commit().catch((error: unknown) => commitOf(error)!)
  await until('the reply is held back', () => proxy.held > 0)
  held = false
  proxy.partition()
  proxy.release()
  proxy.heal()
  browser.take(await committing)
  expect(browser.cookie).not.toBe(before)
  expect((await browser.visit()).get('a')).toBe(2)
})

test('a server without memory refuses for certain: nothing is asked again, and no cookie is told', async () => {
  const manager = await gateway(server.port)
  server.command('CONFIG', 'SET', 'maxmemory', '1')
  const session = await manager.open({})
  session.set('a', 1)
  const error = await session.commit().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', notExecuted: true })
  expect(commitOf(error)).toBeUndefined()
})

test('a server that lost the session is there when its change is written: that is refused', async () => {
  const manager = await gateway(server.port, undefined, 5000)
  const browser = createBrowser(manager)
  await browser.visit((session) => session.set('a', 1))
  const session = await manager.open({ cookie: browser.cookie })
  session.set('a', 2)
  await server.kill()
  await server.restart()
  const error = await session.commit().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', notExecuted: true })
  expect(String(error)).toContain('does not have it as it was')
})
