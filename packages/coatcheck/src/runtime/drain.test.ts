import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import type { CertificateSpec, GatewayModel } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificates } from '../../../gateway/src/testing/certificates.ts'
import { listener, model } from './fixtures/model.ts'
import { startProgram } from './fixtures/program.ts'
import { startUpstream, type Upstream } from './fixtures/upstream.ts'
import { openListeningSocket } from './listening/listening-socket.ts'

let folder: string
let upstream: Upstream
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-drain-'))
  upstream = await startUpstream()
})
afterAll(() => {
  upstream.close()
  rmSync(folder, { recursive: true })
})

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

interface Client {
  /** Resolves with its first answer. */
  readonly begun: Promise<void>
  /** `refused`: nothing listens any more, and every connection before had its answers. Else what went wrong. */
  readonly ended: Promise<string>
}

/** Sends one request after the other, over a new connection whenever it is told that this was the last. */
function keepAsking(address: string): Client {
  const begun = Promise.withResolvers<void>()
  return { begun: begun.promise, ended: ask(address, begun.resolve) }
}

async function ask(address: string, answered: () => void): Promise<string> {
  const [host, port] = address.split(':')
  for (;;) {
    const socket = connect({ host: host!, port: Number(port), noDelay: true })
    try {
      await once(socket, 'connect')
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'refused' : String(error)
    }
    const lost = await untilToldToClose(socket, answered)
    socket.destroy()
    if (lost !== undefined) return lost
  }
}

/** Resolves with what went wrong, or with nothing when it was told to close. */
function untilToldToClose(socket: Socket, answered: () => void): Promise<string | undefined> {
  let received = ''
  return new Promise((resolve) => {
    socket.on('error', ({ message }) => resolve(`lost: ${message}`)).on('close', () => resolve('lost: closed'))
    socket.on('data', (chunk) => {
      received += chunk
      if (!received.endsWith('GET /')) return
      answered()
      if (/\r\nConnection: close\r\n/i.test(received)) resolve(undefined)
      else socket.write(request)
      received = ''
    })
    socket.write(request)
  })
}

test.each([
  { workers: 1, end: 'SIGTERM' },
  { workers: 2, end: 'SIGTERM' },
  { workers: 1, end: 'another address' },
  { workers: 2, end: 'another address' },
])('clients that come back lose nothing: $workers worker(s), $end', async ({ workers, end }) => {
  await using program = await startProgram(model(upstream.url, { workers }))
  const clients = Array.from({ length: 16 }, () => keepAsking(program.web))
  await Promise.all(clients.map(({ begun }) => begun))
  if (end === 'SIGTERM') program.process.kill('SIGTERM')
  else program.change(model(upstream.url, { workers, listeners: [listener('elsewhere')] }))
  expect(await Promise.all(clients.map(({ ended }) => ended))).toEqual(clients.map(() => 'refused'))
  if (end !== 'SIGTERM') program.process.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

/** Resolves when nothing listens there any more. */
async function isRefused(address: string): Promise<void> {
  const [host, port] = address.split(':')
  const attempt = () =>
    new Promise<string | undefined>((resolve) => {
      const socket = connect({ host: host!, port: Number(port) })
      socket.on('connect', () => resolve(undefined)).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      socket.on('connect', () => socket.destroy())
    })
  await expect.poll(attempt, { timeout: 15_000 }).toBe('ECONNREFUSED')
}

test('SIGTERM while workers start: who is connected by then gets an answer', async () => {
  const probe = await openListeningSocket('web', { host: '127.0.0.1', port: 0 })
  const port = Number(probe.address.split(':')[1])
  await probe.close()
  const early = Promise.withResolvers<string>()
  const listeners = [listener('web', { address: { host: '127.0.0.1', port } })]
  await using program = await startProgram(model(upstream.url, { workers: 2, listeners }), async (child) => {
    const socket = await connected(port)
    child.kill('SIGTERM')
    socket.write(request)
    early.resolve((await buffer(socket)).toString())
  })
  expect(await early.promise).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(await program.exited).toBe(0)
})

/** Resolves with a connection as soon as the port is open. */
async function connected(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port })
    const open = await once(socket, 'connect').catch(() => undefined)
    if (open !== undefined) return socket
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function overTls(workers: number): GatewayModel {
  const { certificatePath, keyPath } = makeCertificates(folder).server
  const certificates: CertificateSpec[] = [
    { certificate: { from: 'file', path: certificatePath }, key: { from: 'file', path: keyPath } },
  ]
  return model(upstream.url, {
    workers,
    listeners: [listener('web', { tls: { certificates, clientCertificates: undefined } })],
  })
}

test.each([1, 2])('SIGTERM waits for a TLS handshake, and for the request behind it: %d worker(s)', async (workers) => {
  await using program = await startProgram(overTls(workers))
  const [host, port] = program.web.split(':')
  const socket = connect({ host: host!, port: Number(port) })
  await once(socket, 'connect')
  program.process.kill('SIGTERM')
  await isRefused(program.web)
  const client = connectTls({ socket, rejectUnauthorized: false })
  await once(client, 'secureConnect')
  client.write(request)
  expect((await buffer(client)).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*GET \/$/is)
  expect(await program.exited).toBe(0)
  expect(program.log()).not.toContain('grace period')
})

test('SIGTERM does not wait for a client that left in the middle of its TLS handshake', async () => {
  await using program = await startProgram(overTls(1))
  const [host, port] = program.web.split(':')
  const socket = connect({ host: host!, port: Number(port) })
  await once(socket, 'connect')
  // the first bytes of a ClientHello
  socket.end(Buffer.from([22, 3, 1, 2, 0, 1]))
  program.process.kill('SIGTERM')
  expect(await program.exited).toBe(0)
  expect(program.log()).not.toContain('grace period')
})

test('all lines of the access log are written at SIGTERM, with requests in flight in every worker', async () => {
  const count = 24
  const accessLog = { enabled: true, sessionField: 'session.id' }
  await using program = await startProgram(model(upstream.url, { workers: 4, accessLog }))
  const answers = Array.from({ length: count }, async (_, i) => {
    const sent = get(`http://${program.web}/wait/${i}`, { agent: false })
    const [response] = await once(sent, 'response')
    return (await buffer(response)).toString()
  })
  const releases: (() => void)[] = []
  while (releases.length < count) releases.push(await upstream.waiting())
  const written = once(program.process, 'close')
  program.process.kill('SIGTERM')
  await isRefused(program.web)
  for (const release of releases) release()
  expect(await Promise.all(answers)).toEqual(answers.map((_, i) => `GET /wait/${i}`))
  expect(await written).toEqual([0, null])
  const lines = program
    .log()
    .split('\n')
    .filter((line) => line.includes('coatcheck.access'))
  const paths = lines.map((line) => JSON.parse(line).url.path)
  expect(paths.sort()).toEqual(answers.map((_, i) => `/wait/${i}`).sort())
})
