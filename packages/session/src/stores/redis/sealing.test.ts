/** From plain records to sealed ones, and from one key to another, on a real server while people come. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Sealing, SealingKey, SessionManager } from '../../api.ts'
import { createSessions } from '../../manager.ts'
import { readRecord } from '../../record.ts'
import { createBrowser, ticketIn } from '../../rules/fixtures/world.ts'
import { connectRedis, type RedisStores } from './index.ts'
import { at } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

const k1: SealingKey = { id: 'k1', bytes: new Uint8Array(16).fill(1) }
const k2: SealingKey = { id: 'k2', bytes: new Uint8Array(32).fill(2) }
const keys = (...list: SealingKey[]): Sealing => ({ kind: 'keys', keys: list })

const open: AsyncDisposable[] = []
let server: TestStandalone
beforeEach(async () => {
  server = await testStandalone()
  open.push(server)
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

interface Gateway {
  manager: SessionManager
  readonly stores: RedisStores
  oldSeals: number
  /** Restarts with another configuration, as gateways do one after the other. */
  configure(sealing: Sealing): Promise<void>
}

async function gateway(sealing: Sealing): Promise<Gateway> {
  const stores = connectRedis({ deployment: at(server.port), timeouts: { connect: 1000, command: 1000 } })
  open.push({ [Symbol.asyncDispose]: () => stores.close() })
  const observer = { oldSeal: () => void made.oldSeals++ }
  // What another gateway wrote a moment ago is to be read, whatever the messages say by then.
  const start = (sealing: Sealing) => createSessions({ store: stores, prefix: 'shop', sealing, observer, cache: false })
  const made: Gateway = {
    manager: start(sealing),
    stores,
    oldSeals: 0,
    async configure(sealing) {
      const former = made.manager
      made.manager = start(sealing)
      await former.close()
    },
  }
  await until('it is connected', () => stores.state.up)
  return made
}

async function recordOf(stores: RedisStores, cookie: string) {
  const { bytes, version } = (await stores.under('shop').read(ticketIn(cookie).id))!
  return { version, header: readRecord(bytes)!.header }
}

/** Visits one after the other, at either gateway; what was answered must be there at the next visit. */
async function come(gateways: readonly Gateway[], first: number, goesOn: () => boolean) {
  const browser = createBrowser(gateways[0]!.manager)
  let acknowledged = 0
  let refused = 0
  for (let visit = first; goesOn() || acknowledged === 0; visit += 1) {
    const session = await gateways[visit % gateways.length]!.manager.open({ cookie: browser.cookie }).catch(
      (error: { code: string }) => error,
    )
    if ('code' in session) {
      expect(session.code).toBe('ERR_KEY_UNKNOWN')
      refused += 1
      await new Promise((resolve) => setTimeout(resolve, 1))
      continue
    }
    if (acknowledged > 0) expect([session.state, session.get('visits')]).toEqual(['open', acknowledged])
    session.set('visits', acknowledged + 1)
    browser.take(await session.commit())
    acknowledged += 1
  }
  return { cookie: browser.cookie, acknowledged, refused }
}

test('from none to an AES-128 key to an AES-256 key, one gateway after the other, under traffic: no session is lost', async () => {
  const gateways = [await gateway({ kind: 'none' }), await gateway({ kind: 'none' })]
  let isOver = false
  let visits = 0
  const goesOn = () => {
    visits += 1
    return !isOver
  }
  const people = Array.from({ length: 20 }, (_, i) => come(gateways, i, goesOn))
  const traffic = async () => {
    const from = visits
    await until('people came', () => visits > from + 200)
  }
  await traffic()
  const steps = [{ kind: 'migrate', from: { kind: 'none' }, to: keys(k1) } as const, keys(k1, k2), keys(k2, k1)]
  for (const sealing of steps) {
    for (const one of gateways) {
      await one.configure(sealing)
      await traffic()
    }
  }
  isOver = true
  const done = await Promise.all(people)
  const last = createSessions({ store: gateways[0]!.stores, prefix: 'shop', sealing: keys(k2), cache: false })
  for (const { cookie, acknowledged } of done) {
    const session = await last.open({ cookie })
    expect([session.state, session.get('visits')]).toEqual(['open', acknowledged])
    expect((await recordOf(gateways[0]!.stores, cookie)).header).toMatchObject({ kind: 'keys', keyId: 'k2' })
  }
  await last.close()
  expect(gateways.every(({ oldSeals }) => oldSeals > 0)).toBe(true)
  // Only while one gateway did not know of the seal yet, and only for sessions that the other one had sealed.
  expect(done.some(({ refused }) => refused > 0)).toBe(true)
}, 60_000)

test('back to plain text: migrating there is refused, and a gateway that seals nothing leaves sealed sessions alone', async () => {
  const sealed = await gateway(keys(k1))
  const browser = createBrowser(sealed.manager)
  await browser.visit((session) => session.set('a', 1))
  const before = await recordOf(sealed.stores, browser.cookie)
  const migrate = { kind: 'migrate', from: keys(k1), to: { kind: 'none' } } as const
  await expect(gateway(migrate)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
  const plain = await gateway({ kind: 'none' })
  const elsewhere = createBrowser(plain.manager, browser.cookie)
  await expect(elsewhere.visit((session) => session.set('a', 2))).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
  expect(elsewhere.cookie).toBe(browser.cookie)
  expect(await recordOf(sealed.stores, browser.cookie)).toEqual(before)
  expect((await browser.visit()).get('a')).toBe(1)
})

test('keys in another order on one of two gateways: both write, and nothing is lost', async () => {
  const gateways = [await gateway(keys(k2, k1)), await gateway(keys(k1, k2))]
  let visits = 0
  const people = Array.from({ length: 10 }, (_, i) => come(gateways, i, () => ++visits < 300))
  for (const { refused, acknowledged } of await Promise.all(people)) {
    expect(refused).toBe(0)
    expect(acknowledged).toBeGreaterThan(0)
  }
})

test('a key that one of two gateways lacks: it refuses what the other sealed, destroys nothing, and opens it once it has it', async () => {
  const [whole, lacking] = [await gateway(keys(k2, k1)), await gateway(keys(k1))]
  const browser = createBrowser(whole.manager)
  await browser.visit((session) => session.set('a', 1))
  const before = await recordOf(whole.stores, browser.cookie)
  const elsewhere = createBrowser(lacking.manager, browser.cookie)
  for (const work of [() => {}, (session: { end(): void }) => session.end()]) {
    await expect(elsewhere.visit(work)).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
  }
  expect([elsewhere.cookie, await recordOf(whole.stores, browser.cookie)]).toEqual([browser.cookie, before])
  await lacking.configure(keys(k1, k2))
  expect((await createBrowser(lacking.manager, browser.cookie).visit()).get('a')).toBe(1)
})
