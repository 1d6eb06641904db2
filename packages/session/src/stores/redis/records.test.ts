import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { redisAcl } from './acl.ts'
import { connect } from './connection/connect.ts'
import type { RedisStores } from './index.ts'
import { createScript, updateScript } from './scripts.ts'
import { at, openRecords, type TestRecords } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'
import { formatVersion, newVersion, writeValue } from './value.ts'

const minute = 60_000
const id = 'AAAAAAAAAAAAAAAAAAAAAA'
const bytes = (...values: number[]) => Uint8Array.from(values)

let server: TestStandalone
let open: TestRecords[] = []
beforeAll(async () => {
  server = await testStandalone()
})
afterEach(async () => {
  await Promise.all(open.map((records) => records.close()))
  open = []
  server.command('CONFIG', 'SET', 'maxmemory', '0')
  server.command('FLUSHALL')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

async function records(prefix = 'shop', options: Parameters<typeof openRecords>[2] = {}): Promise<TestRecords> {
  const opened = await openRecords(prefix, at(server.port), options)
  open.push(opened)
  return opened
}

test('a record is one key that expires, {prefix}:{id}, and beside it lies nothing but {prefix}:~keys', async () => {
  const store = await records('shop.eu:1')
  await store.create(id, bytes(1), minute)
  expect(server.command('KEYS', '*').split('\n').sort()).toEqual([`shop.eu:1:${id}`, 'shop.eu:1:~keys'])
  const left = Number(server.command('PTTL', `shop.eu:1:${id}`))
  expect(left).toBeGreaterThan(minute - 10_000)
  expect(left).toBeLessThanOrEqual(minute)
})

test('a write that was sent twice counts once: its own version is what it finds', async () => {
  const connection = connect({ deployment: at(server.port) })
  const key = `shop:${id}`
  const [first, second, third] = [newVersion(), newVersion(), newVersion()]
  const create = () => connection.run(createScript, key, [writeValue(first, bytes(1)), minute])
  expect([await create(), await create()]).toEqual([1, 1])
  const update = (from: Buffer, to: Buffer) =>
    connection.run(updateScript, key, [from, writeValue(to, bytes(2)), minute, 'shop:~changed', `${id} v`])
  expect([await update(first, second), await update(first, second)]).toEqual([[1, 1], [1]])
  // Another one came between: then it did not hold.
  expect([await update(second, third), await update(first, second)]).toEqual([[1, 1], [0]])
  expect(await create()).toBe(0)
  await connection.close()
})

test('what is not ours under our key reads as absent, is not written over, and stays', async () => {
  const store = await records()
  const version = formatVersion(newVersion())
  const foreign: readonly (readonly string[])[] = [
    ['SET', `shop:${id}`, 'short'],
    ['SET', `shop:${id}`, '{"user":"somebody else, in JSON"}'],
    ['SET', `shop:${id}`, ''],
    ['HSET', `shop:${id}`, 'field', 'value'],
    ['RPUSH', `shop:${id}`, 'value'],
  ]
  for (const command of foreign) {
    server.command(...command)
    const before = server.command('DUMP', `shop:${id}`)
    expect(await store.read(id)).toBeUndefined()
    expect(await store.update(id, bytes(9), version, minute)).toBeUndefined()
    expect(await store.create(id, bytes(9), minute)).toBeUndefined()
    expect(server.command('DUMP', `shop:${id}`)).toBe(before)
    server.command('DEL', `shop:${id}`)
  }
})

test('a value that never expires, and one that is too large, read as absent', async () => {
  const store = await records()
  await store.create(id, bytes(1), minute)
  server.command('PERSIST', `shop:${id}`)
  expect(await store.read(id)).toBeUndefined()
  expect(server.command('EXISTS', `shop:${id}`)).toBe('1')
  server.command('SETRANGE', `shop:${id}`, `${16 * 1024 * 1024}`, 'x')
  server.command('PEXPIRE', `shop:${id}`, '60000')
  expect(await store.read(id)).toBeUndefined()
})

test('a server that was put behind another one does not say that a session is gone', async () => {
  const store = await records('shop', { timeouts: { command: 500 } })
  await store.create(id, bytes(1), minute)
  server.command('DEL', `shop:${id}`)
  try {
    server.command('REPLICAOF', '127.0.0.1', '1')
    const answers = await Promise.allSettled([store.read(id), store.touch(id, minute)])
    const outage = { status: 'rejected', reason: expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' }) }
    expect(answers).toEqual([outage, outage])
  } finally {
    server.command('REPLICAOF', 'NO', 'ONE')
  }
})

test('a primary that takes no writes for want of replicas says that a session is gone', async () => {
  const store = await records()
  server.command('CONFIG', 'SET', 'min-replicas-to-write', '1')
  try {
    expect([await store.read(id), await store.touch(id, minute)]).toEqual([undefined, false])
  } finally {
    server.command('CONFIG', 'SET', 'min-replicas-to-write', '0')
  }
})

test('what cannot be an id is refused, so that no id reaches another key', async () => {
  const store = await records()
  for (const wrong of ['', '~keys', 'a b', 'a:b', '{a}', 'ä', 'a\n', 'a'.repeat(129)]) {
    const refused = expect.objectContaining({ code: 'ERR_INVALID_OPTION' })
    await expect(store.read(wrong)).rejects.toEqual(refused)
    await expect(store.create(wrong, bytes(1), minute)).rejects.toEqual(refused)
    await expect(store.delete(wrong)).rejects.toEqual(refused)
  }
})

test('in a full store nothing new is written, as an outage that says so; reading, touching and ending go on', async () => {
  const store = await records()
  const version = await store.create(id, bytes(1), minute)
  server.command('CONFIG', 'SET', 'maxmemory', '100kb')
  const full = expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE', reason: 'full' })
  await expect(store.create('other', bytes(1), minute)).rejects.toEqual(full)
  await expect(store.update(id, bytes(2), version!, minute)).rejects.toEqual(full)
  expect((await store.read(id))?.version).toBe(version)
  expect(await store.touch(id, minute)).toBe(true)
  expect([await store.read('absent'), await store.touch('absent', minute)]).toEqual([undefined, false])
  expect(await store.delete(id)).toBe(true)
  expect(server.command('EXISTS', `shop:${id}`)).toBe('0')
})

test('where PUBLISH and SUBSCRIBE are refused everything works, nothing is cached, and it shows', async () => {
  const rule = redisAcl('shop').filter((word) => word !== '+publish' && word !== '+subscribe')
  server.command('ACL', 'SETUSER', 'mute', 'reset', 'on', '>secret', ...rule)
  const store = await records('shop', { auth: { username: 'mute', password: () => 'secret' }, up: false })
  await until('it is known', () => !store.stores.channel.up && store.stores.channel.reason === 'forbidden')
  expect(store.stores.state).toEqual({ up: true })
  const version = await store.create(id, bytes(1), minute)
  expect(store.tells).toBe(true)
  const next = await store.update(id, bytes(2), version!, minute)
  expect(store.tells).toBe(false)
  expect((await store.read(id))?.version).toBe(next)
  expect(store.confirm(id, next!)).toBe(false)
  expect(await store.delete(id)).toBe(true)
})

test('the rule for the ACL user names no command that is never sent', async () => {
  server.command('SCRIPT', 'FLUSH')
  server.command('CONFIG', 'RESETSTAT')
  const store = await records('shop', { up: true })
  const version = await store.create(id, bytes(1), minute)
  await store.update(id, bytes(2), version!, minute)
  await store.read(id)
  await store.touch(id, minute)
  await store.delete(id)
  const durable = await records('shop', { durability: { replicas: 'all', timeout: 100, short: 'refuse' } })
  await durable.create('durable', bytes(1), minute)
  await share(store.stores)
  await useAbilities(store)
  const sent = [...server.command('INFO', 'commandstats').matchAll(/^cmdstat_([^:]+)/gm)].map(([, name]) => name)
  const allowed = redisAcl('shop')
    .filter((word) => word.startsWith('+'))
    .map((word) => word.slice(1))
  // In a cluster, and with a database other than the first.
  const elsewhere = ['cluster|slots', 'cluster|info', 'asking', 'select']
  expect(allowed.filter((name) => !sent.includes(name) && !elsewhere.includes(name))).toEqual([])
})

/** An index that is full, a list, and a token. */
async function useAbilities(store: TestRecords): Promise<void> {
  const fill = "for i = 1, 10000 do redis.call('ZADD', KEYS[1], 99999999999999, 'x' .. i .. ' 1') end"
  server.command('EVAL', fill, '1', 'shop:~index:subject:x')
  await store.enter('subject:x', { id, createdAt: 1 }, minute)
  await store.leave('subject:x', { id, createdAt: 1 })
  await store.acceptOnce('token', store.now() + minute)
  for await (const _ of store.list()) break
}

/** A gateway without configured keys, and one that is refused beside it. */
async function share(stores: RedisStores): Promise<void> {
  const all = [stores.common('shop'), stores.common('shop', { keys: [{ id: 'k1', bytes: new Uint8Array(32) }] })]
  await Promise.all(all.map(({ looked }) => looked))
  for (const common of all) common.close()
}

test('the clock is the one of the server, whatever is done to that of this machine', async () => {
  const real = Date.now
  for (const skew of [3_600_000, -3_600_000, 10_000]) {
    const spy = vi.spyOn(Date, 'now').mockImplementation(() => real() + skew)
    const store = await records()
    expect(Math.abs(store.now() - real())).toBeLessThan(1000)
    spy.mockImplementation(() => real() - skew)
    expect(Math.abs(store.now() - real())).toBeLessThan(1000)
    spy.mockRestore()
  }
})

test('after close() of one of two who asked for a prefix, the other one goes on', async () => {
  const store = await records()
  const other = store.stores.under('shop')
  await other.close()
  await other.close()
  const version = await store.create(id, bytes(1), minute)
  expect(store.confirm(id, version!)).toBe(true)
})
