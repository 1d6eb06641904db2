/** What one server can do to us, and what we make of it. */
import { expect, test, vi } from 'vitest'
import { testCluster, testStandalone, until } from '../testing/servers.ts'
import { connect } from './connect.ts'
import type { RedisConnection, RedisFailure } from './connection.ts'
import { mostOutstanding } from './dispatch.ts'

const host = '127.0.0.1'
vi.setConfig({ testTimeout: 60_000 })

function to(port: number, command = 2000, more: object = {}) {
  return connect({ deployment: { kind: 'standalone', node: { host, port } }, timeouts: { command }, ...more })
}

async function connected(redis: RedisConnection): Promise<void> {
  await until('it is connected', () => redis.state.up)
}

async function failureOf(promise: Promise<unknown>): Promise<RedisFailure> {
  return await promise.then(
    () => Promise.reject(new Error('It did not fail.')),
    (failure: RedisFailure) => failure,
  )
}

test('a server that hangs: every command ends within its time, whether it was sent or not', async () => {
  await using server = await testStandalone()
  const redis = to(server.port, 400)
  await connected(redis)
  server.pause()
  const times: number[] = []
  const all = Array.from({ length: 60 }, async (_, i) => {
    await new Promise((resolve) => setTimeout(resolve, i * 25))
    const begun = performance.now()
    const failure = await failureOf(redis.call('a', 'INCR', ['a'], { idempotent: i % 2 === 0 }))
    times.push(performance.now() - begun)
    return failure
  })
  const failures = await Promise.all(all)
  server.resume()
  expect(failures.every(({ code }) => code === 'ERR_STORE_UNAVAILABLE')).toBe(true)
  expect(failures.some(({ notExecuted }) => notExecuted)).toBe(true)
  expect(failures.some(({ notExecuted }) => !notExecuted)).toBe(true)
  expect(times).toHaveLength(60)
  expect(Math.max(...times)).toBeLessThan(1000)
  await connected(redis)
  await redis.close()
})

test('what was given up before it was sent never runs, also when the server wakes up', async () => {
  await using server = await testStandalone()
  const redis = to(server.port, 400)
  await connected(redis)
  server.pause()
  // More than socket buffers hold: what a sleeping server does not take stays with us, and what follows waits.
  const heavy = 'x'.repeat(500_000)
  const sent = Array.from({ length: 40 }, () => failureOf(redis.call('h', 'SET', ['h', heavy])))
  await new Promise((resolve) => setImmediate(resolve))
  const unsent = await Promise.all(Array.from({ length: 20 }, () => failureOf(redis.call('n', 'INCR', ['n']))))
  await Promise.all(sent)
  expect(unsent.every(({ notExecuted }) => notExecuted)).toBe(true)
  // Asked beside our connections, and without their 400 ms: nothing of this depends on when the server wakes up.
  server.resume()
  await redis.close()
  await until('the server has read all that ever reached it', () => !server.command('CLIENT', 'LIST').includes('\n'))
  const ran = server.command('INFO', 'commandstats')
  expect(ran).toContain('cmdstat_client')
  expect(ran).not.toContain('cmdstat_incr')
})

test('waiting commands are bounded in number: one more fails at once', async () => {
  const redis = to(1, 300)
  const waiting = Array.from({ length: mostOutstanding }, () => failureOf(redis.call('a', 'PING', [])))
  let settled = 0
  for (const one of waiting) void one.then(() => settled++)
  const failure = await failureOf(redis.call('a', 'PING', []))
  expect(settled).toBe(0)
  expect(failure).toMatchObject({ reason: 'full', notExecuted: true })
  const late = await Promise.all(waiting)
  expect(late.every(({ reason, notExecuted }) => reason === 'tcp' && notExecuted)).toBe(true)
  await redis.close()
})

test('a connection lost under a command: sent again when it is idempotent, else an unknown outcome', async () => {
  await using server = await testStandalone()
  const redis = to(server.port)
  await connected(redis)
  server.pause()
  const again = redis.call('a', 'SET', ['a', '1'], { idempotent: true })
  const once = failureOf(redis.call('b', 'SET', ['b', '1']))
  await server.kill()
  expect(await once).toMatchObject({ reason: 'closed', notExecuted: false })
  await server.restart()
  expect(await again).toEqual(Buffer.from('OK'))
  await redis.close()
})

test('a server with `timeout 1` fails no request, and closes no connection of ours', async () => {
  await using server = await testStandalone({ settings: { timeout: 1 } })
  const redis = to(server.port)
  await connected(redis)
  const { epoch } = redis.primaries()[0]!
  const end = performance.now() + 4500
  while (performance.now() < end) {
    expect(await redis.call('a', 'INCR', ['a'])).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 1400))
  }
  expect(redis.primaries()[0]!.epoch).toBe(epoch)
  await redis.close()
})

test('an idle connection that is cut is replaced at once', async () => {
  await using server = await testStandalone()
  let ahead = 0
  const node = { host, port: server.port }
  const redis = connect({ deployment: { kind: 'standalone', node } }, { now: () => performance.now() + ahead })
  await connected(redis)
  ahead = 2000
  server.command('CLIENT', 'KILL', 'TYPE', 'normal')
  const begun = performance.now()
  expect(await redis.call('a', 'INCR', ['a'], { idempotent: true })).toBe(1)
  expect(performance.now() - begun).toBeLessThan(500)
  await redis.close()
})

test('a script that the server lost is sent whole', async () => {
  await using server = await testStandalone()
  const redis = to(server.port)
  const script = { lua: 'return {KEYS[1], ARGV[1]}', sha: '4ef1ff3c0d2b29e5c17d04ee6a4a3c1e1e0c52b7' }
  expect(await redis.run(script, 'k', ['v'])).toEqual([Buffer.from('k'), Buffer.from('v')])
  await redis.close()
})

test('a demoted primary is not asked to write again until it is primary', async () => {
  await using server = await testStandalone()
  const redis = to(server.port, 10_000)
  await connected(redis)
  server.command('REPLICAOF', host, '1')
  const waiting = redis.call('a', 'SET', ['a', '1'])
  await until('it is seen', () => !redis.state.up && redis.state.reason === 'role')
  server.command('REPLICAOF', 'NO', 'ONE')
  expect(await waiting).toEqual(Buffer.from('OK'))
  await redis.close()
})

test('a full store refuses what would grow it: not executed, and not tried again', async () => {
  await using server = await testStandalone({ settings: { maxmemory: '100kb', 'maxmemory-policy': 'noeviction' } })
  const redis = to(server.port)
  expect(await failureOf(redis.call('a', 'SET', ['a', '1']))).toMatchObject({ reason: 'full', notExecuted: true })
  await redis.close()
})

test('of a name with several addresses the dead one does not matter', async () => {
  await using server = await testStandalone({ settings: { bind: '127.0.0.1' } })
  const lookup = async () => ['127.0.0.2', '127.0.0.3', '127.0.0.1']
  const node = { host: 'redis.internal', port: server.port }
  const redis = connect({ deployment: { kind: 'standalone', node } }, { lookup })
  expect(await redis.call('a', 'PING', [])).toEqual(Buffer.from('PONG'))
  await redis.close()
})

test('of a name with several addresses one that hangs, or holds a replica, does not matter', async () => {
  await using server = await testStandalone({ settings: { bind: '127.0.0.1' } })
  const elsewhere = {
    portSettings: () => ({ port: server.port, bind: '127.0.0.2' }),
    cli: ['-h', '127.0.0.2', '-p', String(server.port)],
  }
  await using other = await testStandalone(elsewhere)
  const lookup = async () => ['127.0.0.2', '127.0.0.1']
  const node = { host: 'redis.internal', port: server.port }
  const options = { deployment: { kind: 'standalone', node }, timeouts: { connect: 1000 } } as const
  other.command('REPLICAOF', host, String(server.port))
  const beside = connect(options, { lookup })
  expect(await beside.call('a', 'SET', ['a', '1'])).toEqual(Buffer.from('OK'))
  await beside.close()
  other.pause()
  const redis = connect(options, { lookup })
  expect(await redis.call('a', 'SET', ['a', '1'])).toEqual(Buffer.from('OK'))
  await redis.close()
})

test('a server that loads its data is waited for', async () => {
  await using server = await testStandalone()
  server.command('EVAL', "for i = 1, 3000 do redis.call('SET', 'k' .. i, i) end", '0')
  server.command('SAVE')
  const redis = to(server.port, 10_000)
  await connected(redis)
  await server.kill()
  // Half a millisecond for each key, so that loading takes seconds.
  const restarted = server.restart({ 'key-load-delay': 500, 'loading-process-events-interval-bytes': 1024 })
  await until('it says that it loads', () => !redis.state.up && /LOADING/.test(redis.state.message))
  expect(redis.state).toMatchObject({ reason: 'busy' })
  expect(await redis.call('a', 'SET', ['a', '1'])).toEqual(Buffer.from('OK'))
  await restarted
  await redis.close()
})

test('a burst that is larger than the buffers of the socket is sent as it drains', async () => {
  await using server = await testStandalone()
  const redis = to(server.port, 10_000)
  const value = 'x'.repeat(2000)
  const all = Array.from({ length: 5000 }, (_, i) => redis.call(`k${i}`, 'SET', [`k${i}`, value]))
  expect(new Set((await Promise.all(all)).map(String))).toEqual(new Set(['OK']))
  expect(server.command('DBSIZE')).toBe('5000')
  await redis.close()
})

test('a name that does not resolve, or has no address, is said', async () => {
  const node = { host: 'redis.invalid', port: 6379 }
  for (const lookup of [undefined, async () => []]) {
    const redis = connect(
      { deployment: { kind: 'standalone', node }, timeouts: { command: 200 } },
      lookup && { lookup },
    )
    expect(await failureOf(redis.call('a', 'PING', []))).toMatchObject({ reason: 'dns', notExecuted: true })
    await redis.close()
  }
})

test('a server that speaks something else is said', async () => {
  const { createServer } = await import('node:net')
  const odd = createServer(
    (socket) =>
      void socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  )
  await new Promise<void>((resolve) => odd.listen(0, host, resolve))
  const redis = to((odd.address() as { port: number }).port, 300)
  expect(await failureOf(redis.call('a', 'PING', []))).toMatchObject({ reason: 'protocol' })
  await redis.close()
  await new Promise((resolve) => odd.close(resolve))
})

test('a node of a cluster that was configured as one server is said', async () => {
  await using cluster = await testCluster()
  const redis = to(cluster.ports[0]!)
  const [own, foreign] = [0, 1].map((i) => keys.find((key) => cluster.ownerOf(key) === cluster.servers[i])!)
  expect(await redis.call(own!, 'SET', [own!, '1'])).toEqual(Buffer.from('OK'))
  const failure = await failureOf(redis.call(foreign!, 'SET', [foreign!, '1']))
  expect(failure).toMatchObject({ reason: 'role', notExecuted: true })
  expect(failure.message).toMatch(/part of a cluster/)
  await redis.close()
})

const keys = Array.from({ length: 30 }, (_, i) => `k${i}`)

test('close() rejects what waits, and leaves nothing open', async () => {
  await using server = await testStandalone()
  const redis = to(server.port)
  await connected(redis)
  const idle = to(1)
  const waiting = failureOf(idle.call('a', 'PING', []))
  await idle.close()
  expect(await waiting).toMatchObject({ reason: 'closed', notExecuted: true })
  await redis.close()
  await until('it is gone', () => server.command('CLIENT', 'LIST').split('\n').length === 1)
})
