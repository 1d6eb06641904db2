import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GatewayModel, type RedisStoreSpec, systemTls } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type TestCertificate,
  testAuthority,
  testStandalone,
  tlsSettings,
  until,
} from '../../../../session/src/stores/redis/testing/servers.ts'
import { model, redisStore, routeTo, session } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

let upstream: Upstream
let folder: string
beforeAll(async () => {
  upstream = await startUpstream()
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-redis-run-'))
})
afterAll(() => {
  upstream.close()
  rmSync(folder, { recursive: true })
})

const path = (value: string) => [
  { host: undefined, path: { kind: 'prefix', value } as const, methods: [], headers: [], query: [] },
]

/** `/` with a session in a Redis, `/plain` without. */
function overRedis(
  port: number,
  store: Partial<RedisStoreSpec> = {},
  changes: Partial<GatewayModel> = {},
): GatewayModel {
  return model(upstream.url, {
    internal: { address: { host: '127.0.0.1', port: 0 } },
    keys: [{ id: 'k1', value: { from: 'value', value: 'ab'.repeat(32) } }],
    stores: [redisStore(port, store)],
    sessions: [session('default', 'main')],
    routes: [
      routeTo('app', { middleware: [{ kind: 'session', session: 'default' }] }),
      routeTo('app', { name: 'plain', matches: path('/plain') }),
    ],
    ...changes,
  })
}

async function get(program: RunningProgram, path: string, cookie = '') {
  const response = await fetch(`http://${program.web}${path}`, { headers: { cookie } })
  const [set] = response.headers.getSetCookie()
  return { status: response.status, retryAfter: response.headers.get('retry-after'), cookie: set?.split(';')[0] }
}

const ready = async (program: RunningProgram) => {
  const response = await fetch(`http://${program.started.internal}/readyz?verbose`)
  return { status: response.status, body: await response.text() }
}
const becomesReady = (program: RunningProgram) =>
  until('the gateway is ready', async () => (await ready(program)).status === 200)

test('a gateway whose store is down starts, is not ready, answers 503 where a session is needed, and recovers', async () => {
  await using server = await testStandalone()
  await server.kill()
  await using program = await startProgram(overRedis(server.port))
  expect(await get(program, '/plain')).toMatchObject({ status: 200 })
  expect(await get(program, '/')).toMatchObject({ status: 503, retryAfter: expect.any(String), cookie: undefined })
  expect(await ready(program)).toMatchObject({ status: 503, body: expect.stringContaining('[-]store-main') })
  const [store] = (await program.status()).stores
  expect(store).toMatchObject({ name: 'main', kind: 'redis', state: 'down', reason: expect.stringMatching(/^tcp: /) })
  await until('it is on the log', () => program.log().includes('is down'))
  await server.restart()
  await becomesReady(program)
  await until('it is on the log', () => program.log().includes('is back'))
  const { status, cookie } = await get(program, '/')
  expect([status, cookie]).toEqual([200, expect.stringMatching(/^session=1\./)])
  expect(await get(program, '/', cookie)).toMatchObject({ status: 200, cookie: undefined })
  program.process.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

test('workers, and another gateway of the same name, share the sessions of a Redis', async () => {
  await using server = await testStandalone()
  await using two = await startProgram(overRedis(server.port, {}, { workers: 2 }))
  await using other = await startProgram(overRedis(server.port))
  await Promise.all([becomesReady(two), becomesReady(other)])
  const { cookie } = await get(two, '/')
  expect(cookie).toMatch(/^session=1\./)
  for (const program of [two, two, two, two, other])
    expect(await get(program, '/', cookie)).toMatchObject({ status: 200, cookie: undefined })
  expect(
    server
      .command('KEYS', 'test:?*')
      .split('\n')
      .filter((key) => !key.includes('~')),
  ).toHaveLength(1)
})

test('workers tell when their store goes and when it comes back', async () => {
  await using server = await testStandalone()
  await using program = await startProgram(overRedis(server.port, {}, { workers: 2 }))
  await becomesReady(program)
  await server.kill()
  await until('it is not ready', async () => (await ready(program)).status === 503)
  await server.restart()
  await becomesReady(program)
})

test.each([1, 2])(
  'a store that is full takes no gateway out of service, and all tell: %i worker(s)',
  async (workers) => {
    await using server = await testStandalone()
    await using program = await startProgram(overRedis(server.port, {}, { workers }))
    await becomesReady(program)
    const { cookie } = await get(program, '/')
    server.command('CONFIG', 'SET', 'maxmemory', '1')
    expect(await get(program, '/')).toMatchObject({ status: 503, retryAfter: expect.any(String) })
    const full = 'its memory is full'
    await until('readyz tells', async () => (await ready(program)).body.includes(`[+]store-main ok, but `))
    expect(await ready(program)).toMatchObject({ status: 200, body: expect.stringContaining(full) })
    const [store] = (await program.status()).stores
    expect(store).toMatchObject({ state: 'up', full: true, reason: expect.stringContaining(full) })
    const metrics = await (await fetch(`http://${program.started.internal}/metrics`)).text()
    expect(metrics).toContain('coatcheck_store_full{store="main"} 1')
    await until('it is on the log', () => program.log().includes('Store \\"main\\" is full'))
    expect(await get(program, '/', cookie)).toMatchObject({ status: 200 })
  },
)

test.each([1, 2])(
  'a store that refuses every session is down, as the log says once and why, until it is mended: %i worker(s)',
  async (workers) => {
    await using server = await testStandalone()
    const auth = { username: 'gate', password: { from: 'value', value: 'pw' } } as const
    server.command('ACL', 'SETUSER', 'gate', 'on', '>pw', '~*', '&*', '+@all', '-evalsha')
    await using program = await startProgram(overRedis(server.port, { auth }, { workers }))
    await until('it refuses', async () => (await get(program, '/')).status === 503)
    const why = /\[-]store-main failed: sessions are refused: .*NOPERM.*evalsha/
    await until('readyz tells', async () => why.test((await ready(program)).body))
    expect((await ready(program)).status).toBe(503)
    expect(await get(program, '/plain')).toMatchObject({ status: 200 })
    await until('it is on the log', () => program.log().includes('is down'))
    server.command('ACL', 'SETUSER', 'gate', '+evalsha')
    await becomesReady(program)
    await until('it is on the log', () => program.log().includes('is back'))
    expect(program.log().match(/is down/g)).toHaveLength(1)
    expect(await get(program, '/')).toMatchObject({ status: 200 })
  },
)

test('a password that changes in its file is used for the next connection, without a restart', async () => {
  await using server = await testStandalone()
  const file = join(folder, 'redis.pw')
  server.command('ACL', 'SETUSER', 'gate', 'on', '>one', '~*', '&*', '+@all')
  writeFileSync(file, 'one\n')
  const auth = { username: 'gate', password: { from: 'file', path: file } } as const
  await using program = await startProgram(overRedis(server.port, { auth }))
  await becomesReady(program)
  const { cookie } = await get(program, '/')
  writeFileSync(file, 'two\n')
  server.command('ACL', 'SETUSER', 'gate', '<one', '>two')
  server.command('CLIENT', 'KILL', 'USER', 'gate')
  await until('sessions are read again', async () => (await get(program, '/', cookie)).status === 200)
  expect(await get(program, '/', cookie)).toMatchObject({ status: 200, cookie: undefined })
  expect((await program.status()).stores[0]).toMatchObject({ state: 'up' })
})

test('a wrong password is told as that, and no password is on the log, in status or in health', async () => {
  await using server = await testStandalone({ settings: { requirepass: 'right' }, cli: ['-a', 'right'] })
  const auth = { username: undefined, password: { from: 'value', value: 'hunter2' } } as const
  await using program = await startProgram(overRedis(server.port, { auth }))
  await until('the store is refused', async () => (await ready(program)).body.includes('auth'))
  await until('it is on the log', () => program.log().includes('is down'))
  const said = program.log() + (await ready(program)).body + JSON.stringify(await program.status())
  expect(said).toContain('auth')
  expect(said).not.toContain('hunter2')
})

test('certificates that change in their files are used for the next connection, without a restart', async () => {
  const [ours, theirs] = [testAuthority(folder, 'ours'), testAuthority(folder, 'theirs')]
  const server = ours.issue('server', 'DNS:localhost,IP:127.0.0.1')
  const good = ours.issue('client', 'DNS:client')
  const foreign = theirs.issue('foreign', 'DNS:client')
  const [certificate, key] = [join(folder, 'redis.crt'), join(folder, 'redis.key')]
  const use = (pair: TestCertificate) => {
    writeFileSync(certificate, pair.certificate)
    writeFileSync(key, pair.key)
  }
  await using redis = await testStandalone({
    portSettings: (port) => tlsSettings(port, ours, server, 'yes'),
    cli: ['--tls', '--cacert', ours.certificatePath, '--cert', good.certificatePath, '--key', good.keyPath],
  })
  use(foreign)
  const file = (path: string) => ({ from: 'file', path }) as const
  const tls = { ...systemTls, ca: [file(ours.certificatePath)], certificate: file(certificate), key: file(key) }
  await using program = await startProgram(overRedis(redis.port, { tls }))
  await until('its certificate is refused', async () => (await ready(program)).body.includes('tls: '))
  use(good)
  await becomesReady(program)
  expect(await get(program, '/')).toMatchObject({ status: 200, cookie: expect.stringMatching(/^session=1/) })
})

test('a reload with the same settings keeps the connection, one with another server opens that', async () => {
  await using server = await testStandalone()
  await using other = await testStandalone()
  const connections = () =>
    server
      .command('CLIENT', 'LIST')
      .split('\n')
      .filter((line) => !line.includes('cmd=client'))
      .map((line) => line.split(' ')[0])
  await using program = await startProgram(overRedis(server.port))
  await becomesReady(program)
  const { cookie } = await get(program, '/')
  const before = connections()
  expect(before).not.toEqual([])
  program.change(overRedis(server.port, {}, { shutdown: { grace: 4_000 } }))
  program.process.kill('SIGHUP')
  await until('it is loaded', () => program.log().includes('loaded anew'))
  expect(connections()).toEqual(before)
  expect(await get(program, '/', cookie)).toMatchObject({ status: 200, cookie: undefined })
  program.change(overRedis(other.port))
  program.process.kill('SIGHUP')
  await until(
    'the other server is asked',
    async () => (await get(program, '/')).cookie !== undefined && other.command('DBSIZE') !== '0',
  )
  await until('the first one is left', () => connections().length === 0)
})
