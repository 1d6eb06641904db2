/** Every deployment: connect, lose a server, follow, recover. */
import { expect, test, vi } from 'vitest'
import { elsewhere, sentinelNaming } from '../probe/testing/probing.ts'
import {
  type TestSentinel,
  type TestServer,
  testCluster,
  testReplicated,
  testSentinel,
  testStandalone,
  until,
} from '../testing/servers.ts'
import { connect } from './connect.ts'
import type { RedisConnection, RedisFailure } from './connection.ts'

const host = '127.0.0.1'
vi.setConfig({ testTimeout: 60_000 })
const command = { timeouts: { command: 1000 } }

/** Writes all the while, each time another key; says at the end what came back, and how long the slowest took. */
function writing(redis: RedisConnection) {
  let stopped = false
  const written: string[] = []
  const failures: RedisFailure[] = []
  let slowest = 0
  const loop = async () => {
    for (let i = 0; !stopped; i++) {
      const key = `k${i}`
      const begun = performance.now()
      await redis.call(key, 'SET', [key, key], { idempotent: true }).then(
        () => written.push(key),
        (failure: RedisFailure) => failures.push(failure),
      )
      slowest = Math.max(slowest, performance.now() - begun)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const done = loop()
  return {
    written,
    failures,
    async stop() {
      stopped = true
      await done
      return { written, failures, slowest }
    },
  }
}

async function goesOn(load: { readonly written: readonly string[] }): Promise<void> {
  const before = load.written.length
  await until('writing goes on', () => load.written.length > before + 20)
}

function follows(redis: RedisConnection, servers: TestSentinel): boolean {
  return redis.primaries()[0]?.address === `${host}:${servers.named()}`
}

function isKept(primary: TestServer, key: string): boolean {
  return primary.command('GET', key) === key
}

test('sentinel: a killed primary is replaced, and every command ends within its time', async () => {
  await using servers = await testSentinel()
  const nodes = servers.sentinels.map(({ port }) => ({ host, port }))
  const redis = connect({ deployment: { kind: 'sentinel', masterName: servers.masterName, nodes }, ...command })
  const load = writing(redis)
  await goesOn(load)
  const before = redis.primaries()[0]!
  expect(before.address).toBe(`${host}:${servers.ports[0]}`)
  await servers.servers[0]!.kill()
  await until('the sentinels promote', () => servers.named() !== servers.ports[0])
  await goesOn(load)
  const { failures, slowest } = await load.stop()
  expect(failures.every(({ code }) => code === 'ERR_STORE_UNAVAILABLE')).toBe(true)
  expect(slowest).toBeLessThan(2000)
  await until('we are where they say', () => redis.state.up && follows(redis, servers))
  await redis.close()
})

test('sentinel: a planned failover is followed, with one of three sentinels', async () => {
  await using servers = await testSentinel()
  const nodes = [
    { host, port: 1 },
    { host, port: servers.sentinels[2]!.port },
  ]
  const redis = connect({ deployment: { kind: 'sentinel', masterName: servers.masterName, nodes }, ...command })
  const load = writing(redis)
  await goesOn(load)
  expect(servers.sentinels[0]!.command('SENTINEL', 'FAILOVER', servers.masterName)).toBe('OK')
  await until('the sentinels promote', () => servers.named(servers.sentinels[2]) !== servers.ports[0])
  await until('we follow', () => redis.primaries()[0]?.address === `${host}:${servers.named(servers.sentinels[2])}`)
  await goesOn(load)
  const { failures } = await load.stop()
  expect(failures.filter(({ reason }) => reason !== 'timeout' && reason !== 'role' && reason !== 'tcp')).toEqual([])
  await redis.close()
})

test('sentinel: a primary that hangs is left, and not written to when it wakes up', async () => {
  await using servers = await testSentinel()
  const nodes = servers.sentinels.map(({ port }) => ({ host, port }))
  const redis = connect({ deployment: { kind: 'sentinel', masterName: servers.masterName, nodes }, ...command })
  const load = writing(redis)
  await goesOn(load)
  servers.servers[0]!.pause()
  await until('the sentinels promote', () => servers.named() !== servers.ports[0])
  await until('we follow', () => redis.state.up && follows(redis, servers))
  const from = load.written.length
  await goesOn(load)
  servers.servers[0]!.resume()
  await goesOn(load)
  const { slowest } = await load.stop()
  expect(slowest).toBeLessThan(2000)
  expect(follows(redis, servers)).toBe(true)
  const now = servers.servers.find(({ port }) => port === servers.named())!
  expect(load.written.slice(from + 5).every((key) => isKept(now, key))).toBe(true)
  await redis.close()
})

test('sentinel: an unknown name is said', async () => {
  await using servers = await testSentinel()
  const nodes = servers.sentinels.map(({ port }) => ({ host, port }))
  const redis = connect({ deployment: { kind: 'sentinel', masterName: 'other', nodes }, timeouts: { command: 300 } })
  await until('they were asked', () => !redis.state.up && /No such master/.test(redis.state.message))
  await expect(redis.call('a', 'PING', [])).rejects.toMatchObject({ notExecuted: true })
  await redis.close()
})

test('replicated: the primary is found by its role, and followed when it changes', async () => {
  await using servers = await testReplicated(2)
  const nodes = servers.ports.toReversed().map((port) => ({ host, port }))
  const redis = connect({ deployment: { kind: 'replicated', nodes }, ...command })
  await redis.call('a', 'SET', ['a', 'a'])
  expect(redis.primaries()).toMatchObject([{ address: `${host}:${servers.ports[0]}` }])
  const load = writing(redis)
  await goesOn(load)
  const [old, next, third] = servers.servers
  next!.command('REPLICAOF', 'NO', 'ONE')
  third!.command('REPLICAOF', host, String(next!.port))
  old!.command('REPLICAOF', host, String(next!.port))
  await until('we follow', () => redis.primaries()[0]!.address === `${host}:${next!.port}`)
  await goesOn(load)
  expect((await load.stop()).slowest).toBeLessThan(2000)
  const key = load.written.at(-1)!
  expect(isKept(next!, key)).toBe(true)
  await redis.close()
})

test('replicated: a user that may not ask for the role finds the primary, and is refused once', async () => {
  await using servers = await testReplicated(1, { settings: { user: 'shop on >pw ~* -@all +ping +set' } })
  const nodes = servers.ports.toReversed().map((port) => ({ host, port }))
  const auth = { username: 'shop', password: () => 'pw' }
  const redis = connect({ deployment: { kind: 'replicated', nodes }, auth, ...command })
  expect(await redis.call('a', 'SET', ['a', 'a'])).toEqual(Buffer.from('OK'))
  const refusals = () =>
    servers
      .primary()
      .command('ACL', 'LOG')
      .split('\n')
      .filter((line) => line === 'role')
  expect(refusals()).toHaveLength(1)
  servers.servers[0]!.command('REPLICAOF', host, String(servers.ports[1]))
  servers.servers[1]!.command('REPLICAOF', 'NO', 'ONE')
  await until('we follow', () => redis.primaries()[0]!.address === `${host}:${servers.ports[1]}`)
  expect(await redis.call('a', 'SET', ['a', 'b'])).toEqual(Buffer.from('OK'))
  await redis.close()
})

test('cluster: keys go to their owners, and a killed primary is replaced', async () => {
  await using servers = await testCluster()
  const nodes = [{ host, port: servers.ports[3]! }]
  const redis = connect({ deployment: { kind: 'cluster', nodes }, ...command })
  const load = writing(redis)
  await goesOn(load)
  expect(redis.primaries().map(({ address }) => address)).toHaveLength(3)
  await servers.servers[0]!.kill()
  await until('the loss is seen', () => !redis.state.up)
  await until('the cluster is whole', () => redis.state.up)
  await goesOn(load)
  const { slowest } = await load.stop()
  expect(slowest).toBeLessThan(2000)
  expect(redis.primaries().map(({ address }) => address)).not.toContain(`${host}:${servers.ports[0]}`)
  const keys = load.written.slice(-10)
  expect(keys.every((key) => isKept(servers.ownerOf(key), key))).toBe(true)
  await redis.close()
})

test('cluster: while one primary hangs, the keys of others are served', async () => {
  await using servers = await testCluster()
  const redis = connect({ deployment: { kind: 'cluster', nodes: [{ host, port: servers.ports[1]! }] }, ...command })
  await until('it is connected', () => redis.state.up)
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
  const hung = servers.servers[0]!
  const elsewhere = keys.filter((key) => servers.ownerOf(key) !== hung)
  hung.pause()
  const begun = performance.now()
  const answers = await Promise.all(elsewhere.map((key) => redis.call(key, 'SET', [key, key])))
  expect(answers.every((answer) => String(answer) === 'OK')).toBe(true)
  expect(performance.now() - begun).toBeLessThan(500)
  const load = writing(redis)
  await until('the replica took over', () => servers.servers[3]!.command('ROLE').startsWith('master'))
  await until('all is well', () => redis.state.up)
  await goesOn(load)
  expect((await load.stop()).slowest).toBeLessThan(2000)
  await redis.close()
})

test('cluster: slots without an owner are waited for, and refused in time', async () => {
  await using servers = await testCluster()
  const nodes = servers.ports.map((port) => ({ host, port }))
  const redis = connect({ deployment: { kind: 'cluster', nodes }, timeouts: { command: 500 } })
  await until('it is connected', () => redis.state.up)
  const [shard, other] = servers.servers
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
  const there = keys.find((key) => servers.ownerOf(key) === other)!
  await servers.servers[3]!.kill()
  await shard!.kill()
  await until('the cluster is down', () => other!.command('CLUSTER', 'INFO').includes('cluster_state:fail'))
  await expect(redis.call(there, 'SET', [there, '1'])).rejects.toMatchObject({ reason: 'busy', notExecuted: true })
  expect(redis.state).toMatchObject({ up: false })
  await shard!.restart()
  await until('all is well', () => redis.state.up)
  expect(await redis.call(there, 'SET', [there, '1'])).toEqual(Buffer.from('OK'))
  await redis.close()
})

test('cluster: a planned failover and a slot on the move are followed without an error', async () => {
  await using servers = await testCluster()
  const redis = connect({ deployment: { kind: 'cluster', nodes: servers.ports.map((port) => ({ host, port })) } })
  const load = writing(redis)
  await goesOn(load)
  expect(servers.servers[4]!.command('CLUSTER', 'FAILOVER')).toBe('OK')
  await until('the replica took over', () => servers.servers[4]!.command('ROLE').startsWith('master'))
  await goesOn(load)
  expect((await load.stop()).failures).toEqual([])

  // The slot of "k0" is opened, and a key of it lies on either side.
  const from = servers.ownerOf('k0')
  const to = [servers.servers[0]!, servers.servers[2]!].find((server) => server !== from)!
  const [fromId, toId] = [from.command('CLUSTER', 'MYID'), to.command('CLUSTER', 'MYID')]
  const slot = from.command('CLUSTER', 'KEYSLOT', 'k0')
  await redis.call('{k0}b', 'SET', ['{k0}b', 'b'])
  to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
  from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
  from.command('MIGRATE', host, String(to.port), 'k0', '0', '1000')
  expect(await redis.call('k0', 'GET', ['k0'])).toEqual(Buffer.from('k0'))
  expect(await redis.call('{k0}b', 'GET', ['{k0}b'])).toEqual(Buffer.from('b'))
  expect(await redis.call('{k0}c', 'SET', ['{k0}c', 'c'])).toEqual(Buffer.from('OK'))
  expect(to.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe('2')
  from.command('MIGRATE', host, String(to.port), '{k0}b', '0', '1000')
  to.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  from.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  expect(await redis.call('{k0}b', 'GET', ['{k0}b'])).toEqual(Buffer.from('b'))
  await redis.close()
})

test('a primary elsewhere that a sentinel names and that is reached plainly is told, once', async () => {
  await using server = await testStandalone()
  await using naming = await sentinelNaming(server.port)
  const told: string[] = []
  const redis = connect({
    deployment: { kind: 'sentinel', masterName: 'main', nodes: [{ host, port: naming.port }] },
    onPlain: (address) => told.push(address),
  })
  await redis.call('a', 'PING', [])
  server.command('CLIENT', 'KILL', 'TYPE', 'normal')
  await until('it is lost', () => !redis.state.up)
  await redis.call('a', 'PING', [])
  expect(told).toEqual([`${elsewhere}:${server.port}`])
  await redis.close()
})
