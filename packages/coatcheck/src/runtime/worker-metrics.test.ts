import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GatewayModel } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createObservability } from '../observability/observability.ts'
import { renderMetrics } from '../observability/render-metrics.ts'
import { stateFolder } from '../state/state-folder.ts'
import { model } from './fixtures/model.ts'
import { type RunningProgram, startProgram } from './fixtures/program.ts'
import { startUpstream, type Upstream } from './fixtures/upstream.ts'
import type { Report } from './worker-messages.ts'
import { createWorkers } from './workers.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const two = (changes: Partial<GatewayModel> = {}): GatewayModel =>
  model(upstream.url, { workers: 2, internal: { address: { host: '127.0.0.1', port: 0 } }, ...changes })

/** Requests over connections of their own, which the workers take in turn. */
async function visit(address: string, times: number): Promise<void> {
  const [host, port] = address.split(':')
  for (let i = 0; i < times; i++) {
    await new Promise((resolve, reject) =>
      request({ host, port, agent: false }, (response) => response.resume().once('end', resolve))
        .once('error', reject)
        .end(),
    )
  }
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

/** Ids of the processes that a process started. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

test('totals do not fall when a worker is killed, nor when its successor serves', async () => {
  await using program = await startProgram(two())
  await visit(program.web, 20)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  const [victim] = childrenOf(program.process.pid!)
  process.kill(victim!, 'SIGKILL')
  await expect.poll(() => childrenOf(program.process.pid!).includes(victim!), patient).toBe(false)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  await expect.poll(() => childrenOf(program.process.pid!).length, patient).toBe(2)
  await visit(program.web, 10)
  expect(await totals(program)).toEqual({ requests: 30, observations: 30 })
})

test('totals do not fall while a worker stands still, and metrics are answered all the same', async () => {
  await using program = await startProgram(two())
  await visit(program.web, 20)
  expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  const [victim] = childrenOf(program.process.pid!)
  process.kill(victim!, 'SIGSTOP')
  for (let scrape = 0; scrape < 6; scrape++) {
    expect(await totals(program)).toEqual({ requests: 20, observations: 20 })
  }
  process.kill(victim!, 'SIGCONT')
  await visit(program.web, 10)
  await expect.poll(() => totals(program), patient).toEqual({ requests: 30, observations: 30 })
})

test('workers are asked what they counted every 10 seconds, though nobody asks for metrics', async () => {
  const state = mkdtempSync(join(tmpdir(), 'coatcheck-workers-'))
  let tick = async () => {}
  const pauses: number[] = []
  const output = openSync('/dev/null', 'w')
  const workers = createWorkers({
    count: 2,
    observability: createObservability({ version: '1', stdout: output, stderr: output }),
    state: stateFolder(state, {}, '/'),
    version: '1',
    revision: undefined,
    logLevel: 'error',
    every(work, milliseconds) {
      tick = work
      pauses.push(milliseconds)
      return () => pauses.pop()
    },
  })
  const prepared = await workers.prepare(two())
  await prepared.commit()
  await visit(workers.status().listeners[0]!.address, 20)
  await tick()
  const victims = childrenOf(process.pid)
  expect([victims.length, pauses]).toEqual([2, [10_000]])
  for (const pid of victims) process.kill(pid, 'SIGKILL')
  await expect.poll(() => childrenOf(process.pid).some((pid) => victims.includes(pid)), patient).toBe(false)
  expect(totalsIn(renderMetrics(await workers.snapshots(), undefined).body).requests).toBe(20)
  await workers.stop()
  expect(pauses).toEqual([])
  closeSync(output)
  rmSync(state, { recursive: true })
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
