import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaults, type GatewayModel, type KeySpec } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testStandalone, until } from '../../../../session/src/stores/redis/testing/servers.ts'
import { dispatch } from '../../commands/dispatch.ts'
import { model, redisStore, routeTo, session } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { childrenOf } from '../fixtures/workers.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

/** `/` with a session in a Redis, and no `keys`. */
function overRedis(port: number, changes: Partial<GatewayModel> = {}, command = 5_000): GatewayModel {
  return model(upstream.url, {
    internal: { address: { host: '127.0.0.1', port: 0 } },
    stores: [redisStore(port, { timeouts: { connect: 5_000, command } })],
    sessions: [session('default', 'main')],
    routes: [routeTo('app', { middleware: [{ kind: 'session', session: 'default' }] })],
    ...changes,
  })
}

const anywhere = { host: undefined, path: undefined, methods: [], headers: [], query: [] }
const key = (id: string, digit: string): KeySpec => ({ id, value: { from: 'value', value: digit.repeat(64) } })

/** Over a connection of its own, which the workers take in turn. */
async function get(program: RunningProgram, cookie = '') {
  const response = await fetch(`http://${program.web}/`, { headers: { cookie, connection: 'close' } })
  return { status: response.status, cookie: response.headers.getSetCookie()[0]?.split(';')[0] }
}

async function ready(program: RunningProgram): Promise<string> {
  const response = await fetch(`http://${program.started.internal}/readyz?verbose`)
  return `${response.status} ${await response.text()}`
}
const becomesReady = (program: RunningProgram) =>
  until('the gateway is ready', async () => (await ready(program)).startsWith('200'))

test('gateways without keys share one that lies in the store, workers and those that start later too', async () => {
  await using server = await testStandalone()
  await using one = await startProgram(overRedis(server.port))
  await using two = await startProgram(overRedis(server.port, { workers: 2 }))
  await Promise.all([becomesReady(one), becomesReady(two)])
  const { cookie } = await get(one)
  expect(cookie).toMatch(/^session=1\./)
  await using later = await startProgram(overRedis(server.port))
  for (const program of [one, two, two, two, later])
    expect(await get(program, cookie)).toEqual({ status: 200, cookie: undefined })
  const fields = server.command('HKEYS', 'test:~keys').split('\n')
  expect(fields.filter((field) => field.startsWith('key:'))).toHaveLength(1)
}, 60_000)

test.each([1, 2])(
  'without keys and store sessions answer 503 until the keys were read, with %i workers',
  async (workers) => {
    await using server = await testStandalone()
    await server.kill()
    await using program = await startProgram(overRedis(server.port, { workers }, 500))
    expect(await get(program)).toEqual({ status: 503, cookie: undefined })
    expect(await ready(program)).toMatch(/^503 [\s\S]*\[-]store-main/)
    await server.restart()
    await becomesReady(program)
    await until('sessions are served', async () => (await get(program)).status === 200)
    const { cookie } = await get(program)
    expect(await get(program, cookie)).toEqual({ status: 200, cookie: undefined })
  },
)

test.each([1, 2])(
  'a start waits for no store that is down, however long a command may take, with %i workers',
  async (workers) => {
    await using server = await testStandalone()
    await server.kill()
    await using program = await startProgram(overRedis(server.port, { workers, keys: [key('k1', 'a')] }, 60_000))
    expect(await ready(program)).toMatch(/^503 [\s\S]*\[-]store-main/)
    await server.restart()
    await becomesReady(program)
    expect((await get(program)).status).toBe(200)
  },
)

test('a reload during an outage keeps the keys that were read before', async () => {
  await using server = await testStandalone()
  await using program = await startProgram(overRedis(server.port, {}, 500))
  await becomesReady(program)
  const before = server.command('HGETALL', 'test:~keys').match(/key:\w+\s\S+/)?.[0]
  await server.kill()
  program.change(overRedis(server.port, { shutdown: { grace: 4_000 } }, 500))
  program.process.kill('SIGHUP')
  await until('it is loaded', () => program.log().includes('loaded anew'))
  await server.restart()
  await until('the same key is there again', () => server.command('HGETALL', 'test:~keys').includes(before!))
})

test('a reload while the store is down holds on every worker when it is back', async () => {
  await using server = await testStandalone()
  await server.kill()
  await using program = await startProgram(overRedis(server.port, { workers: 2 }, 500))
  expect(await get(program)).toEqual({ status: 503, cookie: undefined })
  const cookie = { ...session('default', 'main').cookie, name: 'renamed' }
  program.change(overRedis(server.port, { workers: 2, sessions: [session('default', 'main', { cookie })] }, 500))
  program.process.kill('SIGHUP')
  await until('it is loaded', () => program.log().includes('loaded anew'))
  expect(await get(program)).toEqual({ status: 503, cookie: undefined })
  await server.restart()
  await becomesReady(program)
  const told: (string | undefined)[] = []
  await until('both workers serve sessions', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(program)))
    told.push(...answers.map((answer) => answer.cookie))
    return answers.every(({ status }) => status === 200)
  })
  for (const one of told) expect(one ?? 'renamed=1.').toMatch(/^renamed=1\./)
  const last = told.at(-1)!
  for (let i = 0; i < 8; i++) expect(await get(program, last)).toEqual({ status: 200, cookie: undefined })
})

test('a gateway that shares no key with those that run does not start', async () => {
  await using server = await testStandalone()
  await using one = await startProgram(overRedis(server.port, { keys: [key('k1', 'a')] }))
  await until('it is known to run', () => server.command('ZCARD', 'test:~known') === '1')
  const other = startProgram(overRedis(server.port, { keys: [key('k2', 'b')] }))
  await expect(other).rejects.toThrow(/ended with 1: [\s\S]*ERR_KEYS_NOT_SHARED/)
  expect(await get(one)).toMatchObject({ status: 200 })
})

test('where that shows only later, its sessions answer 503 until it is mended, and those of the other go on', async () => {
  await using server = await testStandalone()
  await server.kill()
  const [first, second] = [key('k1', 'a'), key('k2', 'b')]
  await using one = await startProgram(overRedis(server.port, { keys: [first] }, 500))
  await using two = await startProgram(overRedis(server.port, { keys: [second] }, 500))
  await server.restart()
  const refused = async (program: RunningProgram) => (await ready(program)).includes('keys: None of the keys here')
  await until('one of them is refused', async () => (await refused(one)) !== (await refused(two)))
  const isFirst = await refused(one)
  const [loser, winner] = isFirst ? [one, two] : [two, one]
  await becomesReady(winner)
  await until('its sessions are refused', async () => (await get(loser)).status === 503)
  const { cookie } = await get(winner)
  expect(await get(loser, cookie)).toEqual({ status: 503, cookie: undefined })
  await until('it is on the log', () => loser.log().includes('ERR_KEYS_NOT_SHARED'))
  loser.change(overRedis(server.port, { keys: isFirst ? [second, first] : [first, second] }, 500))
  loser.process.kill('SIGHUP')
  await becomesReady(loser)
  expect(await get(loser, cookie)).toEqual({ status: 200, cookie: undefined })
})

test('workers that take the place of others serve what runs, though its sessions are refused by now', async () => {
  await using server = await testStandalone()
  await server.kill()
  const open = routeTo('app', { name: 'open', matches: [{ ...anywhere, path: { kind: 'prefix', value: '/open' } }] })
  const over = (own: KeySpec) => {
    const { routes } = overRedis(server.port)
    return overRedis(server.port, { keys: [own], workers: 2, routes: [...routes, open] }, 500)
  }
  await using one = await startProgram(over(key('k1', 'a')))
  await using two = await startProgram(over(key('k2', 'b')))
  await server.restart()
  const refused = async (program: RunningProgram) => (await ready(program)).includes('keys: None of the keys here')
  await until('one of them is refused', async () => (await refused(one)) !== (await refused(two)))
  const loser = (await refused(one)) ? one : two
  // Nobody but those in their places can answer.
  for (const worker of childrenOf(loser.process.pid!)) process.kill(worker, 'SIGKILL')
  for (let i = 0; i < 8; i++) {
    expect((await fetch(`http://${loser.web}/open`, { headers: { connection: 'close' } })).status).toBe(200)
    expect(await get(loser)).toEqual({ status: 503, cookie: undefined })
  }
  expect(loser.log()).not.toContain('could not be started')
}, 60_000)

test('check tells of both, and writes nothing', async () => {
  await using server = await testStandalone()
  await using _one = await startProgram(overRedis(server.port, { keys: [key('k1', 'a')] }))
  await until('it is known to run', () => server.command('ZCARD', 'test:~known') === '1')
  const before = server.command('ZRANGE', 'test:~known', '0', '-1')
  const yaml = (digit: string) => `name: test
keys: { k${digit}: ${(digit === '1' ? 'a' : 'b').repeat(64)} }
stores: { main: { redis: { standalone: 127.0.0.1:${server.port} } } }
sessions: { default: { mode: enforce, store: main, prefix: test, timeouts: { idle: 17m } } }
routes: [{ name: app, match: /, upstream: http://127.0.0.1:3000 }]
`
  const check = async (digit: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-compare-'))
    writeFileSync(join(folder, 'coatcheck.yaml'), yaml(digit))
    let said = ''
    const stdout = (text: string) => {
      said += text
    }
    const status = await dispatch(['check'], { cwd: folder, environment: {}, stdout, stderr: stdout })
    rmSync(folder, { recursive: true })
    return { status, said }
  }
  const [alike, stranger] = [await check('1'), await check('2')]
  expect(alike.said).toMatch(/warning {2}gateways-differ\n.*"timeouts.idle" is 1020000 here/)
  expect(alike).toMatchObject({ status: 0, said: expect.not.stringContaining('keys-not-shared') })
  expect(stranger.said).toMatch(/error {2}keys-not-shared\n.*None of the keys here \("k2"\)/)
  expect(stranger.status).toBe(1)
  expect(server.command('ZRANGE', 'test:~known', '0', '-1')).toBe(before)
})

test('different settings under one prefix are in status and on the log', async () => {
  await using server = await testStandalone()
  await using _one = await startProgram(overRedis(server.port))
  await until('it is known to run', () => server.command('ZCARD', 'test:~known') === '1')
  const timeouts = { idle: 1_000_000, lifetime: defaults.session.timeouts.lifetime }
  await using two = await startProgram(overRedis(server.port, { sessions: [session('default', 'main', { timeouts })] }))
  const [store] = (await two.status()).stores
  expect(store).toMatchObject({ state: 'up', reason: expect.stringContaining('"timeouts.idle" is 1000000 here and') })
  expect(two.log()).toContain('timeouts.idle')
})
