import { expect, test } from 'vitest'
import { until } from '../testing/processes.ts'
import { testStandalone } from '../testing/servers.ts'
import { connect } from './connect.ts'

test('what is asked before there is a connection waits for it', async () => {
  await using server = await testStandalone()
  const redis = connect({ deployment: { kind: 'standalone', node: { host: 'localhost', port: server.port } } })
  expect(redis.state).toMatchObject({ up: false, reason: 'timeout' })
  expect(await redis.call('a', 'SET', ['a', new Uint8Array([1, 255])])).toEqual(Buffer.from('OK'))
  expect(await redis.call('a', 'GET', ['a'])).toEqual(Buffer.from([1, 255]))
  expect(redis.state).toEqual({ up: true })
  await redis.close()
  await expect(redis.call('a', 'GET', ['a'])).rejects.toMatchObject({ reason: 'closed', notExecuted: true })
})

test('a restart is survived: what was asked meanwhile waits', async () => {
  await using server = await testStandalone()
  const redis = connect({
    deployment: { kind: 'standalone', node: { host: '127.0.0.1', port: server.port } },
    timeouts: { command: 6000 },
  })
  await redis.call('a', 'PING', [])
  const { epoch } = redis.primaries()[0]!
  await server.kill()
  await until('the loss is seen', () => !redis.state.up)
  expect(redis.primaries()[0]).toMatchObject({ epoch: 0 })
  const waiting = redis.call('a', 'PING', [])
  await server.restart()
  expect(await waiting).toEqual(Buffer.from('PONG'))
  expect(redis.primaries()[0]!.epoch).toBeGreaterThan(epoch)
  await redis.close()
})
