/** What is under way on a connection that ends has one line each, and it says who ended it. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, constants } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Exchange } from '../exchange.ts'
import type { BodySink, BodySource, Reply } from '../reply.ts'
import { makeCertificates, type TestCertificates } from '../testing/certificates.ts'
import { openClient } from './fixtures/client.ts'
import { endOfStream, frame, frameClient, frameType, postHead } from './fixtures/http2-frames.ts'
import { reply, startListener, type TestListener, type TestListenerOptions } from './fixtures/listener.ts'
import type { ServedExchange } from './served-exchange.ts'

let certificates: TestCertificates
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-cutting-'))
  certificates = makeCertificates(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

const protocols = ['HTTP/1.1', 'HTTP/2'] as const
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

type Options = Omit<TestListenerOptions, 'tls'>

function listen(protocol: (typeof protocols)[number], options: Options): Promise<TestListener> {
  const { certificate: cert, key } = certificates.server
  return startListener(protocol === 'HTTP/2' ? { ...options, tls: { cert, key } } : options)
}

/** Sends one request and reads nothing of its answer. */
function ask(protocol: (typeof protocols)[number], { port }: TestListener): Disposable {
  if (protocol === 'HTTP/1.1') {
    const client = openClient(port)
    client.send(get)
    client.socket.pause()
    return client
  }
  const session = connect(`https://localhost:${port}`, { ca: certificates.ca.certificate, family: 4 } as never)
  session.on('error', () => {})
  session
    .request()
    .on('error', () => {})
    .pause()
  return { [Symbol.dispose]: () => session.destroy() }
}

async function told(listener: TestListener) {
  await listener.finishedCount(1)
  expect(listener.finished).toHaveLength(1)
  const [{ status, aborted, exchange }] = listener.finished as [TestListener['finished'][0]]
  return { status, aborted, reason: exchange.reason }
}

/** Waits for its client to leave, and says so, as a forward does. */
function untilGone(asked: () => void): (exchange: Exchange) => Promise<Reply> {
  return (exchange) =>
    new Promise((resolve) => {
      exchange.connection.onGone = () => {
        exchange.reason = 'client-gone'
        resolve(reply(499))
      }
      asked()
    })
}

function body(pipe: (sink: BodySink) => void, cancel = () => {}): BodySource {
  return { kind: 'stream', pipe, cancel }
}

describe.each(protocols)('over %s', (protocol) => {
  test('a request that is not answered when the gateway stops was cut by it', async () => {
    const asked = Promise.withResolvers<void>()
    await using listener = await listen(protocol, { handle: untilGone(asked.resolve) })
    using _ = ask(protocol, listener)
    await asked.promise
    listener.handler.destroy()
    expect(await told(listener)).toEqual({ status: 0, aborted: true, reason: 'shutting-down' })
  })

  test('an answer that is not whole when the gateway stops was cut by it', async () => {
    const begun = Promise.withResolvers<void>()
    const cancelled = Promise.withResolvers<void>()
    await using listener = await listen(protocol, {
      handle: () =>
        reply(
          200,
          [],
          body((sink) => begun.resolve(void sink.write(Buffer.from('part'))), cancelled.resolve),
        ),
    })
    using _ = ask(protocol, listener)
    await begun.promise
    listener.handler.destroy()
    await cancelled.promise
    expect(await told(listener)).toEqual({ status: 200, aborted: true, reason: 'shutting-down' })
  })

  test('a client that stops reading is ended by the gateway, and not said to have left', async () => {
    const cancelled = Promise.withResolvers<void>()
    const flood = body((sink) => {
      for (let i = 0; i < 400; i++) sink.write(Buffer.alloc(65_536))
    }, cancelled.resolve)
    await using listener = await listen(protocol, { timeouts: { idle: 100 }, handle: () => reply(200, [], flood) })
    using _ = ask(protocol, listener)
    await cancelled.promise
    expect(await told(listener)).toEqual({ status: 200, aborted: true, reason: 'client-timeout' })
  })
})

test('a WebSocket that is open when the gateway stops was cut by it', async () => {
  const tunnel = new PassThrough()
  const upgraded = { kind: 'upgraded', socket: tunnel as never, head: Buffer.alloc(0) } as const
  await using listener = await listen('HTTP/1.1', { handle: () => reply(101, [], upgraded) })
  using client = openClient(listener.port)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await client.until('101')
  listener.handler.destroy()
  expect(await told(listener)).toEqual({ status: 101, aborted: true, reason: 'shutting-down' })
})

test('a request for a WebSocket has as long for its answer as its upstream', async () => {
  await using listener = await listen('HTTP/1.1', {
    timeouts: { idle: 20 },
    async handle({ connection }) {
      const { socket } = (connection as unknown as ServedExchange).client
      await once(socket, 'timeout')
      return reply(504, ['Content-Length', '0'])
    },
  })
  using client = openClient(listener.port)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  expect(await client.ended).toMatch(/^HTTP\/1\.1 504 /)
  expect(await told(listener)).toMatchObject({ status: 504, aborted: false })
})

/** GOAWAY: stream 1 was looked at, and the client broke the protocol. */
const blamed = `\0\0\0\x01\0\0\0${String.fromCharCode(constants.NGHTTP2_PROTOCOL_ERROR)}`

test.each([
  ['of nothing', 0],
  ['shorter than the data', 3],
])(
  'a length %s over HTTP/2: one line without a status, and the client is told whose fault it was',
  async (_, length) => {
    const handled: number[] = []
    await using listener = await listen('HTTP/2', {
      async handle({ request }) {
        const { body } = request
        body!.on('data', (chunk) => handled.push(chunk.length)).on('error', () => {})
        await new Promise((resolve) => body!.once('close', resolve))
        return reply(204)
      },
    })
    using client = frameClient(listener.port)
    client.send(postHead(length).toString('latin1'))
    client.send(frame(frameType.data, endOfStream, 1, Buffer.from('hello')).toString('latin1'))
    expect(await client.ended).toContain(blamed)
    expect(await told(listener)).toEqual({ status: 0, aborted: true, reason: 'bad-request' })
    expect(handled).toEqual([])
    expect(listener.users.inFlight).toBe(0)
  },
)

test('a length longer than the data over HTTP/2: the stream is reset, and its line has no status', async () => {
  await using listener = await listen('HTTP/2', { handle: untilGone(() => {}) })
  using client = frameClient(listener.port)
  client.send(postHead(9).toString('latin1'))
  client.send(frame(frameType.data, endOfStream, 1, Buffer.from('hello')).toString('latin1'))
  await client.until('\x03\0\0\0\0\x01')
  expect(await told(listener)).toEqual({ status: 0, aborted: true, reason: 'bad-framing' })
})

test('frames that are none end all requests of their connection, and none is said to have left', async () => {
  const asked = Promise.withResolvers<void>()
  await using listener = await listen('HTTP/2', { handle: untilGone(asked.resolve) })
  using client = frameClient(listener.port)
  client.send(postHead(undefined).toString('latin1'))
  await asked.promise
  client.send(frame(frameType.data, 0, 0, Buffer.from('on no stream')).toString('latin1'))
  await client.ended
  expect(await told(listener)).toEqual({ status: 0, aborted: true, reason: 'bad-request' })
})
