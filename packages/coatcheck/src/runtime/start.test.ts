import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { GatewayModel } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { freePort } from './fixtures/free-port.ts'
import { listener, model, routeTo, session } from './fixtures/model.ts'
import { startProgram } from './fixtures/program.ts'
import { startUpstream, type Upstream } from './fixtures/upstream.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const internal = { address: { host: '127.0.0.1', port: 0 } }

/** The same, but what it answers is made by a redirect, so that one can see which model answered. */
function redirecting(to: string, changes: Partial<GatewayModel> = {}): GatewayModel {
  return model(upstream.url, {
    internal,
    ...changes,
    routes: [
      routeTo('app', {
        action: { kind: 'redirect', status: 302, scheme: undefined, host: to, port: undefined, path: undefined },
      }),
    ],
  })
}

function get(
  address: string,
  path = '/',
  agent?: Agent,
): Promise<{ status: number; body: string; location: string | undefined }> {
  const [host, port] = address.split(':')
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, ...(agent && { agent }) }, async (response) => {
      const body = (await buffer(response)).toString()
      resolve({ status: response.statusCode!, body, location: response.headers.location })
    })
    sent.on('error', reject).end()
  })
}

test('a request goes through, and SIGTERM ends the program with 0', async () => {
  await using program = await startProgram(model(upstream.url, { internal }))
  expect(await get(program.web, '/hello')).toMatchObject({ status: 200, body: 'GET /hello' })
  expect((await fetch(`http://${program.started.internal}/readyz`)).status).toBe(200)
  expect(await program.status()).toMatchObject({
    configuration: { lastReload: { result: 'success' } },
    listeners: [{ name: 'web', state: 'listening', address: program.web }],
    routes: [{ name: 'all', state: 'running' }],
  })
  program.process.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

test('a route of one listener takes what comes in through it, and nothing that comes in through another', async () => {
  const [plain] = redirecting('secure.example').routes
  const listeners = [listener('web'), listener('other')]
  const routes = [{ ...plain!, name: 'away', listeners: ['other'] }, routeTo('app')]
  await using program = await startProgram(model(upstream.url, { internal, listeners, routes }))
  const other = program.started.listeners.find(({ name }) => name === 'other')!.address
  expect(await get(program.web, '/hello')).toMatchObject({ status: 200, body: 'GET /hello' })
  expect(await get(other, '/hello')).toMatchObject({
    status: 302,
    location: expect.stringContaining('//secure.example:'),
  })
})

test('SIGTERM: no new connections, not ready, what is in flight is finished', async () => {
  await using program = await startProgram(model(upstream.url, { internal }))
  const pending = get(program.web, '/wait')
  const release = await upstream.waiting()
  program.process.kill('SIGTERM')
  await expect.poll(async () => (await fetch(`http://${program.started.internal}/readyz`)).status).toBe(503)
  await expect.poll(() => get(program.web).then(String, ({ code }) => code)).toBe('ECONNREFUSED')
  release()
  expect(await pending).toMatchObject({ status: 200, body: 'GET /wait' })
  expect(await program.exited).toBe(0)
})

test.each(['SIGTERM', 'another port'] as const)(
  '%s: whatever is sent over an open connection is answered',
  async (end) => {
    await using program = await startProgram(redirecting('old.example'))
    const clients = Array.from({ length: 20 }, () => askUntilClosed(program.web))
    await Promise.all(clients.map(({ begun }) => begun))
    if (end === 'SIGTERM') program.process.kill('SIGTERM')
    else program.change(redirecting('new.example', { listeners: [listener('elsewhere')] }))
    expect(await Promise.all(clients.map(({ ended }) => ended))).toEqual(clients.map(() => 'told to close'))
  },
)

/** Sends one request after the other over one connection until it is told that this was the last. */
function askUntilClosed(address: string) {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<string>()
  const [host, port] = address.split(':')
  const socket = connect({ host: host!, port: Number(port), noDelay: true })
  const ask = () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  let received = ''
  socket.on('connect', ask).on('error', ({ message }) => ended.resolve(message))
  socket.on('close', () => ended.resolve('lost'))
  socket.on('data', (chunk) => {
    received += chunk
    if (!received.includes('\r\n\r\n')) return
    begun.resolve()
    if (/\r\nConnection: close\r\n/i.test(received)) ended.resolve('told to close')
    else ask()
    received = ''
  })
  return { begun: begun.promise, ended: ended.promise }
}

test('a second signal ends it at once', async () => {
  await using program = await startProgram(model(upstream.url, { internal }))
  const pending = get(program.web, '/wait')
  const release = await upstream.waiting()
  program.process.kill('SIGINT')
  await expect.poll(async () => (await fetch(`http://${program.started.internal}/readyz`)).status).toBe(503)
  program.process.kill('SIGINT')
  await expect(pending).rejects.toThrow()
  expect(await program.exited).toBe(0)
  release()
})

test('the grace period is the longest that requests in flight are waited for', async () => {
  await using program = await startProgram(model(upstream.url, { shutdown: { grace: 200 } }))
  const pending = get(program.web, '/wait')
  const release = await upstream.waiting()
  program.process.kill('SIGTERM')
  await expect(pending).rejects.toThrow()
  expect(await program.exited).toBe(0)
  expect(program.log()).toContain('grace')
  release()
})

test('open WebSockets do not hold a shutdown up', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(sockets, 'listening')
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`got ${data}`)))
  await using program = await startProgram(model(`http://127.0.0.1:${(sockets.address() as { port: number }).port}`))
  const socket = new WebSocket(`ws://${program.web}/`)
  await once(socket, 'open')
  socket.send('x')
  expect(String((await once(socket, 'message'))[0])).toBe('got x')
  const closed = once(socket, 'close')
  program.process.kill('SIGTERM')
  expect((await closed)[0]).toBe(1006)
  expect(await program.exited).toBe(0)
  sockets.close()
})

test('a reload under load loses no connection and no request', async () => {
  await using program = await startProgram(redirecting('m0.example'))
  const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const seen = new Set<string | undefined>()
  let requests = 0
  let over = false
  const connections = new Set<unknown>()
  const load = agents.map(async (agent) => {
    while (!over) {
      const { status, location } = await get(program.web, '/', agent)
      expect(status).toBe(302)
      seen.add(location)
      requests++
      for (const sockets of [agent.sockets, agent.freeSockets]) {
        for (const socket of Object.values(sockets).flatMap((list) => list ?? [])) connections.add(socket)
      }
    }
  })
  for (let i = 1; i <= 5; i++) {
    program.change(redirecting(`m${i}.example`))
    await expect.poll(() => [...seen].some((location) => location?.includes(`m${i}.`)), { timeout: 10_000 }).toBe(true)
  }
  over = true
  await Promise.all(load)
  expect(requests).toBeGreaterThan(agents.length)
  expect(connections.size).toBe(agents.length)
  for (const agent of agents) agent.destroy()
})

test('a listener that changes takes its address over; its old connections end with their answer', async () => {
  const port = await freePort()
  const web = (keepAlive: number) =>
    listener('web', { address: { host: '127.0.0.1', port }, timeouts: { headers: 5_000, keepAlive, idle: 5_000 } })
  await using program = await startProgram(model(upstream.url, { listeners: [web(10_000)], internal }))
  const agent = new Agent({ keepAlive: true })
  await get(program.web, '/', agent)
  const pending = get(program.web, '/wait')
  const release = await upstream.waiting()
  program.change(model(upstream.url, { listeners: [web(20_000), listener('second')], internal }))
  await expect.poll(async () => (await program.status()).listeners.length).toBe(2)
  expect((await get(program.web, '/', agent)).status).toBe(200)
  release()
  expect(await pending).toMatchObject({ status: 200 })
  agent.destroy()
})

test('a new configuration that cannot be run changes nothing, and says why', async () => {
  await using taken = await occupy()
  await using program = await startProgram(redirecting('old.example'))
  const attempts: [GatewayModel | string, string][] = [
    ['{ nonsense', 'not-json'],
    [
      redirecting('new.example', {
        listeners: [listener('web'), listener('other', { address: { host: '127.0.0.1', port: taken.port } })],
      }),
      'address-in-use',
    ],
    [redirecting('new.example', { workers: 2 }), 'workers-changed'],
    [
      redirecting('new.example', {
        listeners: [
          listener('web', {
            tls: {
              certificates: [{ certificate: { from: 'value', value: 'x' }, key: { from: 'value', value: 'y' } }],
              clientCertificates: undefined,
            },
          }),
        ],
      }),
      'certificate-invalid',
    ],
  ]
  for (const [changed, code] of attempts) {
    program.change(changed)
    await expect
      .poll(async () => (await program.status()).configuration.problems.map((problem) => problem.code))
      .toContain(code)
    expect((await program.status()).configuration.lastReload.result).toBe('failure')
    expect((await get(program.web)).location).toContain('old.example')
    expect(program.log()).toContain(code)
  }
  program.change(redirecting('new.example'))
  await expect.poll(async () => (await get(program.web)).location).toContain('new.example')
  expect((await program.status()).configuration.lastReload.result).toBe('success')
  expect((await program.status()).listeners).toHaveLength(1)
})

test('sessions in memory outlive a reload', async () => {
  const withSession = (path: string): GatewayModel =>
    model(upstream.url, {
      internal,
      stores: [{ kind: 'memory', name: 'main', maxSessions: 10, maxBytes: 100_000 }],
      sessions: [session('default', 'main')],
      routes: [
        routeTo('app', {
          matches: [{ host: undefined, path: { kind: 'prefix', value: path }, methods: [], headers: [], query: [] }],
          middleware: [{ kind: 'session', session: 'default' }],
        }),
      ],
    })
  await using program = await startProgram(withSession('/'))
  const first = await fetch(`http://${program.web}/new/`)
  const cookie = first.headers.getSetCookie()[0]!.split(';')[0]!
  program.change(withSession('/new'))
  await expect.poll(async () => (await get(program.web)).status).toBe(404)
  const second = await fetch(`http://${program.web}/new/`, { headers: { cookie } })
  expect([second.status, second.headers.getSetCookie()]).toEqual([200, []])
})

test('SIGHUP loads anew', async () => {
  await using program = await startProgram(model(upstream.url, { internal }))
  const before = (await program.status()).configuration.loadedAt
  program.process.kill('SIGHUP')
  await expect.poll(async () => (await program.status()).configuration.loadedAt).toBeGreaterThan(before)
})

test('an address in use ends the start with 70 and names it', async () => {
  await using taken = await occupy()
  const web = listener('web', { address: { host: '127.0.0.1', port: taken.port } })
  await expect(startProgram(model(upstream.url, { listeners: [web] }))).rejects.toThrow(
    new RegExp(`ended with 70: .*127\\.0\\.0\\.1:${taken.port}.*in use`),
  )
})

test('a configuration with errors ends the start with 1', async () => {
  await expect(startProgram('{ nonsense' as never)).rejects.toThrow(/ended with 1: .*not-json/)
})

async function occupy(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
