import { expect, test } from 'vitest'
import type { SessionId } from '../../store.ts'
import { redisAcl } from './acl.ts'
import { connectRedis } from './index.ts'
import { at } from './testing/bench.ts'
import { freePorts } from './testing/processes.ts'
import { busSettings, type TestStandalone, testCluster, testStandalone, until } from './testing/servers.ts'

const id = 'a'.repeat(22) as SessionId
const other = 'b'.repeat(22) as SessionId

function allow(server: TestStandalone, ...without: readonly string[]): void {
  const rule = redisAcl('shop').filter((word) => !without.includes(word))
  server.command('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...rule)
}

function storesAt(server: TestStandalone) {
  return connectRedis({ deployment: at(server.port), auth: { username: 'shop', password: () => 'pw' } })
}

test.each([
  ['scripts', ['+evalsha']],
  ['reads', ['+strlen']],
  ['the keys', ['~shop:*']],
])('a server that refuses %s refuses sessions, until it does no more', async (_, without) => {
  await using server = await testStandalone()
  allow(server, ...without)
  const stores = storesAt(server)
  const store = stores.under('shop')
  await expect(store.read(id)).rejects.toMatchObject({ reason: 'forbidden' })
  expect(stores.refusal).toMatchObject({ reason: 'forbidden' })
  allow(server)
  await until('it is seen that they are not refused any more', () => stores.refusal === undefined)
  await stores.close()
})

test('it is seen before anybody comes, by what gateways ask for themselves', async () => {
  await using server = await testStandalone()
  allow(server, '+evalsha')
  const stores = storesAt(server)
  const common = stores.common('shop')
  await common.looked
  await until('it is seen', () => stores.refusal !== undefined)
  allow(server)
  await until('it is seen that they are not refused any more', () => stores.refusal === undefined)
  common.close()
  await stores.close()
})

test('a server that lets sessions be read and not made is known to, and trying makes none', async () => {
  await using server = await testStandalone()
  allow(server)
  const stores = storesAt(server)
  const store = stores.under('shop')
  expect(await store.create(id, Buffer.from('record'), 60_000)).toEqual(expect.any(String))
  allow(server, '+set')
  await expect(store.create(other, Buffer.from('record'), 60_000)).rejects.toMatchObject({ reason: 'forbidden' })
  expect(await store.read(id)).toMatchObject({ bytes: Buffer.from('record') })
  expect(stores.refusal).toMatchObject({ reason: 'forbidden' })
  allow(server)
  await until('it is seen that they can be made', () => stores.refusal === undefined)
  expect(await store.read(other)).toBe(undefined)
  expect(await store.read(id)).toMatchObject({ bytes: Buffer.from('record') })
  await stores.close()
})

test('what a session can do without is no refusal of it', async () => {
  await using server = await testStandalone()
  allow(server, '+zadd', '+publish', '+scan', '+pexpire')
  const stores = storesAt(server)
  const store = stores.under('shop')
  await expect(store.enter('name', { id, createdAt: 0 }, 1000)).rejects.toMatchObject({ reason: 'forbidden' })
  expect(await store.read(id)).toBe(undefined)
  expect(stores.refusal).toBe(undefined)
  await stores.close()
})

test('a server that is a part of a cluster, and taken for one by itself', async () => {
  await using cluster = await testCluster()
  const stores = connectRedis({ deployment: at(cluster.ports[0]!) })
  const store = stores.under('shop')
  const reads = Array.from({ length: 20 }, (_, i) => store.read(`${String(i).padStart(22, '0')}` as SessionId))
  const outcomes = await Promise.allSettled(reads)
  expect(outcomes.map(({ status }) => status)).toContain('fulfilled')
  expect(outcomes.map(({ status }) => status)).toContain('rejected')
  expect(stores.refusal?.message).toMatch(/part of a cluster. Configure it as one/)
  await stores.close()
})

test('a node of a cluster without slots is down, and says why', async () => {
  const [bus = 0] = await freePorts(1)
  await using server = await testStandalone({ settings: { 'cluster-enabled': 'yes', ...busSettings(bus) } })
  const stores = connectRedis({ deployment: at(server.port), timeouts: { command: 500 } })
  await expect(stores.under('shop').read(id)).rejects.toThrow(/CLUSTERDOWN/)
  expect(stores.state).toMatchObject({ up: false, reason: 'busy', message: expect.stringContaining('CLUSTERDOWN') })
  await stores.close()
})
