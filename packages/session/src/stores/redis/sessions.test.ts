import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSessions } from '../../manager.ts'
import type { SessionsOptions } from '../../options.ts'
import { createBrowser } from '../../rules/fixtures/world.ts'
import { connectRedis, type RedisStores } from './index.ts'
import { at } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

const minute = 60_000

const open: AsyncDisposable[] = []
let server: TestStandalone
beforeEach(async () => {
  server = await testStandalone()
  open.push(server)
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function gateway(options: Partial<SessionsOptions> = {}) {
  const stores: RedisStores = connectRedis({
    deployment: at(server.port),
    timeouts: { connect: 1000, command: 1000 },
  })
  open.push({ [Symbol.asyncDispose]: () => stores.close() })
  const told: string[] = []
  const manager = createSessions({ store: stores, prefix: 'shop', ...options })
  stores.under('shop').onChange((id, version) => void told.push(id === undefined ? 'reset' : `${id} ${version}`))
  await until('what is cached is believed', () => stores.channel.up)
  told.length = 0
  return { stores, manager, told }
}

/** How often the server ran each command on records since `server` was asked last. */
function counter() {
  let before = calls()
  return () => {
    const now = calls()
    const ran = Object.keys(now).flatMap((name) => {
      const times = now[name]! - (before[name] ?? 0)
      return times > 0 ? [`${name} ${times}`] : []
    })
    before = now
    return ran.sort()
  }
}

function calls(): Record<string, number> {
  const text = server.command('INFO', 'commandstats')
  const all = [...text.matchAll(/^cmdstat_(get|set|getrange|pexpire|del):calls=(\d+)/gm)]
  return Object.fromEntries(all.map(([, name, times]) => [name!, Number(times)]))
}

test('a sign-out on one gateway is seen at the very next request on another, once the message came', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const browser = createBrowser(one.manager)
  await browser.visit((session) => session.signIn('ann'))
  const elsewhere = createBrowser(other.manager, browser.cookie)
  expect((await elsewhere.visit()).subject).toBe('ann')
  const ran = counter()
  expect((await elsewhere.visit()).subject).toBe('ann')
  expect(ran()).toEqual([])
  await browser.visit((session) => session.end())
  await until('the message came', () => other.told.length > 0)
  expect((await elsewhere.visit()).state).toBe('none')
})

test('sign-in on A, use on B, sign-out on C: A and B refuse the very next request after the message', async () => {
  const [a, b, c] = [await gateway(), await gateway(), await gateway()]
  const browser = createBrowser(a.manager)
  await browser.visit((session) => session.signIn('ann'))
  const { cookie } = browser
  for (const { manager } of [a, b, c]) expect((await createBrowser(manager, cookie).visit()).subject).toBe('ann')
  for (const { told } of [a, b]) told.length = 0
  await createBrowser(c.manager, cookie).visit((session) => session.end())
  for (const { manager, told } of [a, b]) {
    await until('the message came', () => told.length > 0)
    expect((await createBrowser(manager, cookie).visit()).state).toBe('none')
  }
})

test('a sign-out on one gateway is seen on another whose subscriber was cut', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const browser = createBrowser(one.manager)
  await browser.visit((session) => session.signIn('ann'))
  const elsewhere = createBrowser(other.manager, browser.cookie)
  expect((await elsewhere.visit()).subject).toBe('ann')
  server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await browser.visit((session) => session.end())
  expect((await elsewhere.visit()).state).toBe('none')
})

test('a rise of privilege on one gateway makes the old ticket dead on another', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const browser = createBrowser(one.manager)
  await browser.visit((session) => session.set('a', 1))
  const elsewhere = createBrowser(other.manager, browser.cookie)
  await elsewhere.visit()
  await browser.visit((session) => session.signIn('ann'))
  await until('the message came', () => other.told.length > 0)
  expect((await elsewhere.visit()).state).toBe('refused')
  expect((await createBrowser(other.manager, browser.cookie).visit()).subject).toBe('ann')
})

test('commands per request: none for a hit, one for a miss, one touch per tenth of the idle timeout', async () => {
  let moved = 0
  const clock = () => 1_700_000_000_000 + moved
  const { manager } = await gateway({ clock, cache: { maxEntries: 10, maxAge: 60 * minute } })
  const other = await gateway({ clock })
  const ran = counter()
  const browser = createBrowser(manager)
  await browser.visit((session) => session.set('a', 1))
  expect(ran()).toEqual(['set 1'])
  for (let visit = 0; visit < 100; visit += 1) expect((await browser.visit()).state).toBe('open')
  expect(ran()).toEqual([])
  const elsewhere = createBrowser(other.manager, browser.cookie)
  for (let visit = 0; visit < 100; visit += 1) expect((await elsewhere.visit()).state).toBe('open')
  expect(ran()).toEqual(['get 1'])
  for (let minutes = 1; minutes <= 5; minutes += 1) {
    moved += minute
    for (let visit = 0; visit < 20; visit += 1) await browser.visit()
  }
  expect(ran()).toEqual(['getrange 5', 'pexpire 5'])
  await browser.visit((session) => session.set('a', 2))
  expect(ran()).toEqual(['getrange 1', 'set 1'])
  await browser.visit((session) => session.end())
  expect(ran()).toEqual(['del 1'])
  await browser.visit()
  expect(ran()).toEqual([])
})

test('gateways whose clocks are wrong, and are set meanwhile, end a session when it is over', async () => {
  const real = Date.now
  const spy = vi.spyOn(Date, 'now')
  const skewed = async (skew: number) => {
    spy.mockImplementation(() => real() + skew)
    return gateway({ timeouts: { idle: minute, lifetime: 1500 }, rotateAfter: undefined })
  }
  const gateways = [await skewed(0), await skewed(10_000), await skewed(-10_000)]
  const browser = createBrowser(gateways[1]!.manager)
  await browser.visit((session) => session.set('a', 1))
  const startedAt = performance.now()
  const { cookie } = browser
  const ended = gateways.map(async ({ manager }, index) => {
    await until('it is over', async () => {
      spy.mockImplementation(() => real() + (index - 1) * 3_600_000)
      return (await manager.open({ cookie })).state === 'none'
    })
    return performance.now() - startedAt
  })
  for (const after of await Promise.all(ended)) {
    expect(after).toBeGreaterThan(1400)
    expect(after).toBeLessThan(3000)
  }
})

test('in an outage what was cached is served for a while; not what ended before, nor what the store lost since', async () => {
  const one = await gateway({ serveCachedFor: minute })
  const other = await gateway()
  const [ann, ben] = [createBrowser(one.manager), createBrowser(one.manager)]
  await ann.visit((session) => session.signIn('ann'))
  await ben.visit((session) => session.signIn('ben'))
  await createBrowser(other.manager, ben.cookie).visit((session) => session.end())
  await until('the message came', () => one.told.some((what) => what.endsWith('undefined')))

  await server.kill()
  expect((await ann.visit()).subject).toBe('ann')
  const outage = expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' })
  expect((await one.manager.open({ cookie: ben.cookie })).state).toBe('none')
  expect(one.told.filter((what) => what === 'reset')).toEqual([])

  await until('the channel is known to be down', () => !one.stores.channel.up)
  await server.restart()
  await until('it is up again', () => one.stores.channel.up)
  await server.kill()
  await expect(one.manager.open({ cookie: ann.cookie })).rejects.toEqual(outage)
})

test('two managers with one prefix share what is known; closing one leaves it to the other', async () => {
  const { stores, manager } = await gateway()
  const second = createSessions({ store: stores, prefix: 'shop' })
  const browser = createBrowser(second)
  await browser.visit((session) => session.set('a', 1))
  await manager.close()
  const ran = counter()
  expect((await browser.visit()).state).toBe('open')
  expect(ran()).toEqual([])
})
