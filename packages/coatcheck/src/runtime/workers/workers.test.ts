import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import type { GatewayModel } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRecorder } from '../../../../gateway/src/testing/recorder.ts'
import { listener, model, routeTo, session } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { childrenOf, startWorkers, testWorkers } from '../fixtures/workers.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const internal = { address: { host: '127.0.0.1', port: 0 } }

function two(changes: Partial<GatewayModel> = {}): GatewayModel {
  return model(upstream.url, { workers: 2, internal, ...changes })
}

/** Sessions in a file that all workers share. */
const shared: Partial<GatewayModel> = {
  stores: [{ kind: 'sqlite', name: 'main', file: undefined }],
  sessions: [session('default', 'main')],
  routes: [routeTo('app', { middleware: [{ kind: 'session', session: 'default' }] })],
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly cookie: string | undefined
}

/** A request over a connection of its own, which the workers take in turn. */
function get(address: string, path = '/', cookie?: string): Promise<Answer> {
  const [host, port] = address.split(':')
  return new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie }
    const sent = request({ host, port, path, agent: false, headers }, async (response) => {
      const body = (await buffer(response)).toString()
      resolve({ status: response.statusCode!, body, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] })
    })
    sent.on('error', reject).end()
  })
}

async function metric(program: RunningProgram, name: string): Promise<number> {
  const text = await (await fetch(`http://${program.started.internal}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? ''))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

const workersOf = ({ process: { pid } }: RunningProgram) => childrenOf(pid!)

test('two workers share an address and a store: a session opens whoever answers, and totals are true', async () => {
  await using program = await startProgram(two(shared))
  const { cookie } = await get(program.web)
  expect(cookie).toMatch(/^session=1\./)
  for (let i = 0; i < 10; i++) {
    const { status, cookie: again } = await get(program.web, '/', cookie)
    expect([status, again]).toEqual([200, undefined])
  }
  expect(await metric(program, 'coatcheck_http_requests_total')).toBe(11)
  expect(await metric(program, 'coatcheck_sessions_created_total')).toBe(1)
  expect(await metric(program, 'coatcheck_sessions_reused_total')).toBe(10)
  expect(workersOf(program)).toHaveLength(2)
  program.process.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

test('a worker that is killed is replaced, and the address never refuses', async () => {
  await using program = await startProgram(two())
  const [victim] = workersOf(program)
  process.kill(victim!, 'SIGKILL')
  await expect.poll(() => workersOf(program).filter((pid) => pid !== victim).length).toBe(2)
  expect(program.log()).toContain('another takes its place')
  for (let i = 0; i < 6; i++) expect((await get(program.web)).status).toBe(200)
  program.process.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

test('a worker that ends before the first model runs is replaced when it does', async () => {
  const paused = Promise.withResolvers<void>()
  await using workers = testWorkers(two(), { pause: async () => paused.resolve() })
  const before = childrenOf(process.pid)
  const prepared = await workers.prepare(two())
  const [victim] = childrenOf(process.pid).filter((pid) => !before.includes(pid))
  process.kill(victim!, 'SIGKILL')
  await paused.promise
  await turn()
  await prepared.commit()
  const living = () => childrenOf(process.pid).filter((pid) => !before.includes(pid) && pid !== victim).length
  await expect.poll(living).toBe(2)
  for (let i = 0; i < 6; i++) expect((await get(workers.web)).status).toBe(200)
})

test('a worker that ends while a reload is prepared is replaced, and runs the new model', async () => {
  const paused = Promise.withResolvers<void>()
  await using workers = await startWorkers(two(), { pause: async () => paused.resolve() })
  const broken = [routeTo('app', { action: { kind: 'broken', reason: 'it is a test' } })]
  const prepared = await workers.prepare(two({ routes: broken }))
  const [victim] = childrenOf(process.pid)
  process.kill(victim!, 'SIGKILL')
  await paused.promise
  await prepared.commit()
  await expect.poll(() => childrenOf(process.pid).filter((pid) => pid !== victim).length).toBe(2)
  for (let i = 0; i < 6; i++) expect((await get(workers.web)).status).toBe(500)
})

test('a reload reaches all workers; one that cannot be run changes none', async () => {
  await using program = await startProgram(two())
  program.change(two({ routes: [routeTo('nobody')] }))
  await expect.poll(async () => (await program.status()).configuration.lastReload.result).toBeDefined()
  const broken = [routeTo('app', { action: { kind: 'broken', reason: 'it is a test' } })]
  program.change(two({ routes: broken }))
  await expect.poll(async () => (await program.status()).routes[0]?.state).toBe('broken')
  for (let i = 0; i < 6; i++) expect((await get(program.web)).status).toBe(500)
  const unusable = listener('web', {
    tls: {
      certificates: [{ certificate: { from: 'value', value: 'x' }, key: { from: 'value', value: 'y' } }],
      clientCertificates: undefined,
    },
  })
  program.change(two({ listeners: [unusable] }))
  await expect.poll(async () => (await program.status()).configuration.lastReload.result).toBe('failure')
  expect((await program.status()).configuration.problems.map(({ code }) => code)).toContain('certificate-invalid')
  for (let i = 0; i < 6; i++) expect((await get(program.web)).status).toBe(500)
  program.change(two())
  await expect.poll(async () => (await program.status()).configuration.lastReload.result).toBe('success')
  for (let i = 0; i < 6; i++) expect((await get(program.web)).status).toBe(200)
})

test('SIGTERM finishes what workers have in flight; a second signal does not', async () => {
  await using program = await startProgram(two())
  const pending = get(program.web, '/wait')
  const release = await upstream.waiting()
  program.process.kill('SIGTERM')
  await expect.poll(async () => (await fetch(`http://${program.started.internal}/readyz`)).status).toBe(503)
  release()
  expect((await pending).status).toBe(200)
  expect(await program.exited).toBe(0)

  await using other = await startProgram(two())
  const cut = get(other.web, '/wait')
  const releaseCut = await upstream.waiting()
  other.process.kill('SIGTERM')
  await expect.poll(async () => (await fetch(`http://${other.started.internal}/readyz`)).status).toBe(503)
  other.process.kill('SIGTERM')
  await expect(cut).rejects.toThrow()
  expect(await other.exited).toBe(0)
  releaseCut()
})

test('a tunnel through a worker goes on when the client ends its side: the upstream has the last word', async () => {
  await using recorder = await startRecorder({
    allowHalfOpen: true,
    respond: () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
  })
  await using program = await startProgram(model(recorder.url, { workers: 2, internal }))
  const client = connect({ port: Number(program.web.split(':')[1]), allowHalfOpen: true })
  client.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  let received = ''
  client.on('data', (data) => {
    received += data
  })
  await once(client, 'data')
  const upstreamSide = await recorder.connection(0)
  const ended = once(upstreamSide.socket, 'end')
  client.end()
  await ended
  await upstreamSide.write('the last word')
  upstreamSide.end()
  await once(client, 'end')
  expect(received).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\nthe last word$/s)
})

test('at the end, connections that no worker is left to take are closed, and nobody waits for them', async () => {
  await using workers = await startWorkers(two())
  const pids = childrenOf(process.pid)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  // one is offered to each of them, and the others wait
  const clients = Array.from({ length: 4 }, () => connect(Number(workers.web.split(':')[1]), '127.0.0.1').resume())
  const closed = clients.map((client) => once(client, 'close'))
  await Promise.all(clients.map((client) => once(client, 'connect')))
  const drained = workers.drain()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await Promise.all(closed)
  await drained
})

test('workers end with their primary', async () => {
  await using program = await startProgram(two())
  const workers = workersOf(program)
  program.process.kill('SIGKILL')
  await program.exited
  for (const pid of workers) await expect.poll(() => isAlive(pid)).toBe(false)
})

test('a start that cannot be run says why once, and ends with 1', async () => {
  const unusable = listener('web', {
    tls: {
      certificates: [{ certificate: { from: 'value', value: 'x' }, key: { from: 'value', value: 'y' } }],
      clientCertificates: undefined,
    },
  })
  await expect(startProgram(two({ listeners: [unusable] }))).rejects.toThrow(/ended with 1: .*certificate-invalid/s)
})

test('workers that end again and again end the program with 70', async () => {
  await using program = await startProgram(two())
  const killer = setInterval(() => killAll(program), 50)
  expect(await program.exited).toBe(70)
  clearInterval(killer)
  expect(program.log()).toContain('again and again')
})

function killAll(program: RunningProgram): void {
  try {
    for (const pid of workersOf(program)) process.kill(pid, 'SIGKILL')
  } catch {
    // one that ended meanwhile, or all of it
  }
}

/** Not one that nobody has buried. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
