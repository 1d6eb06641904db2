/** Handshakes of WebSockets that are none, and bytes that come too early, against the real program. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient } from '../../packages/gateway/src/node/fixtures/client.ts'
import {
  type RecordedConnection,
  type RecordedRequest,
  type Recorder,
  startRecorder,
} from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'
import { type Innocent, openInnocent } from './innocent.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const early = 'bytes that came too early'

let upstream: Recorder
let gateway: RunningGateway
let innocent: Innocent
let port: number
/** What the application says to a request for a WebSocket. */
let answer: (connection: RecordedConnection) => string | Promise<string>

beforeAll(async () => {
  const respond = (request: RecordedRequest, connection: RecordedConnection) =>
    request.header('upgrade') === undefined ? ok : answer(connection)
  upstream = await startRecorder({ respond })
  port = await freePort()
  const yaml = `
name: web-sockets
internal: off
listeners: { web: "127.0.0.1:${port}" }
sessions: { default: { mode: enforce } }
routes:
  - { name: all, match: { path: / }, headers: { request: { set: { X-User: gateway } } }, upstream: "${upstream.url}" }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${port}/ready` })
  innocent = openInnocent(port, 'ok')
})

afterAll(async () => {
  innocent?.[Symbol.dispose]()
  await gateway?.stop()
  await upstream?.close()
})

const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const usual = ['Connection: Upgrade', 'Upgrade: websocket', key, 'Sec-WebSocket-Version: 13', 'Origin: http://a.test']
const without = (name: string) => usual.filter((line) => !line.startsWith(name))

function handshake(lines: readonly string[], { method = 'GET', version = '1.1', body = '' } = {}): string {
  return [`${method} /ws HTTP/${version}`, 'Host: a.test', ...lines, '', body].join('\r\n')
}

const none: Record<string, string> = {
  'a wrong method': handshake(usual, { method: 'POST' }),
  'HTTP/1.0': handshake(usual, { version: '1.0' }),
  'a length and a body': handshake([...usual, 'Content-Length: 5'], { body: 'hello' }),
  'a length of 0': handshake([...usual, 'Content-Length: 0']),
  'chunks with it': handshake([...usual, 'Transfer-Encoding: chunked'], { body: '5\r\nhello\r\n0\r\n\r\n' }),
  'an expectation': handshake([...usual, 'Expect: 100-continue']),
  'another protocol': handshake([...without('Upgrade'), 'Upgrade: h2c']),
  'a second protocol': handshake([...without('Upgrade'), 'Upgrade: websocket, h2c']),
  'Upgrade twice': handshake([...usual, 'Upgrade: websocket']),
  'no Connection: Upgrade': handshake(without('Connection')),
  'no Upgrade': handshake(without('Upgrade')),
}

test.each(Object.entries(none))('%s makes it an ordinary request, and nothing behind it is one', async (...given) => {
  const before = upstream.requests.length
  answer = () => switching
  innocent.begin()
  using client = openClient(port)
  client.send(given[1])
  const received = await client.until('\r\n\r\nok')
  expect(received).not.toContain('101')
  if (given[0] !== 'no Upgrade' && given[0] !== 'no Connection: Upgrade') {
    client.send('GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n')
    expect((await client.ended).match(/HTTP\/1\.1 200/g)).toHaveLength(1)
  }
  await innocent.finish()
  const got = upstream.requests.slice(before)
  expect(got.map(({ target }) => target)).toEqual(['/ws', '/innocent'])
  expect(got[0]!.header('upgrade')).toBeUndefined()
  expect(got[0]!.header('connection')).toBe('keep-alive')
  expect(got[0]!.header('x-user')).toBe('gateway')
})

const doubtful: Record<string, string[]> = {
  'no version': without('Sec-WebSocket-Version'),
  'a version that is none': [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 1337'],
  'no key': without('Sec-WebSocket-Key'),
  'a key that is none': [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: x'],
}

test.each(Object.entries(doubtful))(
  '%s is for the application to refuse: then there is no tunnel',
  async (_, lines) => {
    const before = upstream.requests.length
    answer = () => 'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno'
    innocent.begin()
    using client = openClient(port)
    client.send(`${handshake(lines)}GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    expect(await client.ended).toMatch(/^HTTP\/1\.1 426 .*\r\nConnection: close\r\n\r\nno$/s)
    await innocent.finish()
    expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/ws', '/innocent'])
    for (const connection of upstream.connections) expect(connection.text()).not.toContain('smuggled')
  },
)

test('a page of another origin is refused, and nothing of it reaches the application', async () => {
  const before = upstream.requests.length
  innocent.begin()
  using client = openClient(port)
  client.send(handshake([...without('Origin'), 'Origin: http://evil.test']) + early)
  expect(await client.ended).toMatch(/^HTTP\/1\.1 403 .*"code":"origin-refused"/s)
  await innocent.finish()
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/innocent'])
})

test('bytes that came before the 101 follow it, and not sooner', async () => {
  let heard = ''
  answer = async (connection) => {
    // a whole exchange of another connection: what the gateway read with the handshake would be here by now
    innocent.begin()
    await innocent.finish()
    heard = connection.text()
    return switching
  }
  const opening = upstream.requests.length
  using client = openClient(port)
  client.send(handshake(usual) + early)
  await client.until('101 Switching Protocols')
  const tunnel = upstream.connections.find(({ requests }) => requests.includes(upstream.requests[opening]!))!
  await tunnel.received(`\r\n\r\n${early}`)
  expect(heard).toMatch(/^GET \/ws HTTP\/1\.1\r\n.*\r\n\r\n$/s)
  client.send(' and later')
  await tunnel.received(`${early} and later`)
  tunnel.end()
  await client.ended
})

test.each([
  ['200', ok],
  ['403', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'],
  ['101 to another protocol', switching.replace('Upgrade: websocket', 'Upgrade: h2c')],
])('bytes that came before a %s go nowhere', async (_status, said) => {
  const before = upstream.requests.length
  answer = () => said
  innocent.begin()
  using client = openClient(port)
  client.send(`${handshake(usual)}GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n`)
  expect(await client.ended).not.toMatch(/^HTTP\/1\.1 101|\n.*HTTP\/1\.1/)
  await innocent.finish()
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/ws', '/innocent'])
  for (const connection of upstream.connections) expect(connection.text()).not.toContain('smuggled')
})
