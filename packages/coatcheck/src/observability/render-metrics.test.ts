import { expect, test } from 'vitest'
import type { MetricFamily } from './family.ts'
import { createMetrics } from './metrics.ts'
import { renderMetrics } from './render-metrics.ts'
import { finished } from './testing/exchange.ts'

const family = (
  name: string,
  type: MetricFamily['type'],
  merge: MetricFamily['merge'],
  value: number,
): MetricFamily => ({
  name,
  help: 'Help.',
  type,
  merge,
  samples: [['', 'a="b"', value]],
})

test.each([
  ['counter', 'sum', [2, 3], 5],
  ['gauge', 'sum', [2, 3], 5],
  ['gauge', 'max', [2, 3], 3],
  ['gauge', 'min', [2, 3], 2],
] as const)('a %s that is merged by %s', (type, merge, values, expected) => {
  const { body } = renderMetrics(
    values.map((value) => [family('x_total', type, merge, value)]),
    undefined,
  )
  expect(body).toContain(`x_total{a="b"} ${expected}\n`)
})

test('totals of two processes are exact, and pass through JSON', async () => {
  const [one, two] = [1, 2].map(() => createMetrics({ version: '1', revision: '' }))
  for (let count = 0; count < 3; count++) one!.exchangeFinished(finished({ duration: 20 }))
  two!.exchangeFinished(finished({ duration: 2000 }))
  const snapshots = JSON.parse(JSON.stringify([await one!.snapshot(), await two!.snapshot()]))
  const { body } = renderMetrics(snapshots, undefined)
  expect(body).toContain('coatcheck_http_requests_total{listener="web",route="shop",method="GET",code="200"} 4\n')
  expect(body).toContain('coatcheck_http_request_duration_seconds_bucket{route="shop",method="GET",le="0.025"} 3\n')
  expect(body).toContain('coatcheck_http_request_duration_seconds_count{route="shop",method="GET"} 4\n')
  expect(body).toContain('coatcheck_http_request_duration_seconds_sum{route="shop",method="GET"} 2.06\n')
  expect(body).toContain('coatcheck_build_info{version="1",revision=""} 1\n')
})

test.each([
  [undefined, 'text/plain'],
  ['*/*', 'text/plain'],
  ['text/plain', 'text/plain'],
  ['application/openmetrics-text', 'application/openmetrics-text'],
  [
    'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'application/openmetrics-text',
  ],
  ['application/openmetrics-text;version=1.0.0;q=0.2, text/plain;q=0.5', 'text/plain'],
  ['application/openmetrics-text;q=0', 'text/plain'],
  ['application/openmetrics-text;q=x', 'text/plain'],
  ['x'.repeat(10_000), 'text/plain'],
])('Accept: %s', (accept, type) => {
  expect(renderMetrics([], accept).contentType.startsWith(`${type};`)).toBe(true)
})

/** As much of both grammars as we write: HELP, TYPE, then samples of that family, each name once. */
function parse(body: string): Map<string, string> {
  const types = new Map<string, string>()
  let current = ''
  for (const line of body.trimEnd().split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (type !== null) {
      expect(types.has(type[1]!)).toBe(false)
      current = type[1]!
      types.set(current, type[2]!)
    } else if (!line.startsWith('# ')) {
      expect(line).toMatch(/^[a-z0-9_]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? -?[0-9.e+-]+$/)
      expect(line.startsWith(current)).toBe(true)
    }
  }
  return types
}

test('OpenMetrics: counters are named without _total, their samples with it, and the text ends with EOF', async () => {
  const snapshot = await createMetrics({ version: '1', revision: '' }).snapshot()
  const { body } = renderMetrics([snapshot], 'application/openmetrics-text')
  const types = parse(body.replace('# EOF\n', ''))
  expect(body.endsWith('# EOF\n')).toBe(true)
  for (const [name, type] of types) if (type === 'counter') expect(name).not.toMatch(/_total$/)
  expect(body).not.toContain('_total_total')
  expect(body).toContain('\ncoatcheck_log_messages_total{level="warn"} 0\n')
  expect(types.get('coatcheck_log_messages')).toBe('counter')
  expect(types.get('process_cpu_seconds')).toBe('counter')
})

test('Prometheus text: every family is described once', async () => {
  const snapshot = await createMetrics({ version: '1', revision: '' }).snapshot()
  const types = parse(renderMetrics([snapshot, snapshot], undefined).body)
  expect(types.get('coatcheck_log_messages_total')).toBe('counter')
  expect(types.get('coatcheck_http_request_duration_seconds')).toBe('histogram')
})
