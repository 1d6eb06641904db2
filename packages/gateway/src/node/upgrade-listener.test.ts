import { once } from 'node:events'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import { type Recorder, startRecorder } from '../testing/recorder.ts'
import { openClient } from './fixtures/client.ts'
import { reply, startListener, type TestListener } from './fixtures/listener.ts'

const ask = (more = '') =>
  `GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`

/** Switches to whatever listens at `port`, as the forward does. */
function switchTo(port: number): (exchange: Exchange) => Promise<Reply> {
  return ({ request }) =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.once('error', reject)
      let head = `GET ${request.target} HTTP/1.1\r\n`
      for (let i = 0; i < request.headers.length; i += 2) head += `${request.headers[i]}: ${request.headers[i + 1]}\r\n`
      socket.write(`${head}\r\n`)
      let got = Buffer.alloc(0)
      socket.on('data', function read(chunk: Buffer) {
        got = Buffer.concat([got, chunk])
        const end = got.indexOf('\r\n\r\n')
        if (end < 0) return
        socket.off('data', read)
        socket.pause()
        const lines = got.toString('latin1', 0, end).split('\r\n').slice(1)
        const headers = lines.flatMap((line) => line.split(/: (.*)/s).slice(0, 2))
        resolve({
          status: 101,
          statusText: 'Switching Protocols',
          headers,
          body: { kind: 'upgraded', socket, head: got.subarray(end + 4) },
        })
      })
    })
}

let echo: WebSocketServer
let echoPort: number
beforeAll(async () => {
  echo = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][1] ?? false })
  echo.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (String(data) === 'close me') socket.close(4001, 'as you wish')
      else if (String(data) === 'drop me') socket.terminate()
      else socket.send(data, { binary: isBinary })
    })
  })
  await once(echo, 'listening')
  echoPort = (echo.address() as { port: number }).port
})
afterAll(() => {
  for (const client of echo.clients) client.terminate()
  echo.close()
})

async function open(listener: TestListener, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/chat`, protocols)
  await once(socket, 'open')
  return socket
}

test('text, binary and empty messages, ping and pong go through, with the subprotocol that was chosen', async () => {
  await using listener = await startListener({ handle: switchTo(echoPort) })
  const socket = await open(listener, ['a', 'b'])
  expect(socket.protocol).toBe('b')
  for (const sent of ['hello', '', Buffer.from([0, 255, 128])]) {
    socket.send(sent)
    const [data, isBinary] = await once(socket, 'message')
    expect(data.toString('latin1')).toBe(Buffer.from(sent as string).toString('latin1'))
    expect(isBinary).toBe(typeof sent !== 'string')
  }
  socket.ping('are you there')
  const [payload] = await once(socket, 'pong')
  expect(String(payload)).toBe('are you there')
  expect(listener.connections).toEqual({ http: 0, https: 0, h2: 0, websocket: 1 })
  socket.close(4000, 'enough')
  const [code, reason] = await once(socket, 'close')
  expect([code, String(reason)]).toEqual([4000, 'enough'])
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ status: 101 })
  expect(listener.connections.websocket).toBe(0)
  expect(listener.users.inFlight).toBe(0)
})

test('close codes and reasons of the upstream arrive, and so does a cut connection', async () => {
  await using listener = await startListener({ handle: switchTo(echoPort) })
  const closed = await open(listener)
  closed.send('close me')
  const [code, reason] = await once(closed, 'close')
  expect([code, String(reason)]).toEqual([4001, 'as you wish'])
  const dropped = await open(listener)
  dropped.send('drop me')
  expect((await once(dropped, 'close'))[0]).toBe(1006)
})

test('what does not fit through waits: nothing is lost, nothing is hoarded', async () => {
  const total = 24
  const message = Buffer.alloc(1 << 20, 'x')
  const flood = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(flood, 'listening')
  flood.on('connection', (socket) => {
    for (let i = 0; i < total; i++) socket.send(message)
  })
  await using listener = await startListener({ handle: switchTo((flood.address() as { port: number }).port) })
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
  await once(socket, 'open')
  socket.pause()
  const [sender] = [...flood.clients]
  await expect.poll(() => sender!.bufferedAmount).toBeGreaterThan(1 << 20)
  let bytes = 0
  socket.on('message', (data: Buffer) => {
    bytes += data.length
  })
  socket.resume()
  await expect.poll(() => bytes, { timeout: 10_000 }).toBe(total * message.length)
  socket.terminate()
  flood.close()
})

async function recorded(answer: string): Promise<{ recorder: Recorder; listener: TestListener; release: () => void }> {
  const released = Promise.withResolvers<void>()
  const recorder = await startRecorder({
    allowHalfOpen: true,
    async respond() {
      await released.promise
      return answer
    },
  })
  return { recorder, listener: await startListener({ handle: switchTo(recorder.port) }), release: released.resolve }
}

test('what a client sends before the switch is held until the upstream has switched', async () => {
  const { recorder, listener, release } = await recorded(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst',
  )
  using client = openClient(listener.port)
  client.send(`${ask()}early`)
  const upstream = await recorder.connection(0)
  await upstream.received('\r\n\r\n')
  client.send(' bird')
  await expect.poll(() => upstream.text().endsWith('\r\n\r\n')).toBe(true)
  release()
  const answer = await client.until('first')
  expect(answer).toBe('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst')
  await upstream.received('early bird')
  client.socket.destroy()
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({
    requestBytes: ask().length + 'early bird'.length,
    responseBytes: answer.length,
  })
  await listener[Symbol.asyncDispose]()
  await recorder.close()
})

test('an end of one side is passed on while the other goes on', async () => {
  const { recorder, listener, release } = await recorded(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
  )
  release()
  using client = openClient(listener.port, { allowHalfOpen: true })
  client.send(ask())
  await client.until('101')
  const upstream = await recorder.connection(0)
  const ended = once(upstream.socket, 'end')
  client.socket.end('last words')
  await ended
  await upstream.received('last words')
  await upstream.write('still here')
  await client.until('still here')
  upstream.end()
  await client.ended
  await listener.finishedCount(1)
  await listener[Symbol.asyncDispose]()
  await recorder.close()
})

test('a tunnel that is silent for the idle time ends on both sides', async () => {
  await using recorder = await startRecorder({
    respond: () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
  })
  await using listener = await startListener({ timeouts: { idle: 100 }, handle: switchTo(recorder.port) })
  using client = openClient(listener.port)
  client.send(ask())
  await client.until('101')
  const ended = once((await recorder.connection(0)).socket, 'end')
  await client.ended
  await ended
})

test('a client that leaves before the switch ends the upstream request', async () => {
  const gone = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  await using listener = await startListener({
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
  using client = openClient(listener.port)
  client.send(ask())
  await asked.promise
  client.socket.end()
  await gone.promise
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ status: 0, aborted: true })
})

test('an upgrade that is refused gets an ordinary answer, then the connection ends', async () => {
  await using listener = await startListener({
    handle: () =>
      reply(403, ['Content-Length', '2', 'X-Why', 'no'], {
        kind: 'stream',
        pipe(sink) {
          sink.write(Buffer.from('no'))
          sink.end(undefined)
        },
        cancel() {},
      }),
  })
  using client = openClient(listener.port)
  client.send(`${ask()}early`)
  expect(await client.ended).toBe(
    'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: no\r\nConnection: close\r\n\r\nno',
  )
  await listener.finishedCount(1)
  expect(listener.finished[0]).toMatchObject({ status: 403, aborted: false })
  expect(listener.connections.http).toBe(0)
})

test('a refusal with a large body arrives whole, as fast as it is read', async () => {
  const chunk = Buffer.alloc(65_536, 'x')
  let left = 200
  await using listener = await startListener({
    handle: () =>
      reply(200, [], {
        kind: 'stream',
        pipe(sink) {
          const pump = () => {
            while (left-- > 0) if (!sink.write(chunk)) return
            sink.end(undefined)
          }
          sink.drained = pump
          pump()
        },
        cancel() {},
      }),
  })
  const client = connect(listener.port, '127.0.0.1')
  client.write(ask())
  expect((await buffer(client)).length).toBeGreaterThan(200 * chunk.length)
})

test('a refusal at the door is an ordinary answer too', async () => {
  await using listener = await startListener({ handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send(ask('Host: b\r\n'))
  expect(await client.ended).toMatch(/^HTTP\/1\.1 400 .*"code":"bad-host"/s)
  await listener.finishedCount(1)
  expect(listener.finished).toMatchObject([{ status: 400, exchange: { reason: 'bad-host' } }])
})

test.each([
  [
    'h2c',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  ],
  ['TLS', 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: TLS/1.3\r\nConnection: Upgrade\r\n\r\n'],
  ['two protocols', 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\n\r\n'],
  [
    'two headers',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  ],
  [
    'another method',
    'POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'a body',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\nhello',
  ],
  [
    'chunks',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ],
])('an upgrade to or with %s is an ordinary request, and its answer ends the connection', async (_what, raw) => {
  const upgrades: unknown[] = []
  await using listener = await startListener({
    async handle({ request }) {
      upgrades.push(request.upgrade)
      if (request.body) await buffer(request.body)
      return reply(200, ['Content-Length', '0'])
    },
  })
  using client = openClient(listener.port)
  client.send(raw)
  expect(await client.until('200 OK')).toContain('\r\nConnection: close\r\n')
  expect(upgrades).toEqual([undefined])
})

test('an upgrade behind a request that is not answered yet is an ordinary request', async () => {
  const first = Promise.withResolvers<Reply>()
  await using listener = await startListener({
    handle: ({ request: { target, upgrade } }) =>
      target === '/1' ? first.promise : reply(upgrade === undefined ? 400 : 500, ['Content-Length', '0']),
  })
  using client = openClient(listener.port)
  client.send(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${ask()}`)
  await expect.poll(() => listener.users.inFlight).toBe(1)
  first.resolve(reply(200, ['Content-Length', '0']))
  expect(await client.until('400 Bad Request')).toContain('200 OK')
})

test('drain() leaves open WebSockets, destroy() ends them', async () => {
  await using listener = await startListener({ handle: switchTo(echoPort) })
  const socket = await open(listener)
  listener.handler.drain()
  await listener.handler.quiet()
  socket.send('still here')
  expect(String((await once(socket, 'message'))[0])).toBe('still here')
  listener.handler.destroy()
  expect((await once(socket, 'close'))[0]).toBe(1006)
})
