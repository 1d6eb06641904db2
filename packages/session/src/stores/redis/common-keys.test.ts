import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SealingKey } from '../../api.ts'
import { createSessions } from '../../manager.ts'
import { createBrowser } from '../../rules/fixtures/world.ts'
import { redisAcl } from './acl.ts'
import type { CommonKeys, CommonOptions } from './common-keys.ts'
import { connectRedis, type RedisStores } from './index.ts'
import { at } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

const open: AsyncDisposable[] = []
let server: TestStandalone
beforeEach(async () => {
  server = await testStandalone()
  open.push(server)
  server.command('ACL', 'SETUSER', 'gate', 'reset', 'on', '>secret', ...redisAcl('shop'))
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

function connected(command = 5000): RedisStores {
  const stores = connectRedis({
    deployment: at(server.port),
    auth: { username: 'gate', password: () => 'secret' },
    timeouts: { connect: 5000, command },
  })
  open.push({ [Symbol.asyncDispose]: () => stores.close() })
  return stores
}

async function gateway(
  options: CommonOptions = {},
  command?: number,
): Promise<{ stores: RedisStores; common: CommonKeys }> {
  const stores = connected(command)
  const common = stores.common('shop', options)
  open.push({ [Symbol.asyncDispose]: async () => common.close() })
  await common.looked
  return { stores, common }
}

const key = (id: string): SealingKey => ({ id, bytes: randomBytes(32) })
const written = ({ state }: CommonKeys) =>
  state.keys?.map(({ id, bytes }) => `${id} ${Buffer.from(bytes).toString('hex')}`)
const kept = () =>
  server
    .command('HKEYS', 'shop:~keys')
    .split('\n')
    .filter((field) => field.startsWith('key:'))

describe('without configured keys', () => {
  test('a session created on one gateway is read on the second and ended on the third, metadata included', async () => {
    const gateways = await Promise.all([gateway(), gateway(), gateway()])
    expect(kept()).toHaveLength(1)
    const managers = gateways.map(({ stores, common }) =>
      createSessions({ store: stores, prefix: 'shop', serverKeys: common.state.keys! }),
    )
    const first = createBrowser(managers[0]!)
    await first.visit((session) => session.signIn('ann'))
    const second = createBrowser(managers[1]!, first.cookie)
    expect((await second.visit()).subject).toBe('ann')
    const ended: unknown[] = []
    const stop = gateways[0]!.stores.under('shop').onChange((id, version) => version ?? ended.push(id))
    const third = createBrowser(managers[2]!, first.cookie)
    await third.visit((session) => session.end())
    await until('the message came', () => ended.length > 0)
    stop()
    expect((await first.visit()).state).toBe('none')
    for (const manager of managers) await manager.close()
  })

  test('of many that start at once all have the same key', async () => {
    const gateways = await Promise.all(Array.from({ length: 8 }, () => gateway()))
    expect(new Set(gateways.map(({ common }) => written(common)?.join())).size).toBe(1)
    expect(kept()).toHaveLength(1)
  })

  test('a flush changes nothing: who knows the key writes it again', async () => {
    const one = await gateway()
    await until('a flush would be seen', () => one.stores.channel.up)
    const before = written(one.common)
    server.command('FLUSHALL')
    await until('it is there again', () => kept().length > 0)
    expect(written((await gateway()).common)).toEqual(before)
  })

  test('a store that comes back empty gets the same key again', async () => {
    const one = await gateway()
    const before = written(one.common)
    await server.kill()
    await server.restart()
    server.command('ACL', 'SETUSER', 'gate', 'reset', 'on', '>secret', ...redisAcl('shop'))
    await until('it is there again', () => kept().length > 0)
    expect(written((await gateway()).common)).toEqual(before)
  })

  test('a key that came up meanwhile is learnt, and the one that wrote before goes on writing', async () => {
    const { common } = await gateway()
    const [mine] = written(common)!
    let told = 0
    common.onChange(() => told++)
    server.command('HSET', 'shop:~keys', 'key:a', Buffer.alloc(32, 7).toString('base64url'))
    common.look()
    await until('it is told', () => told > 0)
    expect(written(common)).toEqual([mine, expect.stringMatching(/^a /)])
    expect(told).toBe(1)
  })

  test('what is no key in the hash is a failure that says so, and is left alone', async () => {
    server.command('HSET', 'shop:~keys', 'key:x', 'short', 'key:', 'AAAA', 'key:a b', 'A'.repeat(43), 'other', 'x')
    const { common } = await gateway()
    const { keys, failure } = common.state
    expect(keys).toBeUndefined()
    expect(failure?.message).toMatch(/^What lies as keys in the hash "shop:~keys" of the store are none/)
    expect(server.command('HGET', 'shop:~keys', 'key:x')).toBe('short')
  })

  test('a hash with far too many fields is a failure, not a list', async () => {
    server.command('EVAL', "for i = 1, 100 do redis.call('HSET', KEYS[1], 'key:k' .. i, 'x') end", '1', 'shop:~keys')
    expect((await gateway()).common.state).toMatchObject({
      keys: undefined,
      failure: { code: 'ERR_STORE_UNAVAILABLE' },
    })
  })

  test('while the store was never reached there are none; then there are', async () => {
    await server.kill()
    const { common } = await gateway({}, 500)
    expect(common.state).toMatchObject({ keys: undefined, failure: { code: 'ERR_STORE_UNAVAILABLE' } })
    await server.restart()
    server.command('ACL', 'SETUSER', 'gate', 'reset', 'on', '>secret', ...redisAcl('shop'))
    await until('there is one', () => written(common)?.length === 1 && common.state.failure === undefined)
  })

  test('who only looks makes none', async () => {
    const stores = connected()
    expect(await stores.readCommonKeys('shop')).toEqual([])
    expect(server.command('EXISTS', 'shop:~keys')).toBe('0')
    const { common } = await gateway()
    expect(await stores.readCommonKeys('shop')).toEqual(common.state.keys)
  })

  test('in a full store keys are read, and none can be made', async () => {
    const before = written((await gateway()).common)
    server.command('CONFIG', 'SET', 'maxmemory', '1')
    expect(written((await gateway()).common)).toEqual(before)
    server.command('DEL', 'shop:~keys')
    const refused = (await gateway()).common.state
    expect(refused).toMatchObject({ keys: undefined, failure: { reason: 'full' } })
  })
})

describe('with configured keys', () => {
  test('a gateway that shares no key with those that run is refused, and leaves no trace', async () => {
    const one = await gateway({ keys: [key('k1')] })
    const other = await gateway({ keys: [key('k2')] })
    expect(one.common.state.refused).toBeUndefined()
    expect(other.common.state.refused).toMatchObject({
      code: 'ERR_KEYS_NOT_SHARED',
      message: expect.stringMatching(/"k2".*Give all gateways the same "keys:"/),
    })
    expect(server.command('ZCARD', 'shop:~known')).toBe('1')
    expect(server.command('HKEYS', 'shop:~keys')).not.toContain('key:')
  })

  test('so are several that are alike, and start at the same moment', async () => {
    await gateway({ keys: [key('k1')] })
    const keys = [key('k2')]
    const others = await Promise.all(Array.from({ length: 12 }, () => gateway({ keys })))
    expect(others.filter(({ common }) => common.state.refused === undefined)).toEqual([])
    expect(server.command('ZCARD', 'shop:~known')).toBe('1')
  })

  test('of several strangers that start at the same moment, one kind is let in', async () => {
    const [one, two] = [[key('k1')], [key('k2')]]
    const all = await Promise.all(Array.from({ length: 12 }, (_, i) => gateway({ keys: i % 2 === 0 ? one : two })))
    const served = all.flatMap(({ common: { state } }) => (state.refused ? [] : [state.keys![0]!.id]))
    expect(new Set(served).size).toBe(1)
  })

  test('so is one with none, where those that run have some', async () => {
    await gateway({ keys: [key('k1')] })
    expect((await gateway()).common.state.refused).toMatchObject({ code: 'ERR_KEYS_NOT_SHARED' })
  })

  test('and one that has another key under the same id, whatever else they share', async () => {
    const shared = key('shared')
    await gateway({ keys: [key('k1'), shared] })
    const { refused } = (await gateway({ keys: [key('k1'), shared] })).common.state
    expect(refused?.message).toMatch(/^Under the key id "k1" gateways that run have another key/)
  })

  test('keys are rolled over with one in common at every step', async () => {
    const [before, after] = [key('k1'), key('k2')]
    for (const keys of [[before], [before, after], [after, before], [after]]) {
      const { common } = await gateway({ keys })
      expect(common.state.refused).toBeUndefined()
    }
    expect((await gateway({ keys: [after] })).common.state.warnings).toEqual([
      expect.stringMatching(/Some gateways that run know none of the keys here, but "k1"/),
    ])
  })

  test('who was refused is let in when the others are gone', async () => {
    const other = await gateway({ keys: [key('k1')] })
    const { common } = await gateway({ keys: [key('k2')] })
    expect(common.state.refused).toBeDefined()
    other.common.close()
    server.command('DEL', 'shop:~known')
    common.look()
    await until('it is let in', () => common.state.refused === undefined)
  })

  test('who serves already is warned, and goes on', async () => {
    const { common } = await gateway({ keys: [key('k1')] })
    const stranger = JSON.stringify({ keys: { k9: 'AAAAAAAAAAAA' }, settings: {} })
    server.command('DEL', 'shop:~known')
    server.command('ZADD', 'shop:~known', '99999999999999', stranger)
    common.look()
    await until('it is told', () => common.state.warnings.length > 0)
    expect(common.state.refused).toBeUndefined()
  })

  test('what others say of themselves is believed only when it has the form', async () => {
    for (const entry of ['{', '[]', 'null', '{"keys":1,"settings":{}}', '{"keys":{"k1":{}},"settings":{}}']) {
      server.command('ZADD', 'shop:~known', '99999999999999', entry)
    }
    server.command('ZADD', 'shop:~known', '99999999999999', JSON.stringify({ keys: { k: 'x'.repeat(5000) } }))
    expect((await gateway({ keys: [key('k1')] })).common.state).toMatchObject({ refused: undefined, warnings: [] })
  })

  test('entries are bounded in number, and all of them end', async () => {
    const add = "for i = 1, 400 do redis.call('ZADD', KEYS[1], 99999999999999, 'e' .. i) end"
    server.command('EVAL', add, '1', 'shop:~known')
    await gateway({ keys: [key('k1')] })
    expect(Number(server.command('ZCARD', 'shop:~known'))).toBe(256)
    expect(Number(server.command('PTTL', 'shop:~known'))).toBeGreaterThan(0)
  })
})

test('a process whose settings changed is not met as somebody else, and another one still is', async () => {
  const keys = [key('k1')]
  const { stores, common } = await gateway({ keys, settings: { idle: '1' } })
  common.close()
  const after = stores.common('shop', { keys, settings: { idle: '2' } })
  await after.looked
  expect(after.state.warnings).toEqual([])
  expect((await gateway({ keys, settings: { idle: '3' } })).common.state.warnings).toEqual([
    'The setting "idle" is 3 here and 1, 2 in gateways that share the sessions.',
  ])
  after.look()
  await until('it is told', () => after.state.warnings.length > 0)
  expect(after.state.warnings).toEqual(['The setting "idle" is 2 here and 3 in gateways that share the sessions.'])
  after.close()
})

test('who only compares finds the same, and writes nothing', async () => {
  const stores = connected()
  const keys = [key('k1')]
  expect(await stores.compareWithOthers('shop', { keys })).toEqual({
    conflict: undefined,
    warnings: [],
    missing: [],
  })
  expect(server.command('KEYS', '*')).toBe('')
  await gateway({ keys, settings: { idle: '1' } })
  const before = server.command('ZRANGE', 'shop:~known', '0', '-1')
  expect(await stores.compareWithOthers('shop', { keys: [key('k2')], settings: { idle: '2' } })).toEqual({
    conflict: expect.stringMatching(/^None of the keys here/),
    warnings: ['The setting "idle" is 2 here and 1 in gateways that share the sessions.'],
    missing: ['k1'],
  })
  expect(await stores.compareWithOthers('shop', { keys, settings: { idle: '1' } })).toEqual({
    conflict: undefined,
    warnings: [],
    missing: [],
  })
  expect(server.command('ZRANGE', 'shop:~known', '0', '-1')).toBe(before)
})

test('different settings under one prefix are named, with both values', async () => {
  const keys = [key('k1')]
  await gateway({ keys, settings: { idle: '600000', lifetime: '1' } })
  expect((await gateway({ keys, settings: { idle: '600000', lifetime: '1' } })).common.state.warnings).toEqual([])
  expect((await gateway({ keys, settings: { idle: '900000', lifetime: '1' } })).common.state.warnings).toEqual([
    'The setting "idle" is 900000 here and 600000 in gateways that share the sessions.',
  ])
})
