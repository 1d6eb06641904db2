import { expect, test } from 'vitest'
import type { MetricFamily } from './family.ts'
import { createMetrics } from './metrics.ts'
import { exchange, finished, model, rejected } from './testing/exchange.ts'

async function samples(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const families = (await metrics.snapshot()) as readonly MetricFamily[]
  return new Map(
    families.flatMap(({ name, samples }) =>
      samples.map(
        ([suffix, labels, value]) => [`${name}${suffix}${labels === '' ? '' : `{${labels}}`}`, value] as const,
      ),
    ),
  )
}

const make = () => createMetrics({ version: '1.2.3', revision: 'abc' })
const shop = model({
  listeners: ['web'],
  routes: ['shop', 'admin'],
  sessions: ['default'],
  stores: ['main'],
  upstreams: { app: ['http://10.0.0.5:3000', 'http://10.0.0.6:3000'] },
})

test('closed sets and one series for each route are there as 0 from the start', async () => {
  const metrics = make()
  metrics.configured(shop)
  const known = await samples(metrics)
  const zero = [
    'coatcheck_http_requests_total{listener="web",route="shop",method="GET",code="200"}',
    'coatcheck_http_requests_total{listener="web",route="admin",method="GET",code="200"}',
    'coatcheck_http_requests_in_flight{listener="web"}',
    ...['http', 'https', 'h2', 'websocket'].map(
      (protocol) => `coatcheck_connections_open{listener="web",protocol="${protocol}"}`,
    ),
    ...['created', 'reused', 'rotated'].map((event) => `coatcheck_sessions_${event}_total{session="default"}`),
    ...['idle', 'lifetime', 'sign_out', 'revoked', 'provider'].map(
      (reason) => `coatcheck_sessions_ended_total{session="default",reason="${reason}"}`,
    ),
    ...['malformed', 'unknown', 'wrong_secret', 'damaged', 'ambiguous', 'oversized', 'key_unknown'].map(
      (reason) => `coatcheck_sessions_rejected_total{session="default",reason="${reason}"}`,
    ),
    ...['hit', 'miss'].map((result) => `coatcheck_session_cache_lookups_total{result="${result}"}`),
    ...['read', 'create', 'update', 'touch', 'delete'].flatMap((operation) => [
      `coatcheck_store_operation_duration_seconds_count{store="main",operation="${operation}"}`,
      `coatcheck_store_errors_total{store="main",operation="${operation}",reason="unavailable"}`,
    ]),
    ...['connect', 'connect_timeout', 'timeout', 'reset', 'protocol', 'unavailable'].map(
      (reason) => `coatcheck_upstream_errors_total{upstream="app",reason="${reason}"}`,
    ),
    ...['too_large', 'busy'].map((reason) => `coatcheck_mirror_skipped_total{route="shop",reason="${reason}"}`),
    ...['success', 'failure'].map((result) => `coatcheck_config_reloads_total{result="${result}"}`),
    ...['debug', 'info', 'warn', 'error'].map((level) => `coatcheck_log_messages_total{level="${level}"}`),
    ...['access_log', 'log'].map((output) => `coatcheck_log_lines_dropped_total{output="${output}"}`),
  ]
  expect(zero.filter((name) => known.get(name) !== 0)).toEqual([])
  expect(known.get('coatcheck_upstream_up{upstream="app",url="http://10.0.0.5:3000"}')).toBe(1)
  expect(known.get('coatcheck_build_info{version="1.2.3",revision="abc"}')).toBe(1)
})

test('the process and its runtime are there under their usual names', async () => {
  const known = await samples(make())
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'process_open_fds',
  ]) {
    expect(known.get(name), name).toBeGreaterThan(0)
  }
  expect([...known.values()].every(Number.isFinite)).toBe(true)
})

test('the CPU time of the process counts from its start, not from the first scrape', async () => {
  const before = process.cpuUsage()
  const known = await samples(make())
  for (const [name, least] of [
    ['process_cpu_user_seconds_total', before.user],
    ['process_cpu_system_seconds_total', before.system],
    ['process_cpu_seconds_total', before.user + before.system],
  ] as const) {
    expect(known.get(name), name).toBeGreaterThanOrEqual(least / 1e6)
  }
})

test('a finished exchange counts once, with its duration and sizes', async () => {
  const metrics = make()
  metrics.configured(shop)
  metrics.exchangeStarted('web')
  metrics.exchangeStarted('web')
  metrics.exchangeFinished(finished({ status: 404, duration: 30, requestBytes: 50, responseBytes: 5000 }))
  const known = await samples(metrics)
  expect(known.get('coatcheck_http_requests_total{listener="web",route="shop",method="GET",code="404"}')).toBe(1)
  expect(known.get('coatcheck_http_requests_in_flight{listener="web"}')).toBe(1)
  expect(known.get('coatcheck_http_request_duration_seconds_bucket{route="shop",method="GET",le="0.025"}')).toBe(0)
  expect(known.get('coatcheck_http_request_duration_seconds_bucket{route="shop",method="GET",le="0.05"}')).toBe(1)
  expect(known.get('coatcheck_http_request_duration_seconds_sum{route="shop",method="GET"}')).toBe(0.03)
  expect(known.get('coatcheck_http_request_size_bytes_sum{route="shop"}')).toBe(50)
  expect(known.get('coatcheck_http_response_size_bytes_bucket{route="shop",le="10000"}')).toBe(1)
})

test('nothing that a client invents becomes a label', async () => {
  const metrics = make()
  metrics.configured(shop)
  const before = (await samples(metrics)).size
  for (let number = 0; number < 100; number++) {
    const request = { method: `M${number}`, target: `/${number}`, authority: `h${number}` }
    metrics.exchangeFinished(finished({ exchange: exchange({ route: undefined }, request) }))
  }
  metrics.requestRejected(rejected())
  metrics.requestRejected(rejected({ line: { method: 'M1', target: '/' } }))
  metrics.requestRejected(rejected({ line: { method: 'GET', target: '/' }, status: 431 }))
  const known = await samples(metrics)
  expect(known.get('coatcheck_http_requests_total{listener="web",route="none",method="_OTHER",code="200"}')).toBe(100)
  expect(known.get('coatcheck_http_requests_total{listener="web",route="none",method="_OTHER",code="400"}')).toBe(2)
  expect(known.get('coatcheck_http_requests_total{listener="web",route="none",method="GET",code="431"}')).toBe(1)
  expect(known.size - before).toBeLessThan(50)
})

test('names that a reload removed are gone; what still counts stays until it does not', async () => {
  const metrics = make()
  metrics.configured(shop)
  metrics.exchangeStarted('web')
  metrics.exchangeFinished(finished())
  metrics.connections('web', 'h2', 1)
  metrics.storeUp('main', true)
  metrics.upstreamTarget('app', 'http://10.0.0.5:3000', false)
  metrics.configured(model({ listeners: ['other'], routes: ['admin'], upstreams: { app: ['http://10.0.0.5:3000'] } }))
  let known = await samples(metrics)
  const names = () => [...known.keys()].join('\n')
  expect(names()).not.toMatch(/route="shop"|session="default"|store="main"|10\.0\.0\.6/)
  expect(known.get('coatcheck_connections_open{listener="web",protocol="h2"}')).toBe(1)
  expect(known.get('coatcheck_upstream_up{upstream="app",url="http://10.0.0.5:3000"}')).toBe(0)
  metrics.connections('web', 'h2', -1)
  metrics.configured(model({ listeners: ['other'] }))
  known = await samples(metrics)
  expect(names()).not.toContain('listener="web"')
})

test('a reload keeps the counts of what stays', async () => {
  const metrics = make()
  metrics.configured(shop)
  metrics.exchangeFinished(finished())
  metrics.configured(shop)
  expect(
    (await samples(metrics)).get('coatcheck_http_requests_total{listener="web",route="shop",method="GET",code="200"}'),
  ).toBe(1)
})

test('a certificate that is not told again is forgotten, told before or after the reload', async () => {
  const metrics = make()
  const name = (certificate: string) => `coatcheck_tls_certificate_not_after_timestamp_seconds{name="${certificate}"}`
  metrics.configured(shop)
  metrics.certificate('old', 1_000_000)
  metrics.certificate('kept', 2_000_000)
  metrics.configured(shop)
  metrics.certificate('kept', 3_000_000)
  metrics.configured(shop)
  const known = await samples(metrics)
  expect(known.get(name('kept'))).toBe(3000)
  expect(known.has(name('old'))).toBe(false)
})

test('sessions, cache, stores and upstreams are counted as they are told', async () => {
  const metrics = make()
  metrics.configured(shop)
  metrics.sessionEvent('default', 'created')
  metrics.sessionEvent('default', 'rotated')
  metrics.sessionEnded('default', 'sign_out')
  metrics.sessionRejected('default', 'wrong_secret')
  metrics.cacheLookup('hit')
  metrics.storeOperation('main', 'read', 2, undefined)
  metrics.storeOperation('main', 'read', 5000, 'unavailable')
  metrics.upstreamRequest('app', 12)
  metrics.upstreamError('app', 'connect')
  metrics.mirrorSkipped('shop', 'too_large')
  metrics.storeUp('main', false)
  metrics.reloaded('failure', 5000)
  metrics.reloaded('success', 7000)
  metrics.logged('warn')
  metrics.dropped('log', 3)
  const known = await samples(metrics)
  expect([
    known.get('coatcheck_sessions_created_total{session="default"}'),
    known.get('coatcheck_sessions_rotated_total{session="default"}'),
    known.get('coatcheck_sessions_reused_total{session="default"}'),
    known.get('coatcheck_sessions_ended_total{session="default",reason="sign_out"}'),
    known.get('coatcheck_sessions_rejected_total{session="default",reason="wrong_secret"}'),
    known.get('coatcheck_session_cache_lookups_total{result="hit"}'),
    known.get('coatcheck_store_operation_duration_seconds_count{store="main",operation="read"}'),
    known.get('coatcheck_store_errors_total{store="main",operation="read",reason="unavailable"}'),
    known.get('coatcheck_upstream_request_duration_seconds_sum{upstream="app"}'),
    known.get('coatcheck_upstream_errors_total{upstream="app",reason="connect"}'),
    known.get('coatcheck_mirror_skipped_total{route="shop",reason="too_large"}'),
    known.get('coatcheck_store_up{store="main"}'),
    known.get('coatcheck_config_reloads_total{result="failure"}'),
    known.get('coatcheck_config_last_reload_success_timestamp_seconds'),
    known.get('coatcheck_log_messages_total{level="warn"}'),
    known.get('coatcheck_log_lines_dropped_total{output="log"}'),
  ]).toEqual([1, 1, 0, 1, 1, 1, 2, 1, 0.012, 1, 1, 0, 1, 7, 1, 3])
})

test('reads under an old seal are counted, and their end is known as long as such a seal is read', async () => {
  const metrics = make()
  const until = 'coatcheck_sessions_old_seal_until_timestamp_seconds{session="default"}'
  const opened = 'coatcheck_sessions_opened_old_seal_total{session="default"}'
  const migrating = model({
    sessions: ['default'],
    sealing: { kind: 'migrate', from: { kind: 'none' }, to: { kind: 'ticket' } },
  })
  metrics.configured(migrating)
  expect((await samples(metrics)).get(opened)).toBe(0)
  metrics.sessionOldSeal('default')
  metrics.oldSealUntil('default', 5000)
  metrics.configured(migrating)
  const known = await samples(metrics)
  expect([known.get(opened), known.get(until)]).toEqual([1, 5])
  metrics.configured(model({ sessions: ['default'] }))
  expect((await samples(metrics)).has(until)).toBe(false)
})

test('writes that too few replicas confirmed are counted', async () => {
  const metrics = make()
  metrics.configured(shop)
  metrics.storeUnconfirmed('main', 'delete')
  const known = await samples(metrics)
  expect(known.get('coatcheck_store_unconfirmed_total{store="main",operation="delete"}')).toBe(1)
  metrics.configured(model({}))
  expect((await samples(metrics)).has('coatcheck_store_unconfirmed_total{store="main",operation="delete"}')).toBe(false)
})
