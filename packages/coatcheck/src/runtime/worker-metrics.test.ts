import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import type { GatewayModel } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderMetrics } from '../observability/render-metrics.ts'
import { model } from './fixtures/model.ts'
import { type RunningProgram, startProgram } from './fixtures/program.ts'
import { startUpstream, type Upstream } from './fixtures/upstream.ts'
import type { Report } from './worker-messages.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const two = (changes: Partial<GatewayModel> = {}): GatewayModel =>
  model(upstream.url, { workers: 2, internal: { address: { host: '127.0.0.1', port: 0 } }, ...changes })

/** Requests over connections of their own, which the workers take in turn. */
async function visit(program: RunningProgram, times: number): Promise<void> {
  const [host, port] = program.web.split(':')
  for (let i = 0; i < times; i++) {
    await new Promise((resolve, reject) =>
      request({ host, port, agent: false }, (response) => response.resume().once('end', resolve))
        .once('error', reject)
        .end(),
    )
  }
}

interface Totals {
  readonly requests: number
  readonly observations: number
}

async function totals(program: RunningProgram): Promise<Totals> {
  const text = await (await fetch(`http://${program.started.internal}/metrics`)).text()
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

function workersOf({ process: { pid } }: RunningProgram): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

test('totals do not fall when a worker is killed, nor when its successor serves', async () => {
  await using program = await startProgram(two())
  await visit(program, 20)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  const [victim] = workersOf(program)
  process.kill(victim!, 'SIGKILL')
  await expect.poll(() => workersOf(program).includes(victim!)).toBe(false)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  await expect.poll(() => workersOf(program).length).toBe(2)
  await visit(program, 10)
  expect(await totals(program)).toEqual({ requests: 30, observations: 30 })
})

test('totals do not fall while a worker stands still, and metrics are answered all the same', async () => {
  await using program = await startProgram(two())
  await visit(program, 20)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  const [victim] = workersOf(program)
  process.kill(victim!, 'SIGSTOP')
  for (let scrape = 0; scrape < 6; scrape++) {
    expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  }
  process.kill(victim!, 'SIGCONT')
  await visit(program, 10)
  await expect.poll(() => totals(program)).toEqual({ requests: 30, observations: 30 })
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
