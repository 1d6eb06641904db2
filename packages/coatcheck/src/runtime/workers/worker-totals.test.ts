import { expect, test } from 'vitest'
import { createMetrics } from '../../observability/metrics.ts'
import { renderMetrics } from '../../observability/render-metrics.ts'
import { exchange, finished, model } from '../../observability/testing/exchange.ts'
import { createWorkerTotals, type WorkerTotals } from './worker-totals.ts'

const shop = model({ listeners: ['web'], routes: ['shop', 'say "hi"'] })
const worker = () => {
  const metrics = createMetrics({ version: '1', revision: '' })
  metrics.configured(shop)
  return metrics
}

/** The value of a line, `undefined` when there is none. */
function total(totals: WorkerTotals, line: string): number | undefined {
  const found = renderMetrics(totals.snapshots(), undefined)
    .body.split('\n')
    .find((candidate) => candidate.startsWith(`${line} `))
  return found === undefined ? undefined : Number(found.slice(line.length))
}
const requests = (route = 'shop') =>
  `coatcheck_http_requests_total{listener="web",route="${route}",method="GET",code="200"}`
const durations = 'coatcheck_http_request_duration_seconds_count{route="shop",method="GET"}'
const open = 'coatcheck_connections_open{listener="web",protocol="http"}'

test('what a worker that ended had counted stays in the totals, what it measured goes', () => {
  const totals = createWorkerTotals()
  const shares = [50, 30].map((count) => {
    const metrics = worker()
    metrics.connections('web', 'http', 1)
    for (let i = 0; i < count; i++) metrics.exchangeFinished(finished())
    const share = totals.join()
    share.told(metrics.counted())
    return share
  })
  expect([total(totals, requests()), total(totals, durations), total(totals, open)]).toEqual([80, 80, 2])
  shares[0]!.ended()
  expect([total(totals, requests()), total(totals, durations), total(totals, open)]).toEqual([80, 80, 1])
  shares[1]!.ended()
  expect([total(totals, requests()), total(totals, durations), total(totals, open)]).toEqual([80, 80, undefined])
})

test('an end that is told twice counts once, and nothing is told after it', () => {
  const totals = createWorkerTotals()
  const metrics = worker()
  metrics.exchangeFinished(finished())
  const share = totals.join()
  share.told(metrics.counted())
  share.ended()
  share.ended()
  share.told(metrics.counted())
  expect(total(totals, requests())).toBe(1)
})

test('the newest that a worker told stands, and families that it left out stay as they were', async () => {
  const totals = createWorkerTotals()
  const metrics = worker()
  const share = totals.join()
  share.told(await metrics.snapshot())
  metrics.exchangeFinished(finished())
  share.told(metrics.counted())
  expect(total(totals, requests())).toBe(1)
  expect(total(totals, 'process_cpu_seconds_total')).toBeGreaterThan(0)
  share.ended()
  expect(total(totals, 'process_cpu_seconds_total')).toBeGreaterThan(0)
  expect(total(totals, 'process_resident_memory_bytes')).toBeUndefined()
})

test('names that a reload removed are forgotten for workers that ended and for those that say nothing', () => {
  const totals = createWorkerTotals()
  for (const end of [true, false]) {
    const metrics = worker()
    metrics.exchangeFinished(finished())
    metrics.exchangeFinished(finished({ exchange: exchange({ route: 'say "hi"' }) }))
    metrics.exchangeFinished(finished({ exchange: exchange({ route: undefined }) }))
    const share = totals.join()
    share.told(metrics.counted())
    if (end) share.ended()
  }
  const written = 'say \\"hi\\"'
  expect([total(totals, requests()), total(totals, requests(written))]).toEqual([2, 2])
  totals.configured(model({ listeners: ['web'], routes: ['say "hi"'] }))
  expect([requests(), requests(written), requests('none')].map((line) => total(totals, line))).toEqual([
    undefined,
    2,
    2,
  ])
  expect(total(totals, durations)).toBeUndefined()
})
