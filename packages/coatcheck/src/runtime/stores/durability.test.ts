/**
 * Writes that too few replicas confirm, and old seals, in the program: what visitors get, and what metrics and status
 * say.
 */
import { type DurabilitySpec, defaults, type GatewayModel, type Sealing } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testStandalone, until } from '../../../../session/src/stores/redis/testing/servers.ts'
import { model, redisStore, routeTo, session } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

interface Changes {
  readonly durability?: DurabilitySpec
  readonly sealing?: Sealing
  readonly workers?: number
}

function overRedis(port: number, { durability, sealing = { kind: 'ticket' }, workers = 1 }: Changes): GatewayModel {
  return model(upstream.url, {
    workers,
    internal: { address: { host: '127.0.0.1', port: 0 } },
    keys: [{ id: 'k1', value: { from: 'value', value: 'ab'.repeat(32) } }],
    stores: [redisStore(port, { durability })],
    sessions: [session('default', 'main', { sealing })],
    routes: [routeTo('app', { middleware: [{ kind: 'session', session: 'default' }] })],
  })
}

async function get(program: RunningProgram, cookie = '') {
  const response = await fetch(`http://${program.web}/`, { headers: { cookie } })
  const [set] = response.headers.getSetCookie()
  return { status: response.status, retryAfter: response.headers.get('retry-after'), cookie: set?.split(';')[0] }
}

async function metric(program: RunningProgram, series: string): Promise<number> {
  const text = await (await fetch(`http://${program.started.internal}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

const isReady = (program: RunningProgram) =>
  until('the gateway is ready', async () => (await fetch(`http://${program.started.internal}/readyz`)).status === 200)

const unconfirmed = 'coatcheck_store_unconfirmed_total{store="main",operation="create"}'

test.each([
  ['refuse', { status: 503, retryAfter: expect.any(String), cookie: undefined }],
  ['count', { status: 200, cookie: expect.stringMatching(/^session=1\./) }],
] as const)(
  'a replica that is not there, short: %s',
  async (short, answer) => {
    await using server = await testStandalone()
    const durability = { replicas: 1, timeout: 50, short }
    await using program = await startProgram(overRedis(server.port, { durability }))
    await isReady(program)
    expect(await metric(program, unconfirmed)).toBe(0)
    expect(await get(program)).toMatchObject(answer)
    expect(await metric(program, unconfirmed)).toBe(1)
    const sessions = server.command('KEYS', 'test:[^~]*')
    expect(sessions !== '').toBe(short === 'count')
  },
  60_000,
)

test('a migration shows in metrics and status of all workers: how often the old seal is read, and until when', async () => {
  await using server = await testStandalone()
  await using plain = await startProgram(overRedis(server.port, { sealing: { kind: 'none' } }))
  await isReady(plain)
  const { cookie } = await get(plain)
  const sealing: Sealing = { kind: 'migrate', from: { kind: 'none' }, to: { kind: 'keys', keys: ['k1'] } }
  const startedAt = Date.now()
  await using program = await startProgram(overRedis(server.port, { sealing, workers: 2 }))
  await isReady(program)
  const { idle, lifetime } = defaults.session.timeouts
  const end = async () => metric(program, 'coatcheck_sessions_old_seal_until_timestamp_seconds{session="default"}')
  expect((await end()) * 1000).toBeGreaterThanOrEqual(startedAt + idle)
  expect((await end()) * 1000).toBeLessThan(startedAt + lifetime / 2)
  expect(await get(program, cookie)).toMatchObject({ status: 200, cookie: undefined })
  expect(await metric(program, 'coatcheck_sessions_opened_old_seal_total{session="default"}')).toBe(1)
  expect((await end()) * 1000).toBeGreaterThan(startedAt + lifetime / 2)
  await until('status tells', async () => {
    const [status] = (await program.status()).sessions
    return status?.oldSeal?.opened === 1 && status.oldSeal.until > startedAt + lifetime / 2
  })
}, 60_000)
