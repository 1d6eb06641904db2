import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GatewayStatus } from '@coatcheck/model'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Check, internalHandler } from './internal-handler.ts'
import type { MetricsSnapshot } from './observability.ts'

const running: GatewayStatus = {
  version: '1.2.3',
  node: '26.0.0',
  startedAt: 1,
  configuration: {
    files: ['coatcheck.yaml'],
    revision: 'r1',
    loadedAt: 2,
    lastReload: { at: 2, result: 'success' },
    problems: [],
  },
  listeners: [{ name: 'web', address: '127.0.0.1:8080', state: 'listening' }],
  routes: [],
  stores: [],
  sessions: [],
}

let status = running
let checks: Check[] = []
let metrics: () => Promise<MetricsSnapshot[]> = async () => []
beforeEach(() => {
  status = running
  metrics = async () => []
  checks = [
    { name: 'listeners', ok: true, reason: undefined },
    { name: 'store-main', ok: true, reason: undefined },
  ]
})

const server = createServer(internalHandler({ status: () => status, checks: () => checks, metrics: () => metrics() }))
let base = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

const get = (path: string, init?: RequestInit) => fetch(`${base}${path}`, init)

test.each(['/livez', '/readyz', '/startupz', '/healthz'])('%s answers 200 while all is well', async (path) => {
  const response = await get(path)
  expect([response.status, await response.text()]).toEqual([200, 'ok\n'])
  expect(response.headers.get('cache-control')).toBe('no-store')
})

test('?verbose lists every check', async () => {
  expect(await (await get('/readyz?verbose')).text()).toBe('[+]listeners ok\n[+]store-main ok\nreadyz check passed\n')
  expect(await (await get('/livez?verbose')).text()).toBe('[+]ping ok\nlivez check passed\n')
  expect(await (await get('/startupz?verbose')).text()).toBe('[+]configuration ok\nstartupz check passed\n')
})

test('a check that fails is 503 with its reason; the process still lives', async () => {
  checks[1] = { name: 'store-main', ok: false, reason: 'does not answer' }
  for (const path of ['/readyz', '/healthz']) {
    const response = await get(path)
    expect(response.status).toBe(503)
    expect(await response.text()).toContain('[+]listeners ok\n[-]store-main failed: does not answer\n')
  }
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/startupz')).status).toBe(200)
})

test('what is not well, and takes nobody out of service, is told with 200', async () => {
  checks[1] = { name: 'store-main', ok: true, reason: 'its memory is full' }
  const response = await get('/readyz')
  expect(response.status).toBe(200)
  expect(await response.text()).toBe('[+]listeners ok\n[+]store-main ok, but its memory is full\nreadyz check passed\n')
  expect(await (await get('/readyz?exclude=store-main')).text()).toBe('ok\n')
})

test('?exclude= leaves a check out, and says when there is none of that name', async () => {
  checks[1] = { name: 'store-main', ok: false, reason: 'does not answer' }
  expect((await get('/readyz?exclude=store-main')).status).toBe(200)
  const response = await get('/readyz?verbose&exclude=store-main&exclude=nothing%0Alike')
  expect(response.status).toBe(200)
  expect(await response.text()).toBe(
    '[+]listeners ok\n[+]store-main excluded: ok\nwarn: some checks cannot be excluded: no matches for "nothing\\nlike"\nreadyz check passed\n',
  )
})

test('/startupz waits for the configuration, which is loaded when every listener is open', async () => {
  status = { ...running, configuration: { ...running.configuration, loadedAt: 0 } }
  const response = await get('/startupz')
  expect(response.status).toBe(503)
  expect(await response.text()).toBe(
    '[-]configuration failed: no configuration was loaded yet\nstartupz check failed\n',
  )
})

test('/metrics answers in the format that is asked for', async () => {
  metrics = async () => [[{ name: 'x_total', help: 'X.', type: 'counter', merge: 'sum', samples: [['', '', 1]] }]]
  const text = await get('/metrics')
  expect(text.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await text.text()).toBe('# HELP x_total X.\n# TYPE x_total counter\nx_total 1\n')
  const open = await get('/metrics', { headers: { accept: 'application/openmetrics-text; version=1.0.0' } })
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  expect(await open.text()).toBe('# HELP x X.\n# TYPE x counter\nx_total 1\n# EOF\n')
})

test('metrics that cannot be had are 500 without details', async () => {
  metrics = async () => {
    throw new Error('/secret/path')
  }
  const response = await get('/metrics')
  expect([response.status, await response.text()]).toEqual([500, 'internal error\n'])
})

test('/status is the status as JSON', async () => {
  const response = await get('/status')
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toEqual(running)
})

test.each(['/', '/livez/', '/Livez', '/metrics/x', '//livez', '/%6civez', '/status.json'])(
  '%s is 404',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  },
)

test('only GET and HEAD', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await get('/livez', { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  }
  const head = await get('/livez', { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', ''])
})
