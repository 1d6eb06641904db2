/** What a change of a listener's settings does to the connections that are open. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../fixtures/free-port.ts'
import { listener, model } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const web = (changes: Parameters<typeof listener>[1] = {}) =>
  model(upstream.url, {
    listeners: [listener('web', changes)],
    internal: { address: { host: '127.0.0.1', port: 0 } },
  })

/** A connection over which one request was answered, and, where given, something was sent since. */
async function open(program: RunningProgram, sent = ''): Promise<Socket> {
  const socket = connect(Number(program.web.split(':')[1]), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  socket.write(sent)
  return socket
}

/** One connection that has begun its first request, and one that has begun its second. */
async function openBegun(program: RunningProgram): Promise<Socket[]> {
  const fresh = connect(Number(program.web.split(':')[1]), '127.0.0.1')
  fresh.write('GET / HTTP/1.1\r\nHo')
  return [fresh, await open(program, 'GET / HTTP/1.1\r\nHo')]
}

async function change(program: RunningProgram, to: Parameters<typeof listener>[1]): Promise<void> {
  const { loadedAt } = (await program.status()).configuration
  program.change(web(to))
  await expect.poll(async () => (await program.status()).configuration.loadedAt).toBeGreaterThan(loadedAt)
}

const lastAnswer = /^HTTP\/1.1 200 OK\r\n(?:.+\r\n)*Connection: close\r\n/

test('other limits: each open connection ends with its next answer, when that is complete', async () => {
  await using program = await startProgram(web())
  const begun = await openBegun(program)
  const silent = await open(program)
  await change(program, { limits: { headerBytes: 16_384, headerCount: 90, targetBytes: 8_192 } })
  const answers = Promise.all([...begun, silent].map((socket) => text(socket)))
  for (const socket of begun) socket.write('st: a\r\n\r\n')
  silent.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  for (const answer of await answers) expect(answer).toMatch(lastAnswer)
})

test('other trusted proxies: silent connections end, a request that has begun is answered', async () => {
  await using program = await startProgram(web())
  const begun = await openBegun(program)
  const silent = await open(program)
  await change(program, { trustedProxies: ['10.0.0.0/8'] })
  expect(await text(silent)).toBe('')
  const answers = Promise.all(begun.map((socket) => text(socket)))
  for (const socket of begun) socket.write('st: a\r\n\r\n')
  for (const answer of await answers) expect(answer).toMatch(lastAnswer)
})

test('a connection of an earlier listener is served by the gateway that runs, however many changes later', async () => {
  await using program = await startProgram(web())
  const silent = await open(program)
  await change(program, { limits: { headerBytes: 16_384, headerCount: 90, targetBytes: 8_192 } })
  const { loadedAt } = (await program.status()).configuration
  program.change({ ...web({ limits: { headerBytes: 16_384, headerCount: 80, targetBytes: 8_192 } }), routes: [] })
  await expect.poll(async () => (await program.status()).configuration.loadedAt).toBeGreaterThan(loadedAt)
  silent.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(await text(silent)).toMatch(/^HTTP\/1.1 404 /)
})

test('all addresses of a port cannot be opened in place of one of them, and it is said why', async () => {
  const port = await freePort()
  await using program = await startProgram(web({ address: { host: '127.0.0.1', port } }))
  program.change(web({ address: { host: undefined, port } }))
  const own = expect.stringContaining('this gateway has open for listener "web"')
  await expect
    .poll(async () => (await program.status()).configuration.problems)
    .toContainEqual(expect.objectContaining({ code: 'address-in-use', message: own }))
})
