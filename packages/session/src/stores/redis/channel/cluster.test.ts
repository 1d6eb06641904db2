import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Deployment } from '../options.ts'
import { believedFor, openRecords, type TestRecords } from '../testing/bench.ts'
import { type TestCluster, testCluster } from '../testing/cluster.ts'
import { attempt, type TestServer, until } from '../testing/processes.ts'
import { bound } from './channel.ts'

const minute = 60_000
const bytes = (...values: number[]) => Uint8Array.from(values)

let cluster: TestCluster
let deployment: Deployment
let one: TestRecords
let other: TestRecords
let started = 0
let id: string
let key: string
let version: string

/** Under an id of its own: whoever heard that a session ended believes in no other one under its id. */
async function start(): Promise<void> {
  id = `session-${started++}`
  key = `shop:${id}`
  version = (await one.create(id, bytes(1), minute))!
  await other.read(id)
  await believed(other, version)
}

beforeAll(async () => {
  cluster = await testCluster()
  deployment = { kind: 'cluster', nodes: cluster.ports.map((port) => ({ host: '127.0.0.1', port })) }
})
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
})

beforeEach(async () => {
  one = await openRecords('shop', deployment)
  other = await openRecords('shop', deployment)
  await start()
  other.told.length = 0
})
afterEach(async () => {
  await one.close()
  await other.close()
})

async function believed(records: TestRecords, expected: string): Promise<void> {
  await until('it is believed', async () => {
    await records.read(id)
    return records.confirm(id, expected)
  })
}

test('what changes is heard, on whichever server it lies', async () => {
  for (let index = 0; index < 12; index += 1) {
    const name = `spread-${index}`
    const first = await one.create(name, bytes(1), minute)
    await other.read(name)
    expect(other.confirm(name, first!)).toBe(true)
    const second = await one.update(name, bytes(2), first!, minute)
    await until('the message came', () => other.told.includes(`${name} ${second}`))
    expect(other.confirm(name, first!)).toBe(false)
  }
})

test('a flush of any one server is seen within the bound', async () => {
  for (const server of cluster.servers.slice(0, 3)) {
    await start()
    server.command('FLUSHALL')
    expect(await believedFor(other, id, version)).toBeLessThanOrEqual(bound)
  }
})

test('a slot that moves: its records are read again, and the server that has it now is heard', async () => {
  // On primaries: replicas are told to delete what moved.
  const deletes = () => cluster.servers.slice(0, 3).map(deletesOf).join()
  await one.delete('ended-before')
  const before = deletes()
  const from = cluster.ownerOf(key)
  const to = cluster.servers.slice(0, 3).find((server) => server !== from)!
  const slot = from.command('CLUSTER', 'KEYSLOT', key)
  const [fromId, toId] = [from.command('CLUSTER', 'MYID'), to.command('CLUSTER', 'MYID')]
  to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
  from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
  from.command('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '2000', 'KEYS', key)
  // While it moves: asked for at the new one, and told by it.
  const second = await one.update(id, bytes(2), version, minute)
  await until('the message came', () => other.told.includes(`${id} ${second}`))
  expect(other.confirm(id, version)).toBe(false)
  for (const server of cluster.servers.slice(0, 3)) server.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  await until('it was seen', () => one.told.includes('reset') && other.told.includes('reset'))
  await believed(other, second!)
  // No server was replaced: what ended a while ago has not to be ended again.
  expect(deletes()).toBe(before)
  const third = await one.update(id, bytes(3), second!, minute)
  await until('the message came', () => other.told.includes(`${id} ${third}`))
  expect(other.confirm(id, second!)).toBe(false)
})

test('a server that appears, since a replica takes over, is heard', async () => {
  const owner = cluster.ownerOf(key)
  const ownerId = owner.command('CLUSTER', 'MYID')
  const replica = cluster.servers.find((server) =>
    server
      .command('CLUSTER', 'NODES')
      .split('\n')
      .some((line) => line.includes(`myself,slave ${ownerId}`)),
  )!
  replica.command('CLUSTER', 'FAILOVER')
  await until('it took over', () => cluster.ownerOf(key) === replica)
  await until('it was seen', () => other.told.includes('reset'))
  await believed(other, version)
  const second = await one.update(id, bytes(2), version, minute)
  await until('the message came', () => other.told.includes(`${id} ${second}`))
  expect(other.confirm(id, version)).toBe(false)
})

test('a primary that is cut off from the others, and still answers PING, is not believed', async () => {
  const owner = cluster.ownerOf(key)
  const others = cluster.servers.filter((server) => server !== owner)
  for (const server of others) server.pause()
  try {
    await until('it says that it is cut off', () => owner.command('CLUSTER', 'INFO').includes('cluster_state:fail'))
    expect(owner.command('PING')).toBe('PONG')
    await until('it is believed no longer', () => !other.confirm(id, version))
  } finally {
    for (const server of others) server.resume()
  }
  await until('all is well', () =>
    cluster.servers.every((server) => attempt(() => server.command('CLUSTER', 'INFO')).includes('cluster_state:ok')),
  )
  await until('it is believed again', async () => {
    await other.read(id).catch(() => undefined)
    return other.stores.channel.up
  })
})

function deletesOf(server: TestServer): string {
  return /cmdstat_del:calls=\d+/.exec(server.command('INFO', 'commandstats'))?.[0] ?? 'none'
}
