import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { GatewayModel } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderMetrics } from '../../observability/render-metrics.ts'
import { model } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { visit } from '../fixtures/visit.ts'
import { childrenOf, startWorkers } from '../fixtures/workers.ts'
import type { Report } from './worker-messages.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const two = (changes: Partial<GatewayModel> = {}): GatewayModel =>
  model(upstream.url, { workers: 2, internal: { address: { host: '127.0.0.1', port: 0 } }, ...changes })

async function visits(address: string, times: number): Promise<void> {
  for (let done = 0; done < times; done++) await visit(address)
}

const patient = { timeout: 15_000 }

interface Totals {
  readonly requests: number
  readonly observations: number
}

async function totals(program: RunningProgram): Promise<Totals> {
  return totalsIn(await (await fetch(`http://${program.started.internal}/metrics`)).text())
}

function totalsIn(text: string): Totals {
  const sum = (name: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
  return {
    requests: sum('coatcheck_http_requests_total'),
    observations: sum('coatcheck_http_request_duration_seconds_count'),
  }
}

test('totals do not fall when a worker is killed, nor when its successor serves', async () => {
  await using program = await startProgram(two())
  await visits(program.web, 20)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  const [victim] = childrenOf(program.process.pid!)
  process.kill(victim!, 'SIGKILL')
  await expect.poll(() => childrenOf(program.process.pid!).includes(victim!), patient).toBe(false)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  await expect.poll(() => childrenOf(program.process.pid!).length, patient).toBe(2)
  await visits(program.web, 10)
  expect(await totals(program)).toEqual({ requests: 30, observations: 30 })
})

test('totals do not fall while a worker stands still, and metrics are answered all the same', async () => {
  await using program = await startProgram(two())
  await visits(program.web, 20)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  const [victim] = childrenOf(program.process.pid!)
  process.kill(victim!, 'SIGSTOP')
  for (let scrape = 0; scrape < 6; scrape++) {
    expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  }
  process.kill(victim!, 'SIGCONT')
  await visits(program.web, 10)
  await expect.poll(() => totals(program), patient).toEqual({ requests: 30, observations: 30 })
})

test('workers are asked what they counted every 10 seconds, though nobody asks for metrics', async () => {
  let tick = (): unknown => undefined
  const pauses: number[] = []
  const workers = await startWorkers(two(), {
    every(callback, milliseconds) {
      tick = callback
      pauses.push(milliseconds)
      return () => pauses.pop()
    },
  })
  await visits(workers.web, 20)
  await tick()
  const victims = childrenOf(process.pid)
  expect([victims.length, pauses]).toEqual([2, [10_000]])
  for (const pid of victims) process.kill(pid, 'SIGKILL')
  await expect.poll(() => childrenOf(process.pid).some((pid) => victims.includes(pid)), patient).toBe(false)
  expect(totalsIn(renderMetrics(await workers.snapshots(), undefined).body).requests).toBe(20)
  await workers[Symbol.asyncDispose]()
  expect(pauses).toEqual([])
})

test('a worker tells what it counted before an error ends it', async () => {
  const env = { ...process.env, COATCHECK_WORKER: JSON.stringify({ version: '1', state: '/no/such', workers: 2 }) }
  const worker = fork(new URL('./worker.ts', import.meta.url), { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const reports: Report[] = []
  worker.on('message', (report: Report) => void reports.push(report))
  const exited = once(worker, 'exit')
  const disconnected = once(worker, 'disconnect')
  // no order at all is a mistake that nobody expects
  worker.send(null as never)
  expect(await exited).toEqual([70, null])
  await disconnected
  expect(reports).toEqual([{ kind: 'snapshot', number: undefined, snapshot: expect.any(Array) }])
  const { body } = renderMetrics(
    reports.map((report) => ('snapshot' in report ? report.snapshot : [])),
    undefined,
  )
  expect(body).toContain('coatcheck_log_messages_total{level="error"} 1\n')
})
