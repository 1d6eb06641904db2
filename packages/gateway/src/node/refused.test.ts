/** What is known of a request that is refused at the door is told like that of any other. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type OutgoingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificates, type TestCertificates } from '../testing/certificates.ts'
import { openClient, type RawClient } from './fixtures/client.ts'
import { reply, startListener, type TestListener } from './fixtures/listener.ts'

let certificates: TestCertificates
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-refused-'))
  certificates = makeCertificates(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Refused {
  readonly method?: string
  readonly target?: string
  readonly headers?: readonly string[]
  /** Over HTTP/2, where it is another header. */
  readonly authority?: string
  readonly status: number
  readonly code: string
  readonly detail: string
  /** `''` when none is known. */
  readonly host?: string
}

const many = Array.from({ length: 101 }, (_, i) => `X-${i}: 1`)
const both: Record<string, Refused> = {
  'a host that is none': {
    headers: ['Host: a..b'],
    authority: 'a..b',
    status: 400,
    code: 'bad-host',
    detail: 'it is no host name or address with an optional port',
    host: '',
  },
  'a target that is none': { target: '/in?token=x#y', status: 400, code: 'bad-target', detail: 'no target may hold' },
  'dot segments': { target: '/a/%2e%2e/in', status: 400, code: 'ambiguous-target', detail: '"%2e%2e"' },
  'a long target': { target: `/${'x'.repeat(9_000)}`, status: 414, code: 'target-too-long', detail: '8192' },
  'many headers': { headers: ['Host: a', ...many], status: 431, code: 'too-many-headers', detail: '100' },
  'an expectation': { headers: ['Host: a', 'Expect: x'], status: 417, code: 'bad-request', detail: '100-continue' },
  TRACE: { method: 'TRACE', status: 501, code: 'method-not-supported', detail: 'TRACE' },
}

function expectKnown(listener: TestListener, httpVersion: string, refused: Refused): void {
  const { method = 'GET', target = '/in', status, code, detail, host = 'a' } = refused
  expect(listener.rejected).toEqual([])
  expect(listener.finished).toMatchObject([
    {
      status,
      aborted: false,
      exchange: {
        request: { listener: 'test', httpVersion, method, target, host },
        client: { address: '127.0.0.1', peer: '127.0.0.1', port: expect.any(Number) },
        route: undefined,
        reason: code,
        detail: expect.stringContaining(detail),
      },
    },
  ])
  const [{ requestBytes, responseBytes, duration, exchange }] = listener.finished as [TestListener['finished'][0]]
  expect(requestBytes).toBeGreaterThan(target.length)
  expect(responseBytes).toBeGreaterThan(100)
  expect(duration).toBeGreaterThan(0)
  expect(exchange.request.headers.join('\n')).toMatch(/user-agent\ntester/i)
}

test.each(Object.entries(both))('HTTP/1.1: %s is told with all that is known of it', async (_what, refused) => {
  const { method = 'GET', target = '/in', headers = ['Host: a'] } = refused
  await using listener = await startListener({ handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send(`${method} ${target} HTTP/1.1\r\n${[...headers, 'User-Agent: tester', '', ''].join('\r\n')}`)
  const id = /X-Request-Id: (\S+)/.exec(await client.ended)?.[1]
  await listener.finishedCount(1)
  expectKnown(listener, '1.1', refused)
  expect(listener.finished[0]!.exchange.id).toBe(id)
  expect(listener.users.inFlight).toBe(0)
})

test.each(Object.entries(both))('HTTP/2: %s is told with all that is known of it', async (_what, refused) => {
  const { method = 'GET', target = '/in', headers = [], authority = 'a' } = refused
  const tls = { cert: certificates.server.certificate, key: certificates.server.key }
  await using listener = await startListener({ handle: () => reply(200), tls })
  const session = connect(`https://localhost:${listener.port}`, { ca: certificates.ca.certificate, family: 4 } as never)
  const sent: OutgoingHttpHeaders = { ':method': method, ':path': target, ':authority': authority }
  for (const header of [...headers, 'User-Agent: tester']) {
    const [name = '', value] = header.split(': ')
    if (name !== 'Host') sent[name.toLowerCase()] = value
  }
  await text(session.request(sent))
  session.close()
  await listener.finishedCount(1)
  expectKnown(listener, '2.0', refused)
})

test('the query of a target that is refused is what stands behind its path, a fragment too', async () => {
  await using listener = await startListener({ handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send('GET /cb#access_token=x HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.ended
  await listener.finishedCount(1)
  expect(listener.finished[0]!.exchange.request).toMatchObject({ query: 'access_token=x' })
})

test.each([
  ['a target that is longer than anything', `GET /${'x'.repeat(60_000)}`, 'GET', /^\/x{8000}/],
  ['headers larger than anything', `GET /in HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(60_000)}\r\n\r\n`, 'GET', /^\/in$/],
  ['a header that is none', 'PUT /in HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n', 'PUT', /^\/in$/],
  ['CONNECT', 'CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n', 'CONNECT', /^b\.test:443$/],
])('of %s, which is no exchange, the first line is told where it can be read', async (_what, raw, method, target) => {
  await using listener = await startListener({ handle: () => reply(200) })
  using client = openClient(listener.port)
  client.send(raw)
  const answer = await client.ended
  expect(listener.rejected).toMatchObject([
    {
      peerPort: client.socket.localPort,
      detail: expect.stringMatching(/./),
      responseBytes: answer.length,
      line: { method, target: expect.stringMatching(target) },
    },
  ])
})

test.each([
  ['stops', 408, () => {}],
  ['its client ends', 400, (client: RawClient) => void client.socket.end()],
])('of a head that %s the parser gives back no bytes, and no first line is told', async (_what, status, then) => {
  await using listener = await startListener({ timeouts: { headers: 300 }, handle: () => reply(200) })
  using client = openClient(listener.port, { allowHalfOpen: true })
  client.send('GET /in HTTP/1.1\r\nHost: a\r\n')
  then(client)
  expect(await client.ended).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(listener.rejected).toMatchObject([{ status, line: undefined }])
})

test.each(['nonsense\r\n\r\n', 'get / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\0\x01'])(
  'of %j, which is no HTTP, nothing is told but why',
  async (raw) => {
    await using listener = await startListener({ handle: () => reply(200) })
    using client = openClient(listener.port)
    client.send(raw)
    await client.ended
    expect(listener.rejected).toMatchObject([
      { code: 'bad-request', line: undefined, detail: expect.stringMatching(/^It is not HTTP: ./) },
    ])
  },
)
