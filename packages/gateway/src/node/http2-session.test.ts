import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { connect as connectTls, type TlsOptions } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Exchange } from '../exchange.ts'
import type { BodySink, BodySource, Reply } from '../reply.ts'
import { makeCertificates, type TestCertificates } from '../testing/certificates.ts'
import { rawClient } from './fixtures/client.ts'
import {
  endOfHeaders,
  endOfStream,
  frame,
  frameClient,
  frameType,
  headerBlock,
  postHead,
} from './fixtures/http2-frames.ts'
import { manualTimers, reply, startListener, type TestListener, type TestListenerOptions } from './fixtures/listener.ts'

let certificates: TestCertificates
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-h2-'))
  certificates = makeCertificates(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

function tls(): TlsOptions {
  return { cert: certificates.server.certificate, key: certificates.server.key }
}

interface Served extends AsyncDisposable {
  readonly listener: TestListener
  readonly session: ClientHttp2Session
}

async function serve(options: Omit<TestListenerOptions, 'tls'>): Promise<Served> {
  const listener = await startListener({ ...options, tls: tls() })
  const session = connect(`https://localhost:${listener.port}`, { ca: certificates.ca.certificate, family: 4 } as never)
  session.on('error', () => {})
  await once(session, 'connect')
  return {
    listener,
    session,
    async [Symbol.asyncDispose]() {
      session.destroy()
      await listener[Symbol.asyncDispose]()
    },
  }
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly raw: string[]
  readonly body: string
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const [headers, , raw] = (await once(stream, 'response')) as [IncomingHttpHeaders, number, string[]]
  return { headers, raw, body: (await buffer(stream)).toString() }
}

function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders | string[] = {},
  body?: string,
): Promise<Answer> {
  const stream = session.request(headers as OutgoingHttpHeaders, { endStream: body === undefined } as never)
  if (body !== undefined) stream.end(body)
  return answerOf(stream)
}

async function resetCode(stream: ClientHttp2Stream): Promise<number> {
  stream.on('error', () => {})
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve))
  return stream.rstCode
}

test('a request goes there and back: names in lower case, values, order and doubles as they came', async () => {
  const seen: Exchange['request'][] = []
  await using served = await serve({
    async handle({ request }) {
      seen.push(request)
      const headers = [
        'X-B',
        '1',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
        'Connection',
        'x',
        'Content-Length',
        '5',
        'Age',
        '1',
        'Age',
        '2',
      ]
      return reply(207, headers, await buffer(request.body!))
    },
  })
  const answer = await ask(
    served.session,
    { ':method': 'POST', ':path': '/a/%41?x=1', 'content-length': '5', 'x-a': 'b' },
    'hello',
  )
  expect(answer.body).toBe('hello')
  expect(answer.raw).toEqual([
    ':status',
    '207',
    'x-b',
    '1',
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'content-length',
    '5',
    'age',
    '1',
    'age',
    '2',
  ])
  expect(seen[0]).toMatchObject({
    httpVersion: '2.0',
    method: 'POST',
    target: '/a/%41?x=1',
    authority: `localhost:${served.listener.port}`,
    scheme: 'https',
    contentLength: 5,
    headers: ['content-length', '5', 'x-a', 'b'],
  })
  await served.listener.finishedCount(1)
  expect(served.listener.finished[0]).toMatchObject({ status: 207, aborted: false })
  expect(served.listener.connections.h2).toBe(1)
})

test('cookie crumbs are one header again', async () => {
  await using served = await serve({
    handle: ({ request }) => reply(200, [], Buffer.from(JSON.stringify(request.headers))),
  })
  const { body } = await ask(served.session, { ':path': '/', cookie: ['a=1', 'b=2', 'c=3'], 'x-last': 'yes' })
  expect(JSON.parse(body)).toEqual(['cookie', 'a=1; b=2; c=3', 'x-last', 'yes'])
})

test('HEAD, 204 and 304 have no body', async () => {
  await using served = await serve({
    handle: ({ request: { target } }) => reply(Number(target.slice(1)), ['Content-Length', '42']),
  })
  const head = await ask(served.session, { ':method': 'HEAD', ':path': '/200' })
  expect([head.headers['content-length'], head.body]).toEqual(['42', ''])
  expect((await ask(served.session, { ':path': '/204' })).body).toBe('')
  expect((await ask(served.session, { ':path': '/304' })).headers['content-length']).toBe('42')
  await served.listener.finishedCount(3)
  expect(served.listener.finished.every(({ aborted }) => !aborted)).toBe(true)
})

test('trailers go both ways', async () => {
  await using served = await serve({
    async handle({ request }) {
      await buffer(request.body!)
      const { rawTrailers } = request.body as unknown as { rawTrailers: string[] }
      return reply(200, [], {
        kind: 'stream',
        pipe(sink) {
          sink.write(Buffer.from('x'))
          sink.end(['X-Sum', rawTrailers[1]!])
        },
        cancel() {},
      })
    },
  })
  const stream = served.session.request({ ':method': 'POST' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
  const trailers = once(stream, 'trailers')
  stream.end('hello')
  expect((await answerOf(stream)).body).toBe('x')
  expect((await trailers)[0]['x-sum']).toBe('7')
})

test('more trailers than headers may be are refused, and let go of the upstream', async () => {
  const gone = Promise.withResolvers<void>()
  await using served = await serve({
    handle({ connection, request: { body } }) {
      connection.onGone = gone.resolve
      body!.resume()
      return new Promise(() => {})
    },
  })
  const stream = served.session.request({ ':method': 'POST' }, { waitForTrailers: true })
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1']))
  stream.on('wantTrailers', () => stream.sendTrailers(many))
  stream.end('hello')
  const answer = await answerOf(stream)
  expect([answer.headers[':status'], JSON.parse(answer.body).code]).toEqual([431, 'too-many-headers'])
  await gone.promise
})

test.each([
  ['empty, as it says', '', '200'],
  ['empty, and waits for the word to go on', undefined, '200'],
])('a request of length 0 whose end comes later, %s, is served', async (_what, body, answer) => {
  await using served = await serve({ handle: ({ request }) => reply(200, [], Buffer.from(String(request.body))) })
  const stream = served.session.request(
    { ':method': 'POST', 'content-length': '0', ...(body === undefined ? { expect: '100-continue' } : {}) },
    { endStream: false },
  )
  if (body === undefined) stream.on('continue', () => stream.end())
  else stream.end()
  const { headers, body: got } = await answerOf(stream)
  expect([String(headers[':status']), got]).toEqual([answer, 'undefined'])
})

test('a request of length 0 that is reset before its end is told, and counted no more', async () => {
  let handled = 0
  await using served = await serve({
    handle: () => {
      handled++
      return reply(204)
    },
  })
  const stream = served.session.request({ ':method': 'POST', 'content-length': '0' }, { endStream: false })
  stream.on('error', () => {})
  await expect.poll(() => served.listener.users.inFlight).toBe(1)
  // `close` would end it first
  stream.destroy(new Error('Left'))
  await expect.poll(() => served.listener.users.inFlight).toBe(0)
  expect(handled).toBe(0)
  expect(served.listener.finished).toMatchObject([{ status: 0, aborted: true, exchange: { reason: 'client-gone' } }])
})

test('a stream without trailers ends by itself', async () => {
  await using served = await serve({
    handle: () =>
      reply(200, [], {
        kind: 'stream',
        pipe(sink) {
          sink.write(Buffer.from('x'))
          sink.end(undefined)
        },
        cancel() {},
      }),
  })
  const stream = served.session.request()
  expect((await answerOf(stream)).body).toBe('x')
  expect(await resetCode(stream)).toBe(constants.NGHTTP2_NO_ERROR)
  await served.listener.finishedCount(1)
  expect(served.listener.finished[0]).toMatchObject({ aborted: false })
})

test('1xx answers go through, 100 Continue when the body is wanted', async () => {
  await using served = await serve({
    async handle({ request, connection }) {
      connection.inform(103, 'Early Hints', ['Link', '</a>; rel=preload'])
      connection.bodyWanted()
      return reply(200, [], await buffer(request.body!))
    },
  })
  const stream = served.session.request({ ':method': 'POST', expect: '100-continue' })
  const informed: unknown[] = []
  stream.on('headers', (headers) => informed.push(headers[':status'], headers.link))
  stream.on('continue', () => stream.end('hello'))
  expect((await answerOf(stream)).body).toBe('hello')
  expect(informed).toEqual([103, '</a>; rel=preload', 100, undefined])
})

test.each([
  ['another expectation', { expect: 'magic' }, 417, 'bad-request'],
  ['a Host that differs from :authority', { ':authority': 'a', host: 'b' }, 400, 'bad-host'],
  ['a fragment', { ':path': '/#' }, 400, 'bad-target'],
  [
    'too many headers',
    Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1'])),
    431,
    'too-many-headers',
  ],
  ['a target that is too long', { ':path': `/${'x'.repeat(9_000)}` }, 414, 'target-too-long'],
])('%s is refused, and the connection goes on', async (_what, headers, status, code) => {
  await using served = await serve({ handle: () => reply(204) })
  const answer = await ask(served.session, headers as OutgoingHttpHeaders)
  expect([answer.headers[':status'], JSON.parse(answer.body).code]).toEqual([status, code])
  await served.listener.finishedCount(1)
  expect(served.listener.finished).toMatchObject([{ status, exchange: { reason: code } }])
  expect((await ask(served.session)).headers[':status']).toBe(204)
})

test('an upgrade and a status that HTTP/2 does not have are answered with an error', async () => {
  await using served = await serve({ handle: () => reply(799) })
  expect((await ask(served.session)).headers[':status']).toBe(500)
})

test.each([
  ['of known length', ['Content-Length', '100']],
  ['of unknown length', []],
])('a body %s that is cut short resets its stream alone', async (_what, headers) => {
  await using served = await serve({
    handle: ({ request: { target } }) =>
      target === '/good'
        ? reply(204)
        : reply(200, headers, {
            kind: 'stream',
            pipe(sink) {
              sink.write(Buffer.from('part'))
              setImmediate(() => sink.fail(new Error('reset')))
            },
            cancel() {},
          }),
  })
  const stream = served.session.request()
  expect(await resetCode(stream)).toBe(constants.NGHTTP2_INTERNAL_ERROR)
  expect((await ask(served.session, { ':path': '/good' })).headers[':status']).toBe(204)
  await served.listener.finishedCount(2)
  expect(served.listener.finished.map(({ aborted }) => aborted)).toContain(true)
})

test('the head of an answer that breaks off as soon as it begins arrives before the reset', async () => {
  const broken: BodySource = { kind: 'stream', pipe: (sink) => sink.fail(new Error('reset')), cancel() {} }
  await using served = await serve({ handle: () => reply(200, [], broken) })
  const stream = served.session.request()
  stream.on('error', () => {})
  const [headers] = await once(stream, 'response')
  expect(headers[':status']).toBe(200)
  expect(await resetCode(stream)).toBe(constants.NGHTTP2_INTERNAL_ERROR)
})

test('an answer before the upload is in ends the stream, not the connection', async () => {
  const gone = Promise.withResolvers<void>()
  await using served = await serve({
    handle(exchange) {
      exchange.connection.onGone = gone.resolve
      return exchange.request.body === undefined ? reply(204) : reply(413, ['Content-Length', '0'])
    },
  })
  const stream = served.session.request({ ':method': 'POST' })
  stream.write('x'.repeat(1000))
  expect((await answerOf(stream)).headers[':status']).toBe(413)
  await gone.promise
  await resetCode(stream)
  expect((await ask(served.session)).headers[':status']).toBe(204)
})

test('a client that resets its stream ends the upstream request', async () => {
  const gone = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  await using served = await serve({
    handle({ connection }) {
      asked.resolve()
      return new Promise((resolve) => {
        connection.onGone = () => {
          gone.resolve()
          resolve(reply(502))
        }
      })
    },
  })
  const stream = served.session.request()
  stream.on('error', () => {})
  await asked.promise
  stream.close(constants.NGHTTP2_CANCEL)
  await gone.promise
  await served.listener.finishedCount(1)
  expect(served.listener.finished[0]).toMatchObject({ status: 0, aborted: true })
})

test.each([
  ['with an alert', 0],
  ['without one', 0],
  ['with an alert in the middle of its answer', 200],
  ['without one in the middle of its answer', 200],
])('a client that closes its connection, %s, ends it and the upstream request at once', async (how, status) => {
  const gone = Promise.withResolvers<void>()
  await using listener = await startListener({
    tls: tls(),
    handle({ connection }) {
      connection.onGone = gone.resolve
      const body: BodySource = { kind: 'stream', pipe: (sink) => sink.write(Buffer.from('part')), cancel: gone.resolve }
      return status === 0 ? new Promise(() => {}) : reply(status, [], body)
    },
  })
  const raw = connectTcp({ port: listener.port, host: '127.0.0.1' })
  const socket = connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  const session = connect('https://localhost', { createConnection: () => socket })
  session.on('error', () => {})
  const stream = session.request().on('error', () => {})
  if (status === 0) await expect.poll(() => listener.users.inFlight).toBe(1)
  else await once(stream, 'data')
  if (how.startsWith('with an')) socket.end()
  else raw.end()
  await gone.promise
  await listener.handler.closed()
  expect(listener.connections.h2).toBe(0)
  if (status !== 0) expect(listener.finished).toMatchObject([{ status, aborted: true }])
  session.destroy()
})

test('headers that HTTP/2 has no place for are left out of early answers, answers and trailers', async () => {
  const odd = ['TE', 'gzip', 'HTTP2-Settings', 'x', 'Upgrade', 'h2c', 'X-Fine', '1']
  await using served = await serve({
    handle({ connection }) {
      connection.inform(103, '', odd)
      return reply(200, odd, {
        kind: 'stream',
        pipe(sink) {
          sink.write(Buffer.from('x'))
          sink.end(odd)
        },
        cancel() {},
      })
    },
  })
  const stream = served.session.request()
  const names: string[][] = []
  for (const event of ['headers', 'response', 'trailers'])
    stream.on(event, (headers) => names.push(Object.keys(headers)))
  expect((await answerOf(stream)).body).toBe('x')
  expect(names).toEqual([[':status', 'x-fine'], [':status', 'x-fine'], ['x-fine']])
})

test('a slow reader holds its source up, and gets every byte', async () => {
  const chunk = Buffer.alloc(65_536, 'x')
  const total = 200
  let written = 0
  await using served = await serve({
    handle: () =>
      reply(200, [], {
        kind: 'stream',
        pipe(sink) {
          const pump = () => {
            while (written < total) {
              written++
              if (!sink.write(chunk)) return
            }
            sink.end(undefined)
          }
          sink.drained = pump
          pump()
        },
        cancel() {},
      }),
  })
  const stream = served.session.request()
  await once(stream, 'response')
  expect(written).toBeLessThan(total)
  expect((await buffer(stream)).length).toBe(total * chunk.length)
})

test('exchanges in flight are capped per connection, those of reset streams included', async () => {
  const answer = Promise.withResolvers<Reply>()
  let handled = 0
  await using served = await serve({
    handle() {
      handled++
      return answer.promise
    },
  })
  const { session, listener } = served
  const open = () => session.request().on('error', () => {})
  const streams = Array.from({ length: 100 }, open)
  await expect.poll(() => handled).toBe(100)
  for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL)
  const codes = await Promise.all(Array.from({ length: 20 }, () => resetCode(open())))
  // Node has a cap of its own, which counts streams and not what became of them
  for (const code of codes)
    expect([constants.NGHTTP2_REFUSED_STREAM, constants.NGHTTP2_ENHANCE_YOUR_CALM]).toContain(code)
  expect(handled).toBe(100)
  answer.resolve(reply(204))
  await expect.poll(() => listener.users.inFlight).toBe(0)
  expect((await ask(session)).headers[':status']).toBe(204)
})

const get = headerBlock([
  [':method', 'GET'],
  [':path', '/'],
  [':scheme', 'https'],
  [':authority', 'a'],
])

/** Streams that are opened and reset in one breath. */
function resets(first: number, count: number): Buffer {
  const one = (_: unknown, i: number) => {
    const stream = 2 * (first + i) + 1
    const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL])
    return [
      frame(frameType.headers, endOfStream | endOfHeaders, stream, get),
      frame(frameType.reset, 0, stream, cancel),
    ]
  }
  return Buffer.concat(Array.from({ length: count }, one).flat())
}

const goAwayCalm = '\0\0\0\x0b'

test('of streams that are reset in the breath that opens them the gateway hears nothing but their end', async () => {
  let handled = 0
  await using listener = await startListener({
    tls: tls(),
    handle() {
      handled++
      return reply(204)
    },
  })
  using client = frameClient(listener.port)
  client.socket.write(resets(0, 90))
  await listener.finishedCount(90)
  // one whose reset came in the next record
  expect(handled).toBeLessThanOrEqual(1)
  expect(listener.finished.filter(({ status, aborted }) => status === 0 && aborted)).toHaveLength(90)
  expect(listener.users.inFlight).toBe(0)
})

test('a burst of resets ends its connection', async () => {
  await using listener = await startListener({ tls: tls(), handle: () => reply(204) })
  using client = frameClient(listener.port)
  client.socket.write(resets(0, 3_000))
  await client.ended
  await listener.handler.closed()
  expect(listener.finished.length).toBeLessThanOrEqual(200)
})

test('a client that resets stream after stream, never many at once, is told to calm down', async () => {
  await using listener = await startListener({ tls: tls(), handle: () => reply(204) })
  using client = frameClient(listener.port)
  let over = false
  void client.ended.then(() => {
    over = true
  })
  for (let i = 0; !over; i++) {
    client.socket.write(resets(i * 50, 50))
    await Promise.race([listener.finishedCount((i + 1) * 50), client.ended])
  }
  expect(client.text()).toContain(goAwayCalm)
  await listener.handler.closed()
  expect(listener.finished.at(-1)).toMatchObject({ aborted: true })
})

test('a connection that keeps opening streams above its cap is closed', async () => {
  let alive = 0
  let most = 0
  await using served = await serve({
    handle: () => {
      most = Math.max(most, ++alive)
      return new Promise(() => {})
    },
  })
  const { session } = served
  const closed = new Promise((resolve) => session.once('close', resolve))
  let code: number | undefined
  session.on('goaway', (given) => {
    code = given
  })
  for (let i = 0; i < 3_000 && !session.destroyed; i++) {
    try {
      const stream = session.request()
      stream.on('error', () => {})
      stream.close(constants.NGHTTP2_CANCEL)
    } catch {
      break
    }
    if (i % 50 === 0) await new Promise(setImmediate)
  }
  await closed
  expect(most).toBeLessThanOrEqual(100)
  expect(code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
})

test('drain() says GOAWAY, finishes what is under way, and ends the connection', async () => {
  const answer = Promise.withResolvers<Reply>()
  const asked = Promise.withResolvers<void>()
  await using served = await serve({
    handle() {
      asked.resolve()
      return answer.promise
    },
  })
  const { session, listener } = served
  const away = once(session, 'goaway')
  const closed = once(session, 'close')
  const pending = ask(session)
  await asked.promise
  listener.handler.drain()
  await away
  answer.resolve(reply(200, ['Content-Length', '2'], Buffer.from('ok')))
  expect((await pending).body).toBe('ok')
  await listener.handler.quiet()
  await closed
  await listener.handler.closed()
})

test.each([
  ['CANCEL', undefined, 8],
  ['NO_ERROR', undefined, 0],
  ['INTERNAL_ERROR', undefined, 2],
  ['CANCEL, of a body that says its length', 1000, 8],
])('a body whose stream is reset with %s does not end as a whole one', async (_, length, code) => {
  const ends: string[] = []
  const began = Promise.withResolvers<void>()
  await using listener = await startListener({
    tls: tls(),
    async handle({ request: { body } }) {
      const over = Promise.withResolvers<void>()
      body!.on('end', () => ends.push('end')).on('close', () => ends.push('close') && over.resolve())
      body!.on('error', () => {})
      body!.once('data', () => began.resolve())
      await over.promise
      return reply(204)
    },
  })
  using client = frameClient(listener.port)
  client.send(postHead(length).toString('latin1'))
  client.send(frame(0, 0, 1, Buffer.from('half')).toString('latin1'))
  await began.promise
  client.send(frame(3, 0, 1, Buffer.from([0, 0, 0, code])).toString('latin1'))
  await listener.finishedCount(1)
  expect(ends).toEqual(['close'])
  expect(listener.finished[0]).toMatchObject({ aborted: true })
})

test('drain() leaves a silent connection of HTTP/2 open until its client has had time to read GOAWAY', async () => {
  const timers = manualTimers()
  await using listener = await startListener({ tls: tls(), schedule: timers.schedule, handle: () => reply(204) })
  using client = frameClient(listener.port)
  await expect.poll(() => listener.handler.openConnections).toBe(1)
  listener.handler.drain()
  let quiet = false
  const wait = listener.handler.quiet().then(() => {
    quiet = true
  })
  // GOAWAY, and no stream was served
  await client.until('\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0')
  expect(quiet).toBe(false)
  timers.runOut()
  await client.ended
  await wait
})

test('a connection of HTTP/2 that is handed over while draining gets its answer', async () => {
  const timers = manualTimers()
  const listener = await startListener({
    tls: tls(),
    schedule: timers.schedule,
    handle: () => reply(200, ['Content-Length', '2'], Buffer.from('ok')),
  })
  await using _ = listener
  listener.handler.drain()
  const session = connect(`https://localhost:${listener.port}`, { ca: certificates.ca.certificate, family: 4 } as never)
  expect((await ask(session)).body).toBe('ok')
  await once(session, 'close')
  await listener.handler.quiet()
})

test('a stream whose body stops arriving is answered 408', async () => {
  await using served = await serve({
    timeouts: { idle: 100 },
    handle({ request }) {
      request.body!.resume()
      return new Promise(() => {})
    },
  })
  const stream = served.session.request({ ':method': 'POST' })
  stream.write('abc')
  const answer = await answerOf(stream)
  expect(answer.headers[':status']).toBe(408)
})

test('a stream that is not read is reset after the idle time', async () => {
  const sink = Promise.withResolvers<BodySink>()
  const cancelled = Promise.withResolvers<void>()
  await using served = await serve({
    timeouts: { idle: 100 },
    handle: () => reply(200, [], { kind: 'stream', pipe: sink.resolve, cancel: cancelled.resolve }),
  })
  const stream = served.session.request()
  stream.pause()
  const out = await sink.promise
  for (let i = 0; i < 20; i++) out.write(Buffer.alloc(65_536))
  expect(await resetCode(stream)).toBe(constants.NGHTTP2_INTERNAL_ERROR)
  await cancelled.promise
})

test('a connection without streams ends: after the header time when it never asked, else after the keep-alive time', async () => {
  await using served = await serve({ timeouts: { headers: 100, keepAlive: 100 }, handle: () => reply(204) })
  const closed = once(served.session, 'close')
  await ask(served.session)
  await closed
  await using silent = await serve({ timeouts: { headers: 100, keepAlive: 60_000 }, handle: () => reply(204) })
  await once(silent.session, 'close')
})

test('the same listener speaks HTTP/1.1 over TLS', async () => {
  await using listener = await startListener({
    tls: tls(),
    handle: ({ request }) => reply(200, [], Buffer.from(`${request.scheme} ${request.httpVersion}`)),
  })
  using client = rawClient(
    connectTls({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }),
  )
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.until('https 1.1')
  expect(listener.connections).toMatchObject({ https: 1, h2: 0 })
})

test.each([
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['keep-alive', '1'],
  ['upgrade', 'websocket'],
  ['te', 'gzip'],
])('a stream with the header %s: %s, which speaks of a connection, does not reach the gateway', async (name, value) => {
  let handled = 0
  await using listener = await startListener({
    tls: tls(),
    handle: () => {
      handled++
      return reply(204)
    },
  })
  const socket = connectTls({
    port: listener.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  })
  await once(socket, 'secureConnect')
  using client = rawClient(socket)
  socket.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))
  socket.write(frame(4, 0, 0, Buffer.alloc(0)))
  const block = [
    [':method', 'GET'],
    [':path', '/'],
    [':scheme', 'https'],
    [':authority', 'a'],
    [name, value],
  ] as const
  socket.write(frame(1, 5, 1, headerBlock(block)))
  await client.until('\x03\0\0\0\0\x01')
  expect(handled).toBe(0)
})
