/** What a client claims in headers and trailers must not pass for what the gateway says, against the real program. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient } from '../../packages/gateway/src/node/fixtures/client.ts'
import { type RecordedRequest, type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'
import { type Innocent, openInnocent } from './innocent.ts'

let upstream: Recorder
let gateway: RunningGateway
let port: number
let trusting: number
let innocent: Innocent
let ticket: string
let id: string

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
  - name: all
    match: { path: / }
    headers: { request: { set: { X-User: gateway, X-Visitor: "{session.$id}", X-Nobody: "{session.absent}" } } }
    upstream: "${upstream.url}"
  - { name: public, match: { path: /public }, session: off, upstream: "${upstream.url}" }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${port}/ready` })
  innocent = openInnocent(port, 'ok')
  ticket = /Set-Cookie: (__Host-session=1\.[^;]+)/.exec(await ask(port, request()))![1]!
  id = ticket.split('.')[1]!
})

afterAll(async () => {
  innocent?.[Symbol.dispose]()
  await gateway?.stop()
  await upstream?.close()
})

const spellings = (name: string): string[] => {
  const lower = name.toLowerCase()
  return [name, lower, name.toUpperCase(), ...['_', '.', '~'].flatMap((other) => [name, lower].map(respell(other)))]
}
const respell = (other: string) => (name: string) => name.replaceAll('-', other)

const aliases = ['X-User', 'X-Visitor', 'X-Nobody'].flatMap(spellings)

test.each(aliases)('nobody is who they claim to be by %s, with a session or without', async (name) => {
  for (const cookie of ['', `Cookie: ${ticket}\r\n`]) {
    const got = await forwarded(port, request(`${name}: evil\r\n${cookie}${name}: evil\r\n`))
    expect(got.header('x-user')).toBe('gateway')
    expect(got.header('x-visitor')).toMatch(cookie === '' ? /^[\w-]{22}$/ : new RegExp(`^${id}$`))
    expect(got.header('x-nobody')).toBeUndefined()
    expect(got.header('cookie')).toBeUndefined()
    expect(got.head).not.toContain('evil')
  }
})

test.each(['X-Visitor', 'x_visitor', 'X.VISITOR'])('%s tells of nobody on a route without a session', async (name) => {
  const got = await forwarded(port, request(`${name}: evil\r\n`, '/public'))
  expect(got.head).not.toContain('evil')
})

test.each(['x-user_', 'x--user', 'xuser', 'x-users'])('%s is a header of its own and passes', async (name) => {
  expect((await forwarded(port, request(`${name}: mine\r\n`))).header(name)).toBe('mine')
})

test.each(['X-User', 'cookie, x-forwarded-for', 'host'])(
  'Connection: %s takes away nothing that the gateway writes',
  async (named) => {
    const got = await forwarded(port, request(`Connection: ${named}\r\n`))
    expect(got.header('x-user')).toBe('gateway')
    expect(got.header('x-forwarded-for')).toBe('127.0.0.1')
    expect(got.header('host')).toBeDefined()
  },
)

test.each([
  ...['X-User', 'x_user', 'X.Visitor', 'X-Nobody', 'Host', 'Cookie', 'Set-Cookie', 'Authorization', 'authorization'],
  ...['Proxy-Authorization', 'proxy_authorization', 'Forwarded', 'X-Forwarded-For', 'x_forwarded_proto', 'X-Real-IP'],
  ...['X-Original-URL', 'X-Request-Id', 'Client-Cert', 'Content-Type', 'Content_Length', 'Transfer_Encoding'],
  ...['Connection', 'Keep-Alive', 'TE', 'Upgrade', 'Trailer', 'Expect'],
])('%s in a trailer reaches no upstream', async (name) => {
  const got = await forwarded(port, chunked(`${name}: evil\r\nChecksum: 1\r\n${name}: evil\r\n`))
  expect(got.trailers).toEqual(['Checksum', '1'])
  expect(got.head + got.rawBody.toString('latin1')).not.toContain('evil')
})

test.each(['Content-Length: 5', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip'])(
  'framing in a trailer is refused, and what stands behind it is no request: %s',
  async (line) => {
    const before = upstream.requests.length
    innocent.begin()
    using client = openClient(port)
    client.send(`${chunked(`${line}\r\nChecksum: 1\r\n`)}${request('', '/next')}`)
    expect((await client.ended).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
    await innocent.finish()
    expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/innocent'])
  },
)

const forged: Record<string, string> = {
  'X-Forwarded-For': '203.0.113.9',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'evil.test',
  'X-Forwarded-Port': '6666',
  'X-Forwarded-Prefix': '/evil',
  'X-Forwarded-User': 'evil',
  'X-Forwarded-Uri': '/evil',
  'X-Forwarded': 'for=203.0.113.9',
  Forwarded: 'for=203.0.113.9;host=evil.test;proto=https',
  'X-Real-IP': '203.0.113.9',
  'X-Real-Port': '6666',
  'X-Original-URL': '/evil',
  'X-Original-Host': 'evil.test',
  'X-Rewrite-URL': '/evil',
}
const ours = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'a.test:81',
  'x-forwarded-port': '81',
  forwarded: 'for=127.0.0.1;host="a.test:81";proto=http',
}

test.each(Object.entries(forged))('%s of a peer that nobody trusts is as if it were not there', async (name, value) => {
  for (const spelling of spellings(name)) {
    const got = await forwarded(port, request(`${spelling}: ${value}\r\n`).replace('a.test', 'a.test:81'))
    for (const [header, said] of Object.entries(ours)) expect(got.header(header)).toBe(said)
    // a request id is random
    expect(got.head.replace(/^x-request-id:.*$/im, '')).not.toMatch(/evil|203\.0\.113\.9|6666|https/)
  }
})

test('a trusted proxy is believed in what proxies say, and in nothing else', async () => {
  const all = Object.entries(forged).map(([name, value]) => `${name}: ${value}\r\n`)
  const got = await forwarded(trusting, request(all.join('')))
  expect(got.header('x-forwarded-for')).toBe('203.0.113.9, 127.0.0.1')
  expect(got.header('x-forwarded-proto')).toBe('https')
  expect(got.header('x-forwarded-host')).toBe('evil.test')
  expect(got.header('x-forwarded-port')).toBe('6666')
  expect(got.header('forwarded')).toBe('for=203.0.113.9;host="evil.test";proto=https, for=127.0.0.1')
  expect(got.head).not.toMatch(/x-real|x-original|x-rewrite|prefix|x-forwarded-u|\/evil/i)
})

test('an unknown expectation is answered 417 and not forwarded', async () => {
  const before = upstream.requests.length
  expect(await ask(port, request('Expect: miracles\r\n'))).toMatch(/^HTTP\/1\.1 417 /)
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/innocent'])
})

function request(headers = '', target = '/in'): string {
  return `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n`
}

function chunked(trailers: string): string {
  return `POST /in HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`
}

async function forwarded(at: number, bytes: string): Promise<RecordedRequest> {
  const before = upstream.requests.length
  expect(await ask(at, bytes)).toMatch(/^HTTP\/1\.1 200 /)
  const [got, other] = upstream.requests.slice(before)
  expect(other!.target).toBe('/innocent')
  return got!
}

/** What comes back until the first answer's head is complete, while another connection has a request under way. */
async function ask(at: number, bytes: string): Promise<string> {
  innocent.begin()
  using client = openClient(at)
  client.send(bytes)
  const received = await client.until('\r\n\r\n')
  await innocent.finish()
  return received
}
