/** Clients of HTTP/2 that leave at any moment, against the real program: nothing of them stays. */
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  endOfHeaders,
  endOfStream,
  frame,
  frameType,
  headerBlock,
} from '../../../../gateway/src/node/fixtures/http2-frames.ts'
import { makeCertificates } from '../../../../gateway/src/testing/certificates.ts'
import { type Recorder, startRecorder } from '../../../../gateway/src/testing/recorder.ts'
import { listener, model } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'

const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`
let folder: string
let upstream: Recorder
let program: RunningProgram

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-leaving-'))
  // `/silent` is never answered, the answer to `/endless` never ends
  upstream = await startRecorder({
    respond({ target }) {
      if (target === '/silent') return undefined
      const more = target === '/endless' ? chunk.repeat(200) : '0\r\n\r\n'
      return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${more}`
    },
  })
  const { certificatePath, keyPath } = makeCertificates(folder).server
  const certificate = { from: 'file', path: certificatePath } as const
  const tls = {
    certificates: [{ certificate, key: { from: 'file', path: keyPath } as const }],
    clientCertificates: undefined,
  }
  const internal = { address: { host: '127.0.0.1', port: 0 } }
  program = await startProgram(model(upstream.url, { internal, listeners: [listener('web', { tls, http2: true })] }))
})

afterAll(async () => {
  await program?.[Symbol.asyncDispose]()
  await upstream?.close()
  rmSync(folder, { recursive: true })
})

const sockets = () =>
  readdirSync(`/proc/${program.process.pid}/fd`, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink())
    .length

/** Of the listener, by the rest of its labels. */
async function gauge(name: string, labels?: string): Promise<string | undefined> {
  const metrics = await (await fetch(`http://${program.started.internal}/metrics`)).text()
  const all = ['listener="web"', labels].filter(Boolean).join()
  return new RegExp(`^coatcheck_${name}\\{${all}\\} (\\d+)$`, 'm').exec(metrics)?.[1]
}

function dial(): Socket {
  const socket = connect({ port: Number(program.web.split(':')[1]), host: '127.0.0.1' })
  return socket.on('error', () => {})
}

const ways = ['end', 'destroy', 'resetAndDestroy'] as const

/** Shakes hands but for the last flight, which it resolves with: the gateway waits for it, the client does not. */
function lastFlight(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    let flights = 0
    const wire = new Duplex({
      read() {},
      write(flight, _encoding, done) {
        if (++flights === 1) socket.write(flight)
        else resolve(flight)
        done()
      },
    })
    socket.on('data', (bytes) => wire.push(bytes))
    const options = { ALPNProtocols: ['h2'], rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const
    connectTls({ ...options, socket: wire as Socket }).on('error', () => {})
  })
}

test.skipIf(process.platform !== 'linux').each(ways)(
  'clients that leave with the last bytes of their handshake leave no descriptor open: %s',
  async (leave) => {
    const before = sockets()
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const socket = dial()
        const closed = once(socket, 'close')
        socket.write(await lastFlight(socket), () => socket[leave]())
        await closed
      }),
    )
    await expect.poll(sockets, { timeout: 5_000 }).toBeLessThanOrEqual(before)
    await expect.poll(() => gauge('connections_open', 'protocol="h2"'), { timeout: 5_000 }).toBe('0')
  },
)

/** Passes on what a client and the gateway send, up to so many bytes; then the connection to the gateway ends. */
async function startCutter(
  bytes: number,
  leave: (typeof ways)[number],
): Promise<{ port: number; cut: Promise<unknown> }> {
  const cut = Promise.withResolvers<unknown>()
  const cutter = createServer((client) => {
    const gateway = dial()
      .on('close', () => client.destroy())
      .on('close', cut.resolve)
    let left = bytes
    const passTo = (to: Socket) => (chunk: Buffer) => {
      if (left <= 0) return
      to.write(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) gateway[leave]()
    }
    gateway.on('data', passTo(client))
    client.on('error', () => {}).on('data', passTo(gateway))
    cutter.close()
  })
  cutter.listen(0, '127.0.0.1')
  await once(cutter, 'listening')
  return { port: (cutter.address() as AddressInfo).port, cut: cut.promise }
}

/** Sends requests of all kinds over a connection that is cut. */
async function leaveAfter(bytes: number, leave: (typeof ways)[number]): Promise<void> {
  const { port, cut } = await startCutter(bytes, leave)
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false }).on('error', () => {})
  for (const path of ['/silent', '/endless', '/whole', '/upload']) {
    const stream = session.request({ ':path': path, ':method': path === '/upload' ? 'POST' : 'GET' })
    stream.on('error', () => {}).resume()
    if (path === '/upload') stream.write('x'.repeat(4_000))
  }
  await cut
  session.destroy()
}

test('wherever connections are cut, no request of theirs stays in flight, and no request of the upstream', async () => {
  // from the middle of the handshake to that of the answers
  const cuts = Array.from({ length: 120 }, (_, i) => Math.round(300 + 40 * i ** 1.5))
  for (let i = 0; i < cuts.length; i += 12) {
    await Promise.all(cuts.slice(i, i + 12).map((bytes, j) => leaveAfter(bytes, ways[(i + j) % 3]!)))
  }
  await expect.poll(() => gauge('http_requests_in_flight'), { timeout: 5_000 }).toBe('0')
  const asked = upstream.requests.filter(({ target }) => target === '/silent').length
  expect(asked).toBeGreaterThan(10)
  const open = () =>
    upstream.connections.filter(({ socket, requests }) => !socket.destroyed && requests.at(-1)?.target === '/silent')
  await expect.poll(open, { timeout: 5_000 }).toEqual([])
})

const empty = Buffer.alloc(0)
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(frameType.settings, 0, 0, empty)])
const head = headerBlock([
  [':method', 'GET'],
  [':path', '/silent'],
  [':scheme', 'https'],
  [':authority', 'a'],
])
const times = (count: number, bytes: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => bytes(i)))
const floods: readonly [what: string, bytes: Buffer][] = [
  ['PING', times(10_000, () => frame(frameType.ping, 0, 0, Buffer.alloc(8)))],
  ['SETTINGS', times(2_000, () => frame(frameType.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])))],
  [
    'resets',
    times(1_500, (i) =>
      Buffer.concat([
        frame(frameType.headers, endOfStream | endOfHeaders, 2 * i + 1, head),
        frame(frameType.reset, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
      ]),
    ),
  ],
]

/** Sends all of it, reads nothing, and leaves. */
async function flood(bytes: Buffer, leave: 'end' | 'resetAndDestroy'): Promise<void> {
  const socket = dial()
  const closed = once(socket, 'close')
  const options = { ALPNProtocols: ['h2'], rejectUnauthorized: false } as const
  const secure = connectTls({ ...options, socket }).on('error', () => {})
  await once(secure, 'secureConnect')
  socket.pause()
  secure.write(preface)
  secure.write(bytes, () => (leave === 'end' ? socket.destroySoon() : socket[leave]()))
  await closed
}

test.skipIf(process.platform !== 'linux').each(floods)(
  'clients that send a flood of %s, read nothing and leave keep no descriptor open',
  async (_, bytes) => {
    const before = sockets()
    for (let i = 0; i < 6; i++) await flood(bytes, i % 2 === 0 ? 'end' : 'resetAndDestroy')
    await expect.poll(() => gauge('connections_open', 'protocol="h2"'), { timeout: 10_000 }).toBe('0')
    await expect.poll(sockets, { timeout: 5_000 }).toBeLessThanOrEqual(before)
    expect(await gauge('http_requests_in_flight')).toBe('0')
  },
)
