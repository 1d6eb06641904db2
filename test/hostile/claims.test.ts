/** What a client claims in headers must not pass for what the gateway says, against the real program. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RecordedRequest, type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'

let upstream: Recorder
let gateway: RunningGateway
let port: number
let trusting: number

beforeAll(async () => {
  upstream = await startRecorder({ respond: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' })
  port = await freePort()
  trusting = await freePort()
  const yaml = `
name: claims
internal: off
listeners:
  web: "127.0.0.1:${port}"
  inner: { address: "127.0.0.1:${trusting}", trustedProxies: ["127.0.0.1/32"] }
sessions: { default: { mode: enforce } }
routes:
  - { name: all, match: { path: / }, headers: { request: { set: { X-User: gateway } } }, upstream: "${upstream.url}" }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${port}/ready` })
})

afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
})

test.each(['X_User: evil', 'x.user: evil', 'X-USER: evil', 'X-User: evil\r\nX-User: evil'])(
  'the upstream sees the user of the gateway alone: %s',
  async (claim) => {
    const got = await forwarded(port, claim)
    expect(got.header('x-user')).toBe('gateway')
    expect(got.head).not.toContain('evil')
  },
)

test.each(['X-User', 'cookie, x-forwarded-for', 'host'])(
  'Connection: %s takes away nothing that the gateway writes',
  async (named) => {
    const got = await forwarded(port, `Connection: ${named}`)
    expect(got.header('x-user')).toBe('gateway')
    expect(got.header('x-forwarded-for')).toBe('127.0.0.1')
    expect(got.header('host')).toBeDefined()
  },
)

test('forwarded headers of a peer that is not trusted vanish, those of a trusted one are believed', async () => {
  const claim = 'X-Forwarded-For: 203.0.113.9'
  expect((await forwarded(port, claim)).head).not.toContain('203.0.113.9')
  expect((await forwarded(trusting, claim)).header('x-forwarded-for')).toContain('203.0.113.9')
})

test('an unknown expectation is answered 417 and not forwarded', async () => {
  const before = upstream.requests.length
  expect(await ask(port, 'GET /in HTTP/1.1\r\nHost: a.test\r\nExpect: miracles\r\n\r\n')).toMatch(/^HTTP\/1\.1 417 /)
  expect(upstream.requests.length).toBe(before)
})

async function forwarded(at: number, headers: string): Promise<RecordedRequest> {
  const before = upstream.requests.length
  expect(await ask(at, `GET /in HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  return upstream.request(before)
}

/** What comes back until the first answer's head is complete. */
async function ask(at: number, bytes: string): Promise<string> {
  const socket = connect({ port: at, host: '127.0.0.1' })
  let received = ''
  socket.setEncoding('latin1')
  socket.on('error', () => {})
  socket.on('data', (chunk: string) => {
    received += chunk
    if (received.includes('\r\n\r\n')) socket.destroy()
  })
  const closed = once(socket, 'close')
  socket.write(bytes, 'latin1')
  await closed
  return received
}
