import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Reply } from '../reply.ts'
import { openClient } from './fixtures/client.ts'
import { reply, startListener } from './fixtures/listener.ts'

const get = (target = '/') => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`
const post = (framing: string, body = '') => `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${body}`

/** [what, raw, status, code]; `undefined`: closed without an answer is as good. */
const hostile: [string, string, number, string][] = [
  ['two different lengths', post('Content-Length: 5\r\nContent-Length: 6', 'hello!'), 400, 'bad-framing'],
  ['two equal lengths', post('Content-Length: 5\r\nContent-Length: 5', 'hello'), 400, 'bad-framing'],
  ['a list of lengths', post('Content-Length: 5, 5', 'hello'), 400, 'bad-framing'],
  ['a signed length', post('Content-Length: +5', 'hello'), 400, 'bad-framing'],
  ['a negative length', post('Content-Length: -5', 'hello'), 400, 'bad-framing'],
  ['a length in hex', post('Content-Length: 0x5', 'hello'), 400, 'bad-framing'],
  ['an empty length', post('Content-Length:', 'hello'), 400, 'bad-framing'],
  ['a length with a space in it', post('Content-Length: 1 2', 'hello'), 400, 'bad-framing'],
  ['a length above 2^64', post('Content-Length: 99999999999999999999999', 'hello'), 400, 'bad-framing'],
  ['length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 400, 'bad-framing'],
  ['chunks and length', post('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n'), 400, 'bad-framing'],
  ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 400, 'bad-framing'],
  ['chunked, then something', post('Transfer-Encoding: chunked, identity', '0\r\n\r\n'), 400, 'bad-framing'],
  ['an unknown coding', post('Transfer-Encoding: xchunked', '0\r\n\r\n'), 400, 'bad-framing'],
  ['a quoted coding', post('Transfer-Encoding: "chunked"', '0\r\n\r\n'), 400, 'bad-framing'],
  ['identity', post('Transfer-Encoding: identity', 'hello'), 400, 'bad-framing'],
  ['a chunk size that is none', post('Transfer-Encoding: chunked', 'x\r\nhello\r\n0\r\n\r\n'), 400, 'bad-framing'],
  ['a signed chunk size', post('Transfer-Encoding: chunked', '+5\r\nhello\r\n0\r\n\r\n'), 400, 'bad-framing'],
  ['a chunk size in 0x', post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'), 400, 'bad-framing'],
  ['an endless chunk size', post('Transfer-Encoding: chunked', `${'f'.repeat(40)}\r\n`), 400, 'bad-framing'],
  ['a chunk with a bare LF', post('Transfer-Encoding: chunked', '5\nhello\n0\n\n'), 400, 'bad-framing'],
  ['a chunk that is too long', post('Transfer-Encoding: chunked', '3\r\nhello\r\n0\r\n\r\n'), 400, 'bad-framing'],
  [
    'chunk extensions without end',
    post('Transfer-Encoding: chunked', `5;${'a'.repeat(20_000)}\r\nhello\r\n`),
    413,
    'bad-framing',
  ],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400, 'bad-request'],
  ['a space before the framing header’s colon', post('Content-Length : 5', 'hello'), 400, 'bad-request'],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', 400, 'bad-request'],
  ['a folded framing header', post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n'), 400, 'bad-request'],
  ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nNonsense\r\n\r\n', 400, 'bad-request'],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n', 400, 'bad-request'],
  ['NUL in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 400, 'bad-request'],
  ['NUL in a name', 'GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n', 400, 'bad-request'],
  ['a bare CR in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', 400, 'bad-request'],
  ['a bare LF after a header', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400, 'bad-request'],
  ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['a first header that starts with a space', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400, 'bad-request'],
  ['no version', 'GET /\r\n\r\n', 400, 'bad-request'],
  ['a version that is none', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['a version in lower case', 'GET / http/1.1\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad-request'],
  ['HTTP/2.0 over HTTP/1', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['a tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['a method that nobody knows', 'MAGIC / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['a method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['TLS on a plain port', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 400, 'bad-request'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'bad-host'],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400, 'bad-host'],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'bad-host'],
  ['a Host with a user', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400, 'bad-host'],
  ['an absolute target', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-target'],
  ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-target'],
  ['an asterisk', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-target'],
  ['CONNECT', 'CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n', 400, 'bad-target'],
  [
    'headers that are too large',
    `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${'x'.repeat(4000)}\r\n`.repeat(5)}\r\n`,
    431,
    'headers-too-large',
  ],
  ['too many headers', `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(100)}\r\n`, 431, 'too-many-headers'],
  ['a target that is too long', `GET /${'x'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, 'target-too-long'],
  ['a target that is longer than anything', `GET /${'x'.repeat(60_000)}`, 414, 'target-too-long'],
]

test.each(hostile)('%s is answered with an error, and its connection ends', async (_what, raw, status, code) => {
  const bodies: Buffer[] = []
  await using listener = await startListener({
    handle: async ({ request: { body } }) => {
      if (body) bodies.push(await buffer(body))
      return reply(200, ['Content-Length', '0'])
    },
  })
  using innocent = openClient(listener.port)
  innocent.send(get())
  await innocent.until('200 OK')
  using client = openClient(listener.port)
  client.send(raw)
  const answer = await client.ended
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(answer).toContain(`"code":"${code}"`)
  expect(answer).toMatch(/X-Request-Id: [A-Za-z0-9._-]+\r\n/)
  expect(answer.split('HTTP/1.1 ')).toHaveLength(2)
  expect(bodies).toEqual([])
  innocent.send(get())
  await innocent.until('200 OK', 2)
})

test('what is no request is reported with the id of its answer', async () => {
  await using listener = await startListener({ handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send('nonsense\r\n\r\n')
  const answer = await client.ended
  expect(listener.rejected).toEqual([
    {
      listener: 'test',
      peer: '127.0.0.1',
      peerPort: client.socket.localPort,
      status: 400,
      code: 'bad-request',
      detail: 'It is not HTTP: Parse Error: Invalid method encountered',
      requestId: /X-Request-Id: (\S+)/.exec(answer)?.[1],
      responseBytes: answer.length,
      line: undefined,
    },
  ])
})

test('headers that never end are answered 408', async () => {
  await using listener = await startListener({ timeouts: { headers: 300 }, handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nX: ')
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 .*"code":"request-timeout"/s)
})

test('a connection that sends nothing is answered 408 and closed when its headers are late, and not sooner', async () => {
  // no other deadline comes before the test's own
  const timeouts = { headers: 300, keepAlive: 3_600_000, idle: 3_600_000 }
  await using listener = await startListener({ timeouts, handle: () => reply(200) })
  const opened = performance.now()
  using client = openClient(listener.port)
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 .*"code":"request-timeout"/s)
  expect(performance.now() - opened).toBeGreaterThanOrEqual(timeouts.headers)
  expect(listener.rejected).toMatchObject([{ status: 408, code: 'request-timeout' }])
})

// `idle` bounds bodies: where it is the shorter one, it ends no head
const hasty = { headers: 1_000, idle: 50, keepAlive: 50 }

test.each([
  ['that never sent anything', ''],
  ['whose first head stops', 'GET / HTTP/1.1\r\nHost: a\r\n'],
])('a connection %s is answered 408, however short the idle time is', async (_what, bytes) => {
  await using listener = await startListener({ timeouts: hasty, handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send(bytes)
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 .*"code":"request-timeout"/s)
  expect(listener.rejected).toMatchObject([{ status: 408, code: 'request-timeout' }])
})

test('a later head that stops is answered 408, however short the keep-alive time is', async () => {
  await using listener = await startListener({ timeouts: hasty, handle: () => reply(200, ['Content-Length', '0']) })
  using client = openClient(listener.port)
  client.send(get())
  await client.until('200')
  client.send('GET / HTTP/1.1\r\nHost: a\r\n')
  expect(await client.ended).toMatch(/^HTTP\/1\.1 200 .*HTTP\/1\.1 408 .*"code":"request-timeout"/s)
})

test('a head that arrives after the idle time is served, and its body has the idle time again', async () => {
  await using listener = await startListener({
    timeouts: { headers: 10_000, idle: 50 },
    handle({ request: { body } }) {
      body!.resume()
      return new Promise(() => {})
    },
  })
  using client = openClient(listener.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\n')
  setTimeout(() => client.send('Content-Length: 9\r\n\r\nabc'), 300)
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 /)
  // it is the body's deadline that passed, not the head's
  expect(listener.rejected).toEqual([])
})

test('an empty line between requests is no head, and keeps no connection open', async () => {
  const timeouts = { headers: 100, idle: 50, keepAlive: 50 }
  await using listener = await startListener({ timeouts, handle: () => reply(200, ['Content-Length', '0']) })
  using client = openClient(listener.port)
  client.send(get())
  await client.until('200')
  client.send('\r\n')
  expect((await client.ended).match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(listener.rejected).toEqual([])
})

test('nonsense behind a request does not touch its answer, is answered behind it, and is reported', async () => {
  const answer = Promise.withResolvers<Reply>()
  await using listener = await startListener({ handle: () => answer.promise })
  using client = openClient(listener.port)
  client.send(`${get()}nonsense\r\n\r\n`)
  await expect.poll(() => listener.users.inFlight).toBe(1)
  answer.resolve(reply(204))
  const text = await client.ended
  expect(text).toMatch(/^HTTP\/1\.1 204 No Content\r\n\r\nHTTP\/1\.1 400 .*\r\nConnection: close\r\n\r\n/s)
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(2)
  await expect.poll(() => listener.rejected).toMatchObject([{ status: 400, code: 'bad-request' }])
})

test('a body that breaks off in the middle of its framing is answered, and lets go of the upstream', async () => {
  const gone = Promise.withResolvers<void>()
  await using listener = await startListener({
    handle(exchange) {
      exchange.connection.onGone = gone.resolve
      exchange.request.body!.resume()
      return new Promise(() => {})
    },
  })
  using client = openClient(listener.port)
  client.send(post('Transfer-Encoding: chunked', '5\r\nhello\r\nnonsense\r\n'))
  expect(await client.ended).toMatch(/^HTTP\/1\.1 400 .*"code":"bad-framing"/s)
  await gone.promise
})

test('a body that breaks off after the answer began cuts the connection', async () => {
  await using listener = await startListener({
    handle: () => reply(200, [], { kind: 'stream', pipe: (sink) => sink.write(Buffer.from('part')), cancel() {} }),
  })
  using client = openClient(listener.port)
  client.send(post('Transfer-Encoding: chunked', '5\r\nhello\r\n'))
  await client.until('part')
  client.send('nonsense\r\n')
  expect((await client.ended).split('HTTP/1.1 ')).toHaveLength(2)
})

test('whatever bytes come, in whatever pieces, each connection is answered or closed and the next one works', async () => {
  await using listener = await startListener({ timeouts: { headers: 50 }, handle: () => reply(204) })
  const piece = fc.oneof(
    fc.constantFrom('GET ', '/', ' HTTP/1.1', '\r\n', '\n', '\r', ':', 'Host: a', 'Content-Length: 3', ' ', '\0', '0'),
    fc.constantFrom('Transfer-Encoding: chunked', 'Upgrade: websocket', 'Connection: upgrade', 'Expect: 100-continue'),
    fc.string({ maxLength: 5, unit: 'binary' }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(piece, { maxLength: 8 }), { maxLength: 4 }), async (packets) => {
      using client = openClient(listener.port)
      for (const packet of packets) client.send(packet.join(''))
      client.socket.end()
      await client.ended
    }),
    { numRuns: 300 },
  )
  using innocent = openClient(listener.port)
  innocent.send(get())
  await innocent.until('204 No Content')
  expect(listener.users.inFlight).toBe(0)
})
