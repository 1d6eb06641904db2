import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createMovedClock } from '../testing/moved-clock.ts'
import { createObservability, type ObservabilityOptions } from './observability.ts'
import { renderMetrics } from './render-metrics.ts'
import { exchange, finished, model, rejected, sessionOf } from './testing/exchange.ts'

const folder = mkdtempSync(join(tmpdir(), 'observability-'))
const open: number[] = []
afterAll(() => {
  for (const fd of open) closeSync(fd)
  rmSync(folder, { recursive: true })
})

function observing(options: Partial<ObservabilityOptions> = {}) {
  const names = ['out', 'err'].map((name) => join(folder, `${open.length}-${name}`))
  const [stdout, stderr] = names.map((name) => openSync(name, 'a'))
  open.push(stdout!, stderr!)
  const observability = createObservability({ version: '1.2.3', stdout: stdout!, stderr: stderr!, ...options })
  const [out, err] = names.map((name) => () => readFileSync(name, 'utf8'))
  return { observability, out: out!, err: err! }
}

test('requests go to stdout, messages to stderr, both are counted', async () => {
  const { observability, out, err } = observing()
  observability.configured(model({ listeners: ['web'], routes: ['shop'], sessionField: 'airlock.http.session.id' }))
  observability.observer.exchangeStarted('web')
  observability.observer.exchangeFinished(finished({ exchange: exchange({ session: sessionOf('the-id') }) }))
  observability.observer.requestRejected(rejected())
  observability.log.warn('careful')
  await observability.flush()
  expect(
    out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).http.response.status_code),
  ).toEqual([200, 400])
  expect(JSON.parse(out().split('\n')[0]!).airlock.http.session.id).toBe('the-id')
  expect(JSON.parse(err()).message).toBe('careful')
  const { body } = renderMetrics([await observability.snapshot()], undefined)
  expect(body).toContain('coatcheck_http_requests_total{listener="web",route="shop",method="GET",code="200"} 1\n')
  expect(body).toContain('coatcheck_http_requests_in_flight{listener="web"} 0\n')
  expect(body).toContain('coatcheck_log_messages_total{level="warn"} 1\n')
})

test('a line of the access log is written within 200 ms', async () => {
  const clock = createMovedClock()
  const { observability, out } = observing({ schedule: clock.schedule })
  observability.observer.exchangeFinished(finished())
  clock.move(200)
  // The write is on its way; only the disk is waited for.
  while (out() === '') await new Promise(setImmediate)
  expect(out()).toContain('coatcheck.access')
})

test('a session field that cannot be is told', async () => {
  const { observability, err } = observing()
  observability.configured(model({ sessionField: 'url.path' }))
  await observability.flush()
  expect(JSON.parse(err()).message).toContain('"url.path"')
})

test('with workers no line is longer than PIPE_BUF', async () => {
  const { observability, out, err } = observing({ workers: 2 })
  const long = 'x'.repeat(20_000)
  const seen = exchange(
    { detail: long, reason: 'internal', upstream: long, target: long },
    { target: `/${long}?${long}`, authority: long },
  )
  observability.observer.exchangeFinished(finished({ status: 500, exchange: seen }))
  observability.log.error(long, { long })
  await observability.flush()
  for (const text of [out(), err()]) {
    expect(text.length).toBeLessThanOrEqual(4096)
    expect(() => JSON.parse(text)).not.toThrow()
  }
})

test('on a terminal both are for people', async () => {
  const { observability, out, err } = observing({ terminal: true })
  observability.observer.exchangeFinished(finished())
  observability.log.info('hello')
  await observability.flush()
  expect(out()).toContain('GET shop.example.com/cart')
  expect(err()).toMatch(/^\x1b\[90m\d\d:/)
})
