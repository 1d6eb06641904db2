import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { at, believedFor, movedTime, openRecords, type TestRecords } from '../testing/bench.ts'
import { until } from '../testing/processes.ts'
import { type TestProxy, testProxy } from '../testing/proxy.ts'
import { type TestStandalone, testStandalone } from '../testing/standalone.ts'
import { formatVersion, newVersion } from '../value.ts'
import { bound } from './channel.ts'

const minute = 60_000
const id = 'AAAAAAAAAAAAAAAAAAAAAA'
const bytes = (...values: number[]) => Uint8Array.from(values)

const open: AsyncDisposable[] = []
let server: TestStandalone
beforeEach(async () => {
  server = await testStandalone()
  open.push(server)
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function gateway(port = server.port, options: Parameters<typeof openRecords>[2] = {}): Promise<TestRecords> {
  const records = await openRecords('shop', at(port), options)
  open.push({ [Symbol.asyncDispose]: () => records.close() })
  return records
}

async function proxy(): Promise<TestProxy> {
  const made = await testProxy(server.port)
  open.push(made)
  return made
}

/** Both have read it, and believe it. */
async function shared(one: TestRecords, other: TestRecords): Promise<string> {
  const version = await one.create(id, bytes(1), minute)
  expect((await other.read(id))?.version).toBe(version)
  expect([one.confirm(id, version!), other.confirm(id, version!)]).toEqual([true, true])
  return version!
}

test('what changed or ended on one gateway is not believed on another once the message came', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const first = await shared(one, other)
  const second = await one.update(id, bytes(2), first, minute)
  expect(one.confirm(id, second!)).toBe(true)
  await until('the message came', () => other.told.includes(`${id} ${second}`))
  expect([other.confirm(id, first), other.confirm(id, second!)]).toEqual([false, false])
  await other.read(id)
  expect(other.confirm(id, second!)).toBe(true)
  await one.delete(id)
  expect(one.confirm(id, second!)).toBe(false)
  await until('the message came', () => other.told.includes(`${id} -`))
  expect(other.confirm(id, second!)).toBe(false)
})

test('a touch tells nobody', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const version = await shared(one, other)
  for (let touch = 0; touch < 10; touch += 1) await one.touch(id, minute)
  const next = await one.update(id, bytes(2), version, minute)
  await until('the message came', () => other.told.length > 0)
  expect(other.told).toEqual([`${id} ${next}`])
})

test('our own writes, coming back, overrule nothing', async () => {
  const one = await gateway()
  const version = await one.create(id, bytes(1), minute)
  const next = await one.update(id, bytes(2), version!, minute)
  await until('it came back', () => one.told.includes(`${id} ${next}`))
  expect(one.confirm(id, next!)).toBe(true)
})

test('late expiry: the end is known here, without a message', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const version = await one.create(id, bytes(1), 300)
  const { remaining } = (await other.read(id))!
  server.pause()
  expect(await believedFor(other, id, version!)).toBeLessThanOrEqual(remaining)
  expect(remaining).toBeLessThanOrEqual(300)
  expect(await believedFor(one, id, version!)).toBeLessThanOrEqual(300)
  server.resume()
})

/** The server has answered, and the answer is under way. */
async function heldRead(between: TestProxy, other: TestRecords): Promise<{ result: ReturnType<TestRecords['read']> }> {
  const reads = () => Number(/cmdstat_get:calls=(\d+)/.exec(server.command('INFO', 'commandstats'))?.[1] ?? 0)
  // So that the server knows the script.
  await other.read(id)
  const before = reads()
  between.hold('data')
  const result = other.read(id)
  await until('the reply is under way', () => reads() > before)
  return { result }
}

test('a message that overtakes its reply: what the reply tells is not believed', async () => {
  const between = await proxy()
  const [one, other] = [await gateway(), await gateway(between.port)]
  const first = await one.create(id, bytes(1), minute)
  const reading = await heldRead(between, other)
  const second = await one.update(id, bytes(2), first!, minute)
  await until('the message came', () => other.told.includes(`${id} ${second}`))
  between.release()
  expect((await reading.result)?.version).toBe(first)
  expect([other.confirm(id, first!), other.confirm(id, second!)]).toEqual([false, false])
  expect((await other.read(id))?.version).toBe(second)
  expect(other.confirm(id, second!)).toBe(true)
})

test('a message of an end that overtakes the reply of a read: the record is absent', async () => {
  const between = await proxy()
  const [one, other] = [await gateway(), await gateway(between.port)]
  await one.create(id, bytes(1), minute)
  const reading = await heldRead(between, other)
  await one.delete(id)
  await until('the message came', () => other.told.includes(`${id} -`))
  between.release()
  expect(await reading.result).toBeUndefined()
})

test('a subscriber that is cut: nothing is believed from the very next request, and soon all is well again', async () => {
  const [one, other] = [await gateway(), await gateway()]
  const version = await shared(one, other)
  server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await one.delete(id).catch(() => {})
  expect(await other.read(id)).toBeUndefined()
  expect(other.confirm(id, version)).toBe(false)
  await until('it was seen', () => other.told.includes('reset'))
  const again = await one.create(id, bytes(1), minute)
  await other.read(id)
  await until('it is believed again', async () => {
    await other.read(id)
    return other.confirm(id, again!)
  })
})

test('a silent partition: nothing is believed that was not checked within the bound', async () => {
  const between = await proxy()
  const [one, other] = [await gateway(), await gateway(between.port)]
  const version = await shared(one, other)
  between.partition()
  const ending = one.delete(id)
  expect(await believedFor(other, id, version)).toBeLessThanOrEqual(bound)
  expect(await ending).toBe(true)
  expect(other.confirm(id, version)).toBe(false)
  between.heal()
  await until('the channel is up again', () => other.stores.channel.up)
  expect(await other.read(id)).toBeUndefined()
})

test('a heartbeat that is late counts as none, and when it comes everything is as it was', async () => {
  const between = await proxy()
  const time = movedTime()
  const [one, other] = [await gateway(), await gateway(between.port, { ports: time.ports })]
  const version = await shared(one, other)
  between.hold('subscriber')
  time.ahead += bound + 1
  expect(other.confirm(id, version)).toBe(false)
  between.release()
  await until('it is believed again, without a read', () => other.confirm(id, version))
  expect(other.told).toEqual([])
})

test('a subscriber that the server cuts for being slow has missed messages: nothing is believed', async () => {
  const between = await proxy()
  const [one, other] = [await gateway(), await gateway(between.port)]
  const version = await shared(one, other)
  server.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 64kb 16kb 1')
  between.stall('subscriber')
  // Larger than what sockets hold.
  const storm = `for i = 1, 300 do redis.call('PUBLISH', 'shop:~changed', string.rep('y', 100000)) end`
  server.command('EVAL', storm, '0')
  const subscribers = () => server.command('CLIENT', 'LIST', 'TYPE', 'pubsub').split('\n').length
  await until('the server cut it', () => subscribers() === 1)
  between.release()
  await until('it was seen', () => other.told.includes('reset'))
  expect(other.confirm(id, version)).toBe(false)
  await other.read(id)
  await until('it is believed again', async () => {
    await other.read(id)
    return other.confirm(id, version)
  })
})

test('a primary that was put behind another one with the same records, and stays connected, is not believed', async () => {
  const above = await testStandalone()
  open.push(above)
  const [one, other] = [await gateway(), await gateway()]
  const version = await shared(one, other)
  above.command('REPLICAOF', '127.0.0.1', `${server.port}`)
  await until('it has all', () => above.command('EXISTS', `shop:${id}`, 'shop:~keys') === '2')
  above.command('REPLICAOF', 'NO', 'ONE')
  server.command('REPLICAOF', '127.0.0.1', `${above.port}`)
  expect(await believedFor(other, id, version)).toBeLessThanOrEqual(bound)
  await until('it has all again', () => server.command('ROLE').includes('connected'))
  const says = ({ stores: { channel } }: TestRecords) => !channel.up && channel.reason
  await until('both say why', () => says(one) === 'role' && says(other) === 'role')
  server.command('REPLICAOF', 'NO', 'ONE')
  await until('the channel is up again', () => other.stores.channel.up && other.told.includes('reset'))
  expect([one.confirm(id, version), other.confirm(id, version)]).toEqual([false, false])
})

for (const flush of ['FLUSHALL', 'FLUSHDB']) {
  test(`${flush} is seen within the bound, and everything that was made of records is let go`, async () => {
    const [one, other] = [await gateway(), await gateway()]
    const version = await shared(one, other)
    server.command(flush)
    expect(await believedFor(other, id, version)).toBeLessThanOrEqual(bound)
    await until('it was told', () => other.told.includes('reset'))
    expect(await other.read(id)).toBeUndefined()
  })
}

test('a server that comes back without what it kept: nothing of before is served, in an outage neither', async () => {
  const one = await gateway()
  const version = await one.create(id, bytes(1), minute)
  await server.kill()
  await until('it is believed no longer', () => !one.confirm(id, version!))
  expect(one.told).toEqual([])
  await server.restart()
  await until('it was told', () => one.told.includes('reset'))
  await until('the channel is up again', () => one.stores.channel.up)
  expect(await one.read(id)).toBeUndefined()
})

test('a version that goes back is another server: nothing of before is believed', async () => {
  const one = await gateway()
  const first = await one.create(id, bytes(1), minute)
  const kept = server.command('--no-raw', 'DUMP', `shop:${id}`)
  expect(kept.length).toBeGreaterThan(10)
  server.command('COPY', `shop:${id}`, 'shop:~before')
  await one.update(id, bytes(2), first!, minute)
  const other = await one.create('other', bytes(1), minute)
  await until('it came back', () => one.told.length > 0)
  one.told.length = 0
  server.command('COPY', 'shop:~before', `shop:${id}`, 'REPLACE')
  expect((await one.read(id))?.version).toBe(first)
  expect(one.told).toContain('reset')
  expect(one.confirm('other', other!)).toBe(false)
})

describe('an end that the next server never heard of', () => {
  test('is refused here, and made again when another server answers', async () => {
    const [one, other] = [await gateway(), await gateway()]
    await shared(one, other)
    server.command('COPY', `shop:${id}`, 'shop:~before')
    await one.delete(id)
    server.command('COPY', 'shop:~before', `shop:${id}`)
    server.command('PEXPIRE', `shop:${id}`, '60000')
    expect(await one.read(id)).toBeUndefined()
    expect(await one.touch(id, minute)).toBe(false)
    expect(await one.update(id, bytes(2), formatVersion(newVersion()), minute)).toBeUndefined()
    expect(server.command('EXISTS', `shop:${id}`)).toBe('1')
    server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await until('it ended again', () => server.command('EXISTS', `shop:${id}`) === '0')
    expect(await other.read(id)).toBeUndefined()
  })
})

test('one subscriber on a server serves every prefix', async () => {
  const one = await gateway()
  const [shop, blog] = [one.stores.under('shop'), one.stores.under('blog')]
  const other = await openRecords('blog', at(server.port))
  open.push({ [Symbol.asyncDispose]: () => other.close() })
  const version = await other.create(id, bytes(1), minute)
  await until('the second prefix is believed', async () => {
    await blog.read(id)
    return blog.confirm(id, version!)
  })
  expect(shop.confirm(id, version!)).toBe(false)
  const subscribers = server.command('CLIENT', 'LIST', 'TYPE', 'pubsub').split('\n')
  expect(subscribers).toHaveLength(2)
  await other.delete(id)
  await until('the message came', () => !blog.confirm(id, version!))
})
