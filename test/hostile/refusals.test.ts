/** Behind a refusal nothing is read: the connection ends, whatever the client sends with it or after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RawClient, rawClient } from '../../packages/gateway/src/node/fixtures/client.ts'
import { makeCertificates } from '../../packages/gateway/src/testing/certificates.ts'
import { type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'
import { type Innocent, openInnocent } from './innocent.ts'
import { dial, type Ports, transports } from './transports.ts'

let upstream: Recorder
let gateway: RunningGateway
let ports: { patient: Ports; body: Ports; head: Ports }
let folder: string

beforeAll(async () => {
  upstream = await startRecorder({ respond: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' })
  const both = async () => ({ tcp: await freePort(), tls: await freePort() })
  ports = { patient: await both(), body: await both(), head: await both() }
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-refusals-'))
  const { certificatePath, keyPath } = makeCertificates(folder).server
  const tls = `tls: { certificate: "${certificatePath}", key: "${keyPath}" }`
  const yaml = `
name: refusals
internal: off
listeners:
  patient: "127.0.0.1:${ports.patient.tcp}"
  body: { address: "127.0.0.1:${ports.body.tcp}", timeouts: { idle: 300ms } }
  head: { address: "127.0.0.1:${ports.head.tcp}", timeouts: { headers: 300ms } }
  patient-tls: { address: "127.0.0.1:${ports.patient.tls}", ${tls} }
  body-tls: { address: "127.0.0.1:${ports.body.tls}", timeouts: { idle: 300ms }, ${tls} }
  head-tls: { address: "127.0.0.1:${ports.head.tls}", timeouts: { headers: 300ms }, ${tls} }
routes:
  - { name: all, match: { path: / }, upstream: "${upstream.url}" }
`
  gateway = await startGateway({
    files: { 'coatcheck.yaml': yaml },
    ready: `http://127.0.0.1:${ports.patient.tcp}/ready`,
  })
})

afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
  rmSync(folder, { recursive: true, force: true })
})

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
const post = (target: string, headers: string) => `POST ${target} HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n\r\n`
const length = 'Content-Length: 5'
const chunks = 'Transfer-Encoding: chunked'

interface Refused {
  /** Status and code of the answer. */
  readonly answer: string
  /** The same over TLS, where it comes in records of 16 KB: of a later one the parser does not say that it is the target. */
  readonly overTls?: string
  /** Up to the refusal. */
  readonly bytes: string
  /** What of the same request is still to come. */
  readonly rest?: string
  /** What of it has a deadline, which passes. */
  readonly late?: 'body' | 'head'
}

const refused: Record<string, Refused> = {
  'a target that is none': { answer: '400 bad-target', bytes: post('/in#x', length), rest: 'hello' },
  'a target that is none, body and all': { answer: '400 bad-target', bytes: `${post('/in#x', length)}hello` },
  'a target of two readings': { answer: '400 ambiguous-target', bytes: post('/a/../in', length), rest: 'hello' },
  CONNECT: { answer: '400 bad-target', bytes: 'CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n' },
  'a host that is none': { answer: '400 bad-host', bytes: 'GET /in HTTP/1.1\r\nHost: a b\r\n\r\n' },
  'two lengths': { answer: '400 bad-framing', bytes: post('/in', `${length}\r\nContent-Length: 6`), rest: 'hello!' },
  'another coding': { answer: '400 bad-framing', bytes: post('/in', 'Transfer-Encoding: gzip'), rest: 'hello' },
  'a bad chunk': { answer: '400 bad-framing', bytes: `${post('/in', chunks)}5\r\nhello\r\nx\r\n`, rest: '0\r\n\r\n' },
  'a header that is none': { answer: '400 bad-request', bytes: 'GET /in HTTP/1.1\r\nHost: a.test\r\nX A: b\r\n\r\n' },
  'bytes that are no request': { answer: '400 bad-request', bytes: 'nonsense\r\n\r\n' },
  'headers that stop': {
    answer: '408 request-timeout',
    bytes: 'GET /in HTTP/1.1\r\nHost: a',
    rest: '\r\n\r\n',
    late: 'head',
  },
  'no body': { answer: '408 request-timeout', bytes: post('/in', length), rest: 'hello', late: 'body' },
  'a body that stops': { answer: '408 request-timeout', bytes: `${post('/in', length)}he`, rest: 'llo', late: 'body' },
  'chunks that stop': {
    answer: '408 request-timeout',
    bytes: `${post('/in', chunks)}5\r\nhe`,
    rest: 'llo\r\n0\r\n\r\n',
    late: 'body',
  },
  'long extensions': {
    answer: '413 bad-framing',
    bytes: `${post('/in', chunks)}5;${'a'.repeat(20_000)}`,
    rest: '\r\nhello\r\n0\r\n\r\n',
  },
  'a long target': { answer: '414 target-too-long', bytes: post(`/in?${'a'.repeat(9_000)}`, length), rest: 'hello' },
  'a target longer than all': {
    answer: '414 target-too-long',
    overTls: '431 headers-too-large',
    bytes: `GET /in?${'a'.repeat(60_000)}`,
  },
  'an expectation': { answer: '417 bad-request', bytes: post('/in', `${length}\r\nExpect: miracles`), rest: 'hello' },
  'many headers': {
    answer: '431 too-many-headers',
    bytes: post('/in', `${'X: y\r\n'.repeat(200)}${length}`),
    rest: 'hello',
  },
  'large headers': {
    answer: '431 headers-too-large',
    bytes: post('/in', `X: ${'y'.repeat(20_000)}\r\n${length}`),
    rest: 'hello',
  },
  TRACE: { answer: '501 method-not-supported', bytes: 'TRACE /in HTTP/1.1\r\nHost: a.test\r\n\r\n' },
}

const atOnce = Object.entries(refused).filter(
  ([, { bytes, rest, late }]) => late === undefined && (rest !== undefined || bytes.endsWith('\n')),
)

describe.each(transports)('over %s', (transport) => {
  test.each(Object.entries(refused))('%s: what comes after the answer is no request', async (_name, request) => {
    const before = upstream.requests.length
    const answer = (transport === 'tls' && request.overTls) || request.answer
    using innocent = openInnocent(ports.patient.tcp, 'ok')
    innocent.begin()
    using client = rawClient(dial(transport, ports[request.late ?? 'patient'][transport], { allowHalfOpen: true }))
    client.send(request.bytes)
    await client.until(`"code":"${answer.slice(4)}"`)
    client.send(`${request.rest ?? ''}${smuggled}`)
    await judge(client, innocent, answer, before)
  })

  test.each(atOnce)('%s: what comes in the same packet is no request', async (_name, request) => {
    const before = upstream.requests.length
    const answer = (transport === 'tls' && request.overTls) || request.answer
    using innocent = openInnocent(ports.patient.tcp, 'ok')
    innocent.begin()
    using client = rawClient(dial(transport, ports.patient[transport], { allowHalfOpen: true }))
    client.send(`${request.bytes}${request.rest ?? ''}${smuggled}`)
    await judge(client, innocent, answer, before)
  })
})

/** One answer, the end of the connection, and nothing at the upstream but the other visitor's request. */
async function judge(client: RawClient, innocent: Innocent, answer: string, before: number): Promise<void> {
  const received = await client.ended
  if (!client.socket.closed) {
    const closed = new Promise((resolve) => client.socket.once('close', resolve))
    client.send(smuggled)
    client.socket.end()
    await closed
  }
  await innocent.finish()
  // a client that sends on while it is refused may be told by a reset, which can take the answer along
  if (client.error === undefined || received !== '') {
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${answer.slice(0, 3)} [^]*"code":"${answer.slice(4)}"`))
    expect(received).toMatch(/\r\nConnection: close\r\n/)
    expect(received.match(/HTTP\/1\.1 \d\d\d/g)).toHaveLength(1)
  }
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/innocent'])
}
