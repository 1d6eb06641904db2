import { expect, test } from 'vitest'
import { type TestStandalone, testStandalone, until } from '../testing/servers.ts'
import { connect } from './connect.ts'
import type { RedisFailure } from './connection.ts'

async function nodeOf(server: TestStandalone, auth?: { username: string; password: () => string }) {
  const node = { host: '127.0.0.1', port: server.port }
  const redis = connect({ deployment: { kind: 'standalone', node }, auth, timeouts: { command: 1000 } })
  await until('it is connected', () => redis.state.up)
  return { redis, node: redis.primaries()[0]! }
}

test('a subscriber hears its channel alone, and still answers PING', async () => {
  await using server = await testStandalone()
  const { redis, node } = await nodeOf(server)
  const subscriber = await node.dedicated()
  const heard: string[] = []
  await subscriber.subscribe('a', (message) => void heard.push(`a ${message}`))
  await subscriber.subscribe('b', (message) => void heard.push(`b ${message}`))
  await redis.call('a', 'PUBLISH', ['a', '1'])
  await redis.call('a', 'PUBLISH', ['b', '2'])
  await redis.call('a', 'PUBLISH', ['c', '3'])
  expect(await subscriber.call('PING', [])).toEqual([Buffer.from('pong'), Buffer.from('')])
  expect(heard).toEqual(['a 1', 'b 2'])
  subscriber.close()
  await redis.close()
})

test('when it is cut, onClose is told at once and once, with what ended it', async () => {
  await using server = await testStandalone()
  const { redis, node } = await nodeOf(server)
  const subscriber = await node.dedicated()
  await subscriber.subscribe('a', () => {})
  const ends: (RedisFailure | undefined)[] = []
  subscriber.onClose((reason) => ends.push(reason))
  server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('it is told', () => ends.length > 0)
  expect(ends).toMatchObject([{ code: 'ERR_STORE_UNAVAILABLE', reason: 'closed' }])
  subscriber.onClose((reason) => ends.push(reason))
  expect(ends).toHaveLength(2)
  await expect(subscriber.call('PING', [])).rejects.toMatchObject({ notExecuted: true })
  await redis.close()
})

test('closed by us: no reason; and it is not opened again', async () => {
  await using server = await testStandalone()
  const { redis, node } = await nodeOf(server)
  const connection = await node.dedicated()
  const ends: unknown[] = []
  connection.onClose((reason) => ends.push(reason))
  connection.close()
  await until('it is told', () => ends.length > 0)
  expect(ends).toEqual([undefined])
  await redis.close()
})

test('a server that hangs ends it soon after the command timeout', async () => {
  await using server = await testStandalone()
  const { redis, node } = await nodeOf(server)
  const connection = await node.dedicated()
  const ends: unknown[] = []
  connection.onClose((reason) => ends.push(reason))
  server.pause()
  await expect(connection.call('PING', [])).rejects.toMatchObject({ reason: 'timeout' })
  await until('it is told', () => ends.length > 0)
  expect(ends).toMatchObject([{ reason: 'timeout' }])
  server.resume()
  await redis.close()
})

test('SUBSCRIBE that is not allowed is said as such', async () => {
  await using server = await testStandalone({ settings: { user: 'shop on >pw ~* +ping' } })
  const { redis, node } = await nodeOf(server, { username: 'shop', password: () => 'pw' })
  const connection = await node.dedicated()
  await expect(connection.subscribe('a', () => {})).rejects.toMatchObject({ reason: 'forbidden', notExecuted: true })
  await redis.close()
})

test('a node whose connection is lost opens none, and primaries() has another one', async () => {
  await using server = await testStandalone()
  const { redis, node } = await nodeOf(server)
  let told = 0
  const stop = redis.onPrimaries(() => void told++)
  expect(node.epoch).toBeGreaterThan(0)
  await server.kill()
  await until('it is told', () => told === 1)
  await expect(node.dedicated()).rejects.toMatchObject({ notExecuted: true })
  await expect(node.call('PING', [])).rejects.toMatchObject({ notExecuted: true })
  expect(redis.primaries()[0]).toMatchObject({ address: node.address, epoch: 0 })
  await server.restart()
  await until('it is told', () => told === 2)
  expect(redis.primaries()[0]!.epoch).toBeGreaterThan(node.epoch)
  stop()
  await redis.close()
})
