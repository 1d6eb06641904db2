import { request } from 'node:http'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { Exchange } from '../exchange.ts'
import type { HeaderList } from '../headers.ts'
import type { BodySink, BodySource, Reply } from '../reply.ts'
import { openClient } from './fixtures/client.ts'
import { manualTimers, reply, startListener } from './fixtures/listener.ts'

const get = (target = '/', more = '') => `GET ${target} HTTP/1.1\r\nHost: shop.example.com\r\n${more}\r\n`

/** A body that a test writes piece by piece. */
function manual(): BodySource & { sink: Promise<BodySink>; cancelled: Promise<void> } {
  const piped = Promise.withResolvers<BodySink>()
  const cancelled = Promise.withResolvers<void>()
  return {
    kind: 'stream',
    pipe: piped.resolve,
    cancel: cancelled.resolve,
    sink: piped.promise,
    cancelled: cancelled.promise,
  }
}

function whole(text: string, trailers?: HeaderList): BodySource {
  return {
    kind: 'stream',
    pipe(sink) {
      sink.write(Buffer.from(text, 'latin1'))
      sink.end(trailers)
    },
    cancel() {},
  }
}

async function answerTo(
  raw: string,
  answer: Reply | ((exchange: Exchange) => Reply | Promise<Reply>),
): Promise<string> {
  await using listener = await startListener({ handle: typeof answer === 'function' ? answer : () => answer })
  using client = openClient(listener.port)
  client.send(raw)
  client.socket.end()
  return await client.ended
}

test('an answer goes out as it came: order, case and doubles of headers, reason phrase, nothing invented', async () => {
  const headers = [
    'X-b',
    '1',
    'x-A',
    '2',
    'Set-Cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'Content-Length',
    '2',
    'X-b',
    '\xe9',
  ]
  const answer = await answerTo(get(), { status: 299, statusText: 'Fine \xfc', headers, body: whole('hi') })
  expect(answer).toBe(
    'HTTP/1.1 299 Fine \xfc\r\nX-b: 1\r\nx-A: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\nX-b: \xe9\r\n\r\nhi',
  )
})

test('an empty reason phrase stays empty', async () => {
  const answer = { status: 500, statusText: '', headers: ['Content-Length', '0'], body: undefined }
  expect(await answerTo(get(), answer)).toBe('HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n')
})

test.each([204, 304])('%i has neither body nor framing', async (status) => {
  expect(await answerTo(get(), reply(status, ['ETag', '"a"']))).toMatch(
    /^HTTP\/1\.1 \d+ [A-Za-z ]+\r\nETag: "a"\r\n\r\n$/,
  )
})

test('304 and HEAD keep the Content-Length of the body that is not there', async () => {
  expect(await answerTo(get(), reply(304, ['Content-Length', '42']))).toContain('\r\nContent-Length: 42\r\n\r\n')
  const head = get().replace('GET', 'HEAD')
  expect(await answerTo(head, reply(200, ['Content-Length', '42']))).toMatch(/Content-Length: 42\r\n\r\n$/)
  expect(await answerTo(head, reply(200, ['Trailer', 'X']))).not.toMatch(/chunked|Trailer/)
})

test('a body of unknown length is chunked, with its trailers', async () => {
  const answer = await answerTo(get(), reply(200, ['Trailer', 'X-Sum'], whole('hello', ['X-Sum', '5', 'x-Sum', '6'])))
  expect(answer).toBe(
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\nx-Sum: 6\r\n\r\n',
  )
})

test('HTTP/1.0 gets a body that ends with the connection, no chunks, no trailers', async () => {
  const answer = await answerTo(
    'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
    reply(200, ['Trailer', 'X'], whole('hello', ['X', '1'])),
  )
  expect(answer).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello')
})

test('HTTP/1.0 with keep-alive is told so, and kept', async () => {
  await using listener = await startListener({ handle: () => reply(200, ['Content-Length', '2'], whole('hi')) })
  using client = openClient(listener.port)
  client.send('GET /1 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
  expect(await client.until('hi')).toContain('Connection: keep-alive')
  client.send('GET /2 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
  await client.until('hi', 2)
})

test('Content-Disposition keeps its bytes beside a Content-Length', async () => {
  const headers = ['Content-Length', '0', 'Content-Disposition', 'attachment; filename="\xc3\xbc.txt"']
  expect(await answerTo(get(), reply(200, headers))).toContain('filename="\xc3\xbc.txt"\r\n')
})

test('an answer of our own gets its length', async () => {
  expect(await answerTo(get(), reply(200, [], Buffer.from('hello')))).toMatch(/Content-Length: 5\r\n\r\nhello$/)
})

test('an answer that may not be written becomes a 500', async () => {
  expect(await answerTo(get(), reply(200, ['X', 'a\r\nb: c']))).toMatch(/^HTTP\/1\.1 500 .*"code":"internal"/s)
})

test('pipelined requests are answered in their order, whatever is ready first', async () => {
  const later: (() => void)[] = []
  await using listener = await startListener({
    handle: ({ request: { target } }) =>
      target === '/1'
        ? new Promise((resolve) => later.push(() => resolve(reply(200, ['Content-Length', '3'], whole('one')))))
        : reply(200, ['Content-Length', '3'], whole('two')),
  })
  using client = openClient(listener.port)
  client.send(get('/1') + get('/2'))
  await expect.poll(() => later.length).toBe(1)
  expect(client.text()).toBe('')
  later[0]!()
  const text = await client.until('two')
  expect(text.indexOf('one')).toBeLessThan(text.indexOf('two'))
})

test('a body is read only when somebody wants it, and then 100 Continue goes out', async () => {
  await using listener = await startListener({
    async handle({ request: { body }, connection }) {
      connection.bodyWanted()
      connection.bodyWanted()
      return reply(200, [], await buffer(body!))
    },
  })
  using client = openClient(listener.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
  expect(await client.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  client.send('hello')
  expect(await client.until('hello')).toContain('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
})

test('an answer without 100 Continue ends the connection: the body may come or not', async () => {
  const answer = await answerTo(
    'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    reply(403, ['Content-Length', '0']),
  )
  expect(answer).toBe('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
})

test.each(['magic', '100-continue, magic', 'magic, 100-continue', '100-continue\r\nExpect: magic', '100-continued'])(
  'an expectation that nobody knows is refused with 417, also beside one that is known: %s',
  async (expectation) => {
    const answer = await answerTo(get('/', `Expect: ${expectation}\r\n`), reply(200))
    expect(answer).toMatch(/^HTTP\/1\.1 417 .*"code":"bad-request"/s)
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
  },
)

const trailers = (count: number) => `0\r\n${'X: 1\r\n'.repeat(count)}\r\n`
const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'

test.each(['in one packet with the rest', 'behind it'])(
  'more trailers than headers may be are refused, %s, and let go of the upstream',
  async (when) => {
    const gone = Promise.withResolvers<void>()
    const reading = Promise.withResolvers<void>()
    await using listener = await startListener({
      handle({ connection, request: { body } }) {
        connection.onGone = gone.resolve
        body!.once('data', () => reading.resolve())
        return new Promise(() => {})
      },
    })
    using client = openClient(listener.port)
    if (when === 'behind it') {
      client.send(chunked)
      await reading.promise
      client.send(trailers(101))
    } else client.send(chunked + trailers(101))
    expect(await client.ended).toMatch(/^HTTP\/1\.1 431 .*"code":"too-many-headers"/s)
    await gone.promise
  },
)

test('as many trailers as headers may be are fine', async () => {
  expect(
    await answerTo(chunked + trailers(100), async ({ request: { body } }) => {
      await buffer(body!)
      return reply(200, [], Buffer.from(String((body as Readable & { rawTrailers: string[] }).rawTrailers.length)))
    }),
  ).toMatch(/200$/)
})

test('1xx answers of the upstream are passed on, in their order, and not to HTTP/1.0', async () => {
  const handle = ({ connection }: Exchange) => {
    connection.inform(103, 'Early Hints', ['Link', '</a.css>; rel=preload', 'link', '</b.css>'])
    connection.inform(102, '', [])
    return reply(200, ['Content-Length', '0'])
  }
  expect(await answerTo(get(), handle)).toBe(
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nlink: </b.css>\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  )
  expect(await answerTo('GET / HTTP/1.0\r\n\r\n', handle)).toMatch(/^HTTP\/1\.1 200 OK/)
})

test('an upload keeps its length and its bytes; Content-Length: 0 is a length and no body', async () => {
  const seen: unknown[] = []
  const handle = async ({ request: { body, contentLength } }: Exchange) => {
    seen.push([contentLength, body && (await buffer(body)).toString()])
    return reply(200, ['Content-Length', '0'])
  }
  await answerTo('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', handle)
  await answerTo('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n', handle)
  await answerTo('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', handle)
  await answerTo(get(), handle)
  expect(seen).toEqual([
    [5, 'hello'],
    [0, undefined],
    [undefined, 'hello'],
    [undefined, undefined],
  ])
})

test('an answer that comes before the upload is read leaves the connection usable', async () => {
  await using listener = await startListener({ handle: () => reply(401, ['Content-Length', '0']) })
  using client = openClient(listener.port)
  const size = 300_000
  client.send(`POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(1000)}`)
  await client.until('HTTP/1.1 401')
  client.send('x'.repeat(size - 1000) + get('/2'))
  await client.until('HTTP/1.1 401', 2)
})

test('an answer that comes while the upload is half read leaves the connection usable', async () => {
  await using listener = await startListener({
    async handle({ request: { body } }) {
      if (body === undefined) return reply(200, ['Content-Length', '0'])
      await new Promise((resolve) => body.once('data', resolve))
      body.pause()
      return reply(413, ['Content-Length', '0'])
    },
  })
  using client = openClient(listener.port)
  const size = 500_000
  client.send(`POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(100_000)}`)
  await client.until('HTTP/1.1 413')
  client.send('x'.repeat(size - 100_000) + get('/2'))
  await client.until('HTTP/1.1 200')
})

test('a slow client holds the upstream up, and gets every byte', async () => {
  const chunk = Buffer.alloc(65_536, 'x')
  const total = 400
  let written = 0
  let held = 0
  await using listener = await startListener({
    handle: () =>
      reply(200, ['Content-Length', String(total * chunk.length)], {
        kind: 'stream',
        pipe(sink) {
          const pump = () => {
            while (written < total) {
              written++
              if (!sink.write(chunk)) {
                held++
                return
              }
            }
            sink.end(undefined)
          }
          sink.drained = pump
          pump()
        },
        cancel() {},
      }),
  })
  using client = openClient(listener.port)
  client.socket.pause()
  client.send(get())
  await expect.poll(() => held).toBeGreaterThan(0)
  const before = written
  expect(before).toBeLessThan(total)
  let bytes = 0
  client.socket.on('data', (data) => {
    bytes += data.length
  })
  client.socket.resume()
  await listener.finishedCount(1)
  await expect.poll(() => bytes).toBeGreaterThan(total * chunk.length)
  expect(listener.finished[0]).toMatchObject({ status: 200, aborted: false })
})

test('a client that leaves before the answer ends the upstream request, and is logged with status 0', async () => {
  const arrived = Promise.withResolvers<Exchange>()
  const ended = Promise.withResolvers<Reply>()
  const body = manual()
  await using listener = await startListener({
    handle(exchange) {
      arrived.resolve(exchange)
      exchange.connection.onGone = () => ended.resolve(reply(200, [], body))
      return ended.promise
    },
  })
  using client = openClient(listener.port)
  client.send(get())
  const exchange = await arrived.promise
  client.socket.destroy()
  await listener.finishedCount(1)
  await body.cancelled
  expect(exchange.connection.gone).toBe(true)
  expect(listener.finished[0]).toMatchObject({ status: 0, aborted: true })
  expect(listener.users.inFlight).toBe(0)
})

test('a client that leaves during the answer cancels its source', async () => {
  const body = manual()
  await using listener = await startListener({ handle: () => reply(200, [], body) })
  using client = openClient(listener.port)
  client.send(get())
  const sink = await body.sink
  sink.write(Buffer.from('part'))
  await client.until('part')
  client.socket.destroy()
  await body.cancelled
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ status: 200, aborted: true })
})

test.each([
  ['of known length', ['Content-Length', '100'], 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', ''],
  ['that is chunked', [], 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', ''],
  ['that ends with its connection', [], 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', 'ECONNRESET'],
])('a body %s that is cut short does not look whole', async (_what, headers, raw, error) => {
  const body = manual()
  await using listener = await startListener({ handle: () => reply(200, headers, body) })
  using client = openClient(listener.port)
  client.send(raw)
  const sink = await body.sink
  sink.write(Buffer.from('part'))
  await client.until('part')
  sink.fail(new Error('reset'))
  expect(await client.ended).not.toContain('\r\n0\r\n')
  if (error !== '') expect(client.error).toBe(error)
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ status: 200, aborted: true })
})

test('a body that ends before its announced length is cut, not padded', async () => {
  await using listener = await startListener({ handle: () => reply(200, ['Content-Length', '10'], whole('short')) })
  using client = openClient(listener.port)
  client.send(get() + get())
  expect((await client.ended).split('HTTP/1.1').length).toBeLessThanOrEqual(2)
})

test('bytes are counted: heads and bodies, both ways', async () => {
  await using listener = await startListener({
    handle: async ({ request: { body } }) =>
      reply(200, ['Content-Length', '4'], whole((await buffer(body!)).toString().slice(0, 4))),
  })
  using client = openClient(listener.port)
  const raw = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef'
  client.send(raw)
  const answer = await client.until('abcd')
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ requestBytes: raw.length, responseBytes: answer.length })
})

test('bytes of early answers are not counted as those of the answer', async () => {
  await using listener = await startListener({
    handle({ connection }) {
      connection.inform(103, 'Early Hints', ['Link', '</a.css>; rel=preload'])
      return reply(204)
    },
  })
  using client = openClient(listener.port)
  client.send(get())
  const answer = (await client.until('204')).split('\r\n\r\n')[1]!
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ responseBytes: `${answer}\r\n\r\n`.length })
})

test('a request that is refused at the door says why, is reported and ends the connection', async () => {
  await using listener = await startListener({ handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
  const answer = await client.ended
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*"code":"bad-host"/s)
  expect(answer).toContain('Connection: close')
  const id = /X-Request-Id: (\S+)/.exec(answer)?.[1]
  await listener.finishedCount(1)
  expect(listener.finished).toMatchObject([
    { status: 400, exchange: { id, reason: 'bad-host', client: { peer: '127.0.0.1' }, request: { listener: 'test' } } },
  ])
  expect(listener.users.inFlight).toBe(0)
})

test('an upload that stops arriving is answered 408 after the idle time', async () => {
  const gone = Promise.withResolvers<void>()
  await using listener = await startListener({
    timeouts: { idle: 100 },
    handle(exchange) {
      exchange.connection.onGone = gone.resolve
      exchange.request.body!.resume()
      return new Promise(() => {})
    },
  })
  using client = openClient(listener.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc')
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 .*"code":"request-timeout"/s)
  await gone.promise
})

test('a client that waits for a slow upstream is not idle', async () => {
  await using listener = await startListener({
    timeouts: { idle: 50 },
    handle: () => new Promise((resolve) => setTimeout(() => resolve(reply(200, ['Content-Length', '0'])), 300)),
  })
  using client = openClient(listener.port)
  client.send(get())
  expect(await client.until('\r\n\r\n')).toContain('200 OK')
})

test('a client that does not read its answer is cut off after the idle time', async () => {
  const body = manual()
  await using listener = await startListener({ timeouts: { idle: 200 }, handle: () => reply(200, [], body) })
  using client = openClient(listener.port)
  client.socket.pause()
  client.send(get())
  const sink = await body.sink
  const chunk = Buffer.alloc(1 << 20)
  for (let i = 0; i < 32; i++) sink.write(chunk)
  await body.cancelled
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ aborted: true })
})

test('an idle connection is closed after the keep-alive time', async () => {
  await using listener = await startListener({
    timeouts: { keepAlive: 100 },
    handle: () => reply(200, ['Content-Length', '0']),
  })
  using client = openClient(listener.port)
  client.send(get())
  expect(await client.ended).toContain('200 OK')
})

test('drain() answers what comes over a connection that looked idle, and says that it was the last', async () => {
  await using listener = await startListener({ handle: () => reply(200, ['Content-Length', '0']) })
  using client = openClient(listener.port)
  client.send(get())
  await client.until('200')
  listener.handler.drain()
  const quiet = isDone(listener.handler.quiet())
  expect(await quiet.now()).toBe(false)
  client.send(get('/on-the-wire'))
  expect(await client.ended).toMatch(/200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/)
  await quiet.done
})

test('drain() ends silent connections after the linger and the others with their answer', async () => {
  const answer = Promise.withResolvers<Reply>()
  const asked = Promise.withResolvers<void>()
  const timers = manualTimers()
  await using listener = await startListener({
    schedule: timers.schedule,
    handle({ request: { target } }) {
      if (target === '/now') return reply(200, ['Content-Length', '0'])
      asked.resolve()
      return answer.promise
    },
  })
  using idle = openClient(listener.port)
  idle.send(get('/now'))
  await idle.until('200')
  using busy = openClient(listener.port)
  busy.send(get('/later'))
  await asked.promise
  listener.handler.drain()
  expect(timers.running).toEqual([1_000])
  timers.runOut()
  await idle.ended
  const quiet = listener.handler.quiet()
  answer.resolve(reply(200, ['Content-Length', '2'], whole('ok')))
  expect(await busy.ended).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
  await quiet
  await listener.handler.closed()
  expect(listener.connections.http).toBe(0)
})

test('a request whose head has begun to arrive is waited for beyond the linger, and answered', async () => {
  const timers = manualTimers()
  await using listener = await startListener({
    schedule: timers.schedule,
    handle: () => reply(200, ['Content-Length', '0']),
  })
  using fresh = openClient(listener.port)
  fresh.send('GET /fresh HTTP/1.1\r\nHo')
  using used = openClient(listener.port)
  used.send(get())
  await used.until('200')
  used.send('GET /used HTTP/1.1\r\nHo')
  using innocent = openClient(listener.port)
  innocent.send(get())
  await innocent.until('200')
  listener.handler.drain()
  const quiet = isDone(listener.handler.quiet())
  timers.runOut()
  await innocent.ended
  timers.runOut()
  expect([await quiet.now(), timers.running]).toEqual([false, [1_000]])
  for (const client of [fresh, used]) {
    client.send('st: a\r\n\r\n')
    expect(await client.ended).toMatch(/200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/)
  }
  await quiet.done
})

test('a head that began in one packet with the request in front of it is waited for as well', async () => {
  const timers = manualTimers()
  await using listener = await startListener({
    schedule: timers.schedule,
    handle: () => reply(200, ['Content-Length', '0']),
  })
  using client = openClient(listener.port)
  client.send(`${get()}GET /next HTTP/1.1\r\nHo`)
  using whole = openClient(listener.port)
  whole.send(get())
  await Promise.all([client.until('200'), whole.until('200')])
  listener.handler.drain()
  timers.runOut()
  await whole.ended
  expect(timers.running).toEqual([1_000])
  client.send('st: a\r\n\r\n')
  expect(await client.ended).toMatch(/200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/)
  await listener.handler.quiet()
})

test.each(['drain', 'retire'] as const)(
  'an answer whose head is out at %s() leaves its connection one more',
  async (how) => {
    const slow = manual()
    const timers = manualTimers()
    await using listener = await startListener({
      schedule: timers.schedule,
      handle: ({ request: { target } }) =>
        target === '/slow' ? reply(200, ['Content-Length', '4'], slow) : reply(200, ['Content-Length', '0']),
    })
    using client = openClient(listener.port)
    client.send(get('/slow'))
    const sink = await slow.sink
    sink.write(Buffer.from('be'))
    await client.until('be')
    listener.handler[how]()
    timers.runOut()
    const quiet = isDone(listener.handler.quiet())
    sink.write(Buffer.from('st'))
    sink.end(undefined)
    await client.until('best')
    expect(await quiet.now()).toBe(how === 'retire')
    client.send(get('/next'))
    expect(await client.ended).toMatch(/best.*Connection: close\r\n\r\n$/s)
    await quiet.done
  },
)

test('retire() ends connections with their next answer, and gives silent ones their usual time', async () => {
  const timers = manualTimers()
  await using listener = await startListener({
    schedule: timers.schedule,
    handle: () => reply(200, ['Content-Length', '0']),
  })
  using client = openClient(listener.port)
  client.send(get())
  await client.until('200')
  listener.handler.retire()
  expect(timers.running).toEqual([])
  client.send(get())
  expect(await client.ended).toMatch(/Connection: close\r\n\r\n$/)
  await listener.handler.closed()
  using late = openClient(listener.port)
  late.send(get())
  expect(await late.ended).toMatch(/Connection: close\r\n\r\n$/)
})

test('a connection that is handed over while draining has the same time for one request', async () => {
  const timers = manualTimers()
  await using listener = await startListener({
    schedule: timers.schedule,
    handle: () => reply(200, ['Content-Length', '0']),
  })
  listener.handler.drain()
  await listener.handler.quiet()
  using late = openClient(listener.port)
  using silent = openClient(listener.port)
  await expect.poll(() => listener.handler.openConnections).toBe(2)
  expect(timers.running).toEqual([1_000, 1_000])
  const quiet = isDone(listener.handler.quiet())
  late.send(get())
  expect(await late.ended).toBe('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  expect(await quiet.now()).toBe(false)
  timers.runOut()
  expect(await silent.ended).toBe('')
  await quiet.done
})

test('a TLS handshake counts as under way until its connection is handed over or it failed', async () => {
  await using listener = await startListener({ handle: () => reply(200, ['Content-Length', '0']) })
  const { handler } = listener
  handler.countHandshake(1)
  handler.countHandshake(1)
  handler.drain()
  const quiet = isDone(handler.quiet())
  const closed = isDone(handler.closed())
  handler.countHandshake(-1)
  expect(await quiet.now()).toBe(false)
  using client = openClient(listener.port)
  await expect.poll(() => handler.openConnections).toBe(1)
  handler.countHandshake(-1)
  expect([await quiet.now(), await closed.now()]).toEqual([false, false])
  client.send(get())
  await client.ended
  await quiet.done
  await closed.done
})

test('destroy() calls the timers of silent connections off', async () => {
  const timers = manualTimers()
  await using listener = await startListener({ schedule: timers.schedule, handle: () => reply(204) })
  using client = openClient(listener.port)
  await expect.poll(() => listener.handler.openConnections).toBe(1)
  listener.handler.drain()
  listener.handler.destroy()
  await client.ended
  expect(timers.running).toEqual([])
})

/** `now` gives what is over after a turn of the event loop. */
function isDone(wait: Promise<void>): { done: Promise<void>; now(): Promise<boolean> } {
  let over = false
  const done = wait.then(() => {
    over = true
  })
  return {
    done,
    async now() {
      await new Promise((resolve) => setImmediate(resolve))
      return over
    },
  }
}

test('a swapped generation serves the next request of the same connection', async () => {
  await using listener = await startListener({ handle: () => reply(200, ['Content-Length', '0']) })
  using client = openClient(listener.port)
  client.send(get())
  await client.until('200')
  const { generation } = listener.handler
  listener.handler.generation = { ...generation, handle: async () => reply(404, ['Content-Length', '0']) }
  client.send(get())
  await client.until('404')
})

test('a common client gets along', async () => {
  await using listener = await startListener({
    handle: async ({ request: { body } }) =>
      reply(200, [], body ? await buffer(body as Readable) : Buffer.from('none')),
  })
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request({ port: listener.port, host: '127.0.0.1', method: 'POST' }, async (response) =>
      resolve((await buffer(response)).toString()),
    )
    sent.on('error', reject)
    sent.end('hello')
  })
  expect(answer).toBe('hello')
})
