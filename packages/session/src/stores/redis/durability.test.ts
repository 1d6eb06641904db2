/** Writes that replicas confirm, on real servers. */
import { afterEach, expect, test } from 'vitest'
import { createSessions } from '../../manager.ts'
import type { SessionsOptions } from '../../options.ts'
import { createBrowser, startOfTime } from '../../rules/fixtures/world.ts'
import { commitOf } from '../../unknown-outcome.ts'
import { redisAcl } from './acl.ts'
import { connectRedis, type RedisStores } from './index.ts'
import type { Durability } from './options.ts'
import { testCluster } from './testing/cluster.ts'
import { attempt, until } from './testing/processes.ts'
import { type TestReplicated, testReplicated } from './testing/replicated.ts'

const minute = 60_000
const bytes = Uint8Array.from([1, 2, 3])
const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function replicated(replicas = 2): Promise<TestReplicated> {
  const started = await testReplicated(replicas)
  open.push(started)
  return started
}

async function gateway(
  started: TestReplicated,
  durability: Partial<Durability> = {},
  options: Partial<SessionsOptions> = {},
) {
  const short: string[] = []
  const stores: RedisStores = connectRedis({
    deployment: { kind: 'replicated', nodes: started.ports.map((port) => ({ host: '127.0.0.1', port })) },
    timeouts: { connect: 1000, command: 1000 },
    durability: {
      replicas: 'all',
      timeout: 300,
      short: 'refuse',
      onShort: (operation) => short.push(operation),
      ...durability,
    },
  })
  open.push({ [Symbol.asyncDispose]: () => stores.close() })
  await until('it is connected', () => stores.state.up)
  const records = stores.under('shop')
  // One that came a moment ago is sent nothing for up to a second.
  const asked = Number(durability.replicas ?? 0) < started.ports.length
  if (asked)
    await until('the replicas confirm', () => records.create('first', bytes, minute).then(isTaken, () => false))
  short.length = 0
  const manager = createSessions({ store: stores, prefix: 'shop', cache: false, ...options })
  return { stores, records, manager, short }
}

const isTaken = () => true

const refused = { code: 'ERR_STORE_UNAVAILABLE', reason: 'busy' }

test('what was written is with every replica when the call returns', async () => {
  const started = await replicated()
  const { records, short } = await gateway(started)
  const has = (id: string) => started.servers.map((server) => server.command('EXISTS', `shop:${id}`))
  const version = await records.create('a', bytes, minute)
  expect(has('a')).toEqual(['1', '1', '1'])
  const after = await records.update('a', bytes, version!, minute)
  const versions = started.servers.map((server) => server.command('GETRANGE', 'shop:a', '0', '14'))
  expect(new Set(versions).size).toBe(1)
  expect(after).not.toBe(version)
  expect(await records.delete('a')).toBe(true)
  expect(has('a')).toEqual(['0', '0', '0'])
  expect(short).toEqual([])
})

test('in a cluster each primary waits for its own replica, as a user with the smallest rule', async () => {
  const started = await testCluster()
  open.push(started)
  for (const server of started.servers) {
    server.command('ACL', 'SETUSER', 'gateway', 'reset', 'on', '>secret', ...redisAcl('shop'))
  }
  const short: string[] = []
  const stores = connectRedis({
    deployment: { kind: 'cluster', nodes: started.ports.map((port) => ({ host: '127.0.0.1', port })) },
    auth: { username: 'gateway', password: () => 'secret' },
    durability: { replicas: 'all', timeout: 500, short: 'refuse', onShort: (operation) => short.push(operation) },
  })
  open.push({ [Symbol.asyncDispose]: () => stores.close() })
  const records = stores.under('shop')
  const ids = Array.from({ length: 30 }, (_, i) => `id-${i}`)
  for (const id of ids)
    await until('it is confirmed', () => records.create(id, bytes, minute).then(isTaken, () => false))
  short.length = 0
  const versions = await Promise.all(ids.map(async (id) => (await records.read(id))!.version))
  await Promise.all(ids.map((id, i) => records.update(id, bytes, versions[i]!, minute)))
  await Promise.all(ids.map((id) => records.delete(id)))
  expect(started.servers.map((server) => server.command('KEYS', 'shop:id-*'))).toEqual(Array(6).fill(''))
  expect(short).toEqual([])
})

test('many writes at once share one WAIT', async () => {
  const started = await replicated()
  const { records } = await gateway(started)
  const waits = () => Number(/cmdstat_wait:calls=(\d+)/.exec(started.primary().command('INFO', 'commandstats'))?.[1])
  const before = waits()
  const ids = Array.from({ length: 50 }, (_, i) => `many-${i}`)
  const versions = await Promise.all(ids.map((id) => records.create(id, bytes, minute)))
  expect(versions.every((version) => version !== undefined)).toBe(true)
  expect(waits() - before).toBeLessThanOrEqual(2)
})

test('a replica that hangs: all who write wait for it together, and who reads not at all', async () => {
  const started = await replicated()
  const { records } = await gateway(started)
  const version = await records.create('old', bytes, minute)
  started.servers[2]!.pause()
  const startedAt = performance.now()
  const ended: string[] = []
  const ids = Array.from({ length: 50 }, (_, i) => `hung-${i}`)
  const writes = ids.map((id) => records.create(id, bytes, minute).catch(() => void ended.push(id)))
  expect((await records.read('old'))?.version).toBe(version)
  expect(ended).toEqual([])
  await Promise.all(writes)
  started.servers[2]!.resume()
  expect(ended.length).toBe(50)
  // One by one it would have been 15 seconds.
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

test('short, refuse: what was created is deleted again, and nothing is told to the browser', async () => {
  const started = await replicated()
  const { records, manager, short } = await gateway(started)
  started.servers[2]!.pause()
  await expect(records.create('a', bytes, minute)).rejects.toMatchObject({ ...refused, notExecuted: true })
  const isGone = (id: string) => started.primary().command('EXISTS', `shop:${id}`) === '0'
  await until('it is deleted again', () => isGone('a'))
  const session = await manager.open({})
  session.signIn('ann')
  const error = await session.commit().catch((thrown: unknown) => thrown)
  started.servers[2]!.resume()
  expect(error).toMatchObject(refused)
  expect(commitOf(error)).toBeUndefined()
  await until('it is deleted again', () => isGone(session.id!))
  expect(short).toEqual(['create', 'create'])
})

test('short, refuse: what was created too late for its caller, who may have told the ticket, is not deleted again', async () => {
  const started = await replicated()
  const { records } = await gateway(started)
  started.servers[2]!.pause()
  // Replicas have 300 ms, its caller has less.
  await expect(records.create('late', bytes, minute, 150)).rejects.toMatchObject({ ...refused, unconfirmed: true })
  started.servers[2]!.resume()
  expect(await records.read('late')).toBeDefined()
})

test('short, refuse: a rotation is written, and the failure carries its cookie', async () => {
  const started = await replicated()
  const { manager } = await gateway(started)
  const browser = createBrowser(manager)
  await browser.visit((session) => session.set('a', 1))
  started.servers[2]!.pause()
  const session = await manager.open({ cookie: browser.cookie })
  session.rotate()
  const error = await session.commit().catch((thrown: unknown) => thrown)
  started.servers[2]!.resume()
  expect(error).toMatchObject({ ...refused, unconfirmed: true })
  browser.take(commitOf(error)!)
  expect((await browser.visit()).get('a')).toBe(1)
})

test('short, refuse: the ticket that follows by age is handed out once every replica has it, by no gateway before', async () => {
  const started = await replicated()
  let now = startOfTime
  const options = { rotateAfter: minute, timeouts: { idle: 10 * minute }, clock: () => now }
  const gateways = [await gateway(started, {}, options), await gateway(started, {}, options)]
  const first = createBrowser(gateways[0]!.manager)
  const { id } = await first.visit((session) => session.set('a', 1))
  const before = first.cookie
  now += minute
  const told = async () => {
    const browsers = gateways.map(({ manager }) => createBrowser(manager, first.cookie))
    for (const browser of browsers) expect((await browser.visit()).get('a')).toBe(1)
    return browsers.map(({ cookie }) => cookie)
  }
  started.servers[2]!.pause()
  // Written on the primary, where everybody may read it: what replaces the primary may not have it.
  expect(await told()).toEqual([before, before])
  const version = () => started.primary().command('GETRANGE', `shop:${id}`, '0', '14')
  const rotated = version()
  expect(await told()).toEqual([before, before])
  expect(version()).toBe(rotated)
  started.servers[2]!.resume()
  await until('it is handed out', async () => (await told()).every((cookie) => cookie !== before))
  const [one, two] = await told()
  expect(one).toBe(two)
  expect(started.servers.map((server) => server.command('GETRANGE', `shop:${id}`, '0', '14'))).toEqual(
    Array(3).fill(rotated),
  )
})

test('short, refuse: a write that was lost from sight, and is found, counts once every replica has it', async () => {
  const started = await replicated()
  const { records, short } = await gateway(started)
  const version = (await records.create('a', bytes, minute))!
  expect(await records.replicated('a', version, minute)).toBe(true)
  const other = await gateway(started)
  started.servers[2]!.pause()
  expect(await other.records.replicated('a', version, minute)).toBe(false)
  expect(other.short).toEqual(['update'])
  started.servers[2]!.resume()
  await until('it is with every replica', () => other.records.replicated('a', version, minute))
  expect(await other.records.replicated('a', 'AAAAAAAAAAAAAAAAAAAA', minute)).toBe(false)
  expect(short).toEqual([])
})

test('short, refuse: what was ended is gone all the same, and the failure says that it is unconfirmed', async () => {
  const started = await replicated()
  const { records, manager, short } = await gateway(started)
  const browser = createBrowser(manager)
  const { id } = await browser.visit((session) => session.set('a', 1))
  started.servers[2]!.pause()
  const session = await manager.open({ cookie: browser.cookie })
  session.end()
  const error = await session.commit().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ ...refused, unconfirmed: true })
  browser.take(commitOf(error)!)
  expect(browser.cookie).toBe('')
  expect(await records.read(id!)).toBeUndefined()
  expect(started.primary().command('EXISTS', `shop:${id}`)).toBe('0')
  started.servers[2]!.resume()
  expect(short).toEqual(['delete'])
})

test('short, count: everything goes on, and is told', async () => {
  const started = await replicated()
  const { records, short } = await gateway(started, { short: 'count' })
  started.servers[2]!.pause()
  const version = await records.create('a', bytes, minute)
  const after = await records.update('a', bytes, version!, minute)
  expect(await records.read('a')).toMatchObject({ version: after })
  expect(await records.delete('a')).toBe(true)
  started.servers[2]!.resume()
  expect(short).toEqual(['create', 'update', 'delete'])
})

test('"all" does not shrink because a replica left a moment ago', async () => {
  const started = await replicated()
  const { records } = await gateway(started)
  await records.create('a', bytes, minute)
  started.servers[1]!.command('REPLICAOF', 'NO', 'ONE')
  await until('it has left', () => !attempt(() => started.servers[0]!.command('ROLE')).includes(`${started.ports[1]}`))
  await expect(records.create('b', bytes, minute)).rejects.toMatchObject(refused)
})

test('a number is what is asked for, however many there are', async () => {
  const started = await replicated(1)
  const one = await gateway(started, { replicas: 1 })
  const two = await gateway(started, { replicas: 2 })
  expect(await one.records.create('a', bytes, minute)).toBeDefined()
  await expect(two.records.create('b', bytes, minute)).rejects.toMatchObject(refused)
})

test('a write that was not done is neither confirmed nor refused', async () => {
  const started = await replicated(1)
  const { records, short } = await gateway(started)
  const version = await records.create('a', bytes, minute)
  expect(await records.create('a', bytes, minute)).toBeUndefined()
  const after = await records.update('a', bytes, version!, minute)
  expect(await records.update('a', bytes, version!, minute)).toBeUndefined()
  expect(after).toBeDefined()
  expect(short).toEqual([])
})

test('the primary dies between the write and its confirmation: it is not confirmed by the one that follows', async () => {
  const started = await replicated()
  const { records, stores } = await gateway(started, { timeout: 900 })
  await records.create('a', bytes, minute)
  started.servers[2]!.pause()
  const writing = records.create('b', bytes, minute).then(
    () => 'confirmed',
    (error: { code: string }) => error.code,
  )
  await until('it is written', () => started.servers[0]!.command('EXISTS', 'shop:b') === '1')
  await started.servers[0]!.kill()
  started.servers[1]!.command('REPLICAOF', 'NO', 'ONE')
  started.servers[2]!.resume()
  expect(await writing).toBe('ERR_STORE_UNAVAILABLE')
  await until('the new primary is followed', () => stores.state.up)
  // It was refused: whatever the new primary had of it ends there too.
  await until('it is ended again', () => started.servers[1]!.command('EXISTS', 'shop:b') === '0')
})
