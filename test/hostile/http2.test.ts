/** Requests over HTTP/2 that must not be misread, as hand-made frames, against the real program (RFC 9113, section 8). */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificates, type TestCertificates } from '../../packages/gateway/src/testing/certificates.ts'
import { type RecordedRequest, type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'

type Fields = readonly (readonly [name: string, value: string])[]

let certificates: TestCertificates
let upstream: Recorder
let gateway: RunningGateway
let port: number
let folder: string
let innocent: ClientHttp2Session

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-http2-'))
  certificates = makeCertificates(folder)
  upstream = await startRecorder({ respond: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' })
  const plain = await freePort()
  port = await freePort()
  const { certificatePath, keyPath } = certificates.server
  const yaml = `
name: hostile
internal: off
listeners:
  plain: "127.0.0.1:${plain}"
  web: { address: "127.0.0.1:${port}", tls: { certificate: "${certificatePath}", key: "${keyPath}" } }
sessions: { default: { mode: enforce } }
routes:
  - name: all
    match: { path: / }
    headers: { request: { set: { X-User: gateway, X-Visitor: "{session.$id}" } } }
    upstream: "${upstream.url}"
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${plain}/ready` })
  innocent = connectHttp2(`https://localhost:${port}`, { ca: certificates.ca.certificate, host: '127.0.0.1' })
  await once(innocent, 'connect')
})

afterAll(async () => {
  innocent?.destroy()
  await gateway?.stop()
  await upstream?.close()
  rmSync(folder, { recursive: true, force: true })
})

const usual: Fields = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', '/in'],
]
const without = (name: string) => usual.filter(([given]) => given !== name)
const having = (name: string, value: string): Fields =>
  usual.map((field) => (field[0] === name ? [name, value] : field))

const hostile: Record<string, { fields: Fields; body?: string }> = {
  connection: { fields: [...usual, ['connection', 'close']] },
  'keep-alive': { fields: [...usual, ['keep-alive', '1']] },
  'proxy-connection': { fields: [...usual, ['proxy-connection', 'close']] },
  'transfer-encoding': { fields: [...usual, ['transfer-encoding', 'chunked']] },
  upgrade: { fields: [...usual, ['upgrade', 'websocket']] },
  'te other than trailers': { fields: [...usual, ['te', 'gzip']] },
  ':method twice': { fields: [...usual, [':method', 'GET']] },
  ':path twice': { fields: [...usual, [':path', '/other']] },
  ':authority twice': { fields: [...usual, [':authority', 'localhost']] },
  'an unknown pseudo-header': { fields: [...usual, [':x', 'y']] },
  'a pseudo-header of answers': { fields: [...usual, [':status', '200']] },
  'no :method': { fields: without(':method') },
  'no :scheme': { fields: without(':scheme') },
  'no :path': { fields: without(':path') },
  'no :authority and no host': { fields: without(':authority') },
  'a pseudo-header after a header': { fields: [...without(':path'), ['x-a', 'b'], [':path', '/in']] },
  'an uppercase name': { fields: [...usual, ['X-A', 'b']] },
  'host other than :authority': { fields: [...usual, ['host', 'b.test']] },
  'an empty :path': { fields: having(':path', '') },
  'an absolute :path': { fields: having(':path', 'https://localhost/in') },
  'dot segments': { fields: having(':path', '/public/../in') },
  'encoded dot segments': { fields: having(':path', '/public/%2e%2e/in') },
  'a :path with a space': { fields: having(':path', '/in HTTP/1.1') },
  'length longer than the data': { fields: [...having(':method', 'POST'), ['content-length', '9']], body: 'hello' },
  'length shorter than the data': { fields: [...having(':method', 'POST'), ['content-length', '3']], body: 'hello' },
  'length of nothing with data': { fields: [...having(':method', 'POST'), ['content-length', '0']], body: 'hello' },
  'an expectation beside the one that is known': { fields: [...usual, ['expect', '100-continue, foo']] },
  'an expectation in front of the one that is known': {
    fields: [...usual, ['expect', 'foo'], ['expect', '100-continue']],
  },
  'two lengths': {
    fields: [...having(':method', 'POST'), ['content-length', '5'], ['content-length', '6']],
    body: 'hello',
  },
  CONNECT: {
    fields: [
      [':method', 'CONNECT'],
      [':authority', 'localhost:443'],
    ],
  },
  'an unknown method': { fields: having(':method', 'FOO') },
  'a method that is no token': { fields: having(':method', 'GE T') },
}

test.each(Object.entries(hostile))('refused over HTTP/2: %s', async (_name, { fields, body }) => {
  const before = upstream.requests.length
  expect(await outcome(fields, body)).toMatch(/^([45](\d\d|xx)|reset|goaway|closed)$/)
  const stream = innocent.request({ ':path': '/marker' })
  expect(await text(stream)).toBe('ok')
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(['/marker'])
})

// RFC 9113, section 8.2.1 calls these requests malformed. Node drops such fields before anybody sees them, and goes on.
test.each([
  ['a name with a space', 'x a', 'b'],
  ['a name with a colon', 'x-a: b', 'c'],
  ['a name with CR LF', 'x-a\r\nx-b', 'c'],
  ['a name with NUL', 'x-a\0', 'b'],
  ['an empty name', '', 'b'],
  ['a value with CR LF', 'x-a', 'b\r\nx-b: c'],
  ['a value with CR', 'x-a', 'b\rc'],
  ['a value with a vertical tab', 'x-a', 'b\x0bc'],
  ['a value with DEL', 'x-a', 'b\x7f'],
  ['a value with LF', 'x-a', 'b\nx-b: c'],
  ['a value with NUL', 'x-a', 'b\0'],
  ['a value that begins with a space', 'x-a', ' b'],
  ['a value that ends with a tab', 'x-a', 'b\t'],
  ['a header of the gateway with NUL', 'x-user', 'evil\0'],
  ['a cookie with CR LF', 'cookie', 'a=b\r\nx-b: c'],
])('a field that is none makes the request one without it: %s', async (_name, name, value) => {
  const before = upstream.requests.length
  expect(await outcome(usual)).toBe('200')
  expect(await outcome([...usual, [name, value]])).toBe('200')
  expect(await text(innocent.request({ ':path': '/marker' }))).toBe('ok')
  const [without, having, marker] = upstream.requests.slice(before)
  expect(names(having!)).toEqual(names(without!))
  expect(having!.header('x-user')).toBe('gateway')
  expect(marker!.target).toBe('/marker')
})

test.each(['x-user', 'x_user', 'x.user', 'x-visitor', 'x_visitor', 'x_forwarded_for', 'x-real-ip', 'forwarded'])(
  '%s over HTTP/2 passes for nothing that the gateway says, with a session',
  async (name) => {
    const [head] = await once(innocent.request({ ':path': '/in' }), 'response')
    const ticket = String(head['set-cookie']).split(';', 1)[0]!
    const before = upstream.requests.length
    expect(await outcome([...usual, ['cookie', ticket], [name, 'evil'], [name, 'evil']])).toBe('200')
    const got = upstream.requests[before]!
    expect(got.header('x-user')).toBe('gateway')
    expect(got.header('x-visitor')).toBe(ticket.split('.')[1])
    expect(got.header('cookie')).toBeUndefined()
    expect(got.head).not.toContain('evil')
  },
)

test('trailers over HTTP/2 bring nothing that headers could not', async () => {
  const before = upstream.requests.length
  const stream = innocent.request({ ':method': 'POST', ':path': '/in' }, { waitForTrailers: true })
  const claims = { 'x-user': 'evil', x_user: 'evil', cookie: 'evil', authorization: 'evil', 'x-forwarded-for': 'evil' }
  stream.on('wantTrailers', () => stream.sendTrailers({ ...claims, checksum: '1' }))
  stream.end('hello')
  expect(await text(stream)).toBe('ok')
  expect(upstream.requests[before]!.trailers).toEqual(['checksum', '1'])
  expect(upstream.requests[before]!.head).not.toContain('evil')
})

test.each(['FOO', 'get', 'TRACE', 'CONNECT'])('%s is answered alike over HTTP/1.1 and HTTP/2', async (method) => {
  const before = upstream.requests.length
  const connecting = method === 'CONNECT'
  const target = connecting ? 'localhost:443' : '/in'
  const [head] = await once(
    innocent.request({ ':method': method, ...(connecting ? { ':authority': target } : { ':path': target }) }),
    'response',
  )
  const over11 = await overHttp11(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  expect(over11).toMatch(new RegExp(`^HTTP/1\\.1 ${head[':status']} `))
  expect(head[':status']).toBe(method === 'TRACE' ? 501 : 400)
  expect(upstream.requests.length).toBe(before)
})

test('a usual request in hand-made frames is forwarded, its cookie crumbs joined', async () => {
  const before = upstream.requests.length
  expect(await outcome([...usual, ['cookie', 'a=1'], ['cookie', 'b=2']])).toBe('200')
  expect(upstream.requests[before]?.header('cookie')).toBe('a=1; b=2')
})

const names = ({ headers }: RecordedRequest) => headers.filter((_, i) => i % 2 === 0)

/** All that comes for these bytes until the connection ends. */
async function overHttp11(bytes: string): Promise<string> {
  const { ca } = certificates
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: ca.certificate })
  socket.on('error', () => {})
  socket.write(bytes)
  return text(socket)
}

const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 }

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Literal fields without indexing (RFC 7541, 6.2.2); names and values below 127 octets. */
function literals(fields: Fields): Buffer {
  const octets = (value: string) => Buffer.from(`${String.fromCharCode(value.length)}${value}`, 'latin1')
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), octets(name), octets(value)]))
}

/** Status of the answer on stream 1, or how the stream or the connection ended without one. */
async function outcome(fields: Fields, body?: string): Promise<string> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: certificates.ca.certificate,
    ALPNProtocols: ['h2'],
  })
  await once(socket, 'secureConnect')
  const result = new Promise<string>((resolve) => {
    let bytes = Buffer.alloc(0)
    socket.on('error', () => resolve('closed'))
    socket.on('close', () => resolve('closed'))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      for (; bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3); ) {
        const end = 9 + bytes.readUIntBE(0, 3)
        const found = meaning(bytes[3]!, bytes.subarray(9, end))
        bytes = bytes.subarray(end)
        if (found) resolve(found)
      }
    })
  })
  const end = body === undefined ? 1 : 0
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(frameTypes.settings, 0, 0, Buffer.alloc(0)))
  socket.write(frame(frameTypes.headers, 4 | end, 1, literals(fields)))
  if (body !== undefined) socket.write(frame(frameTypes.data, 1, 1, Buffer.from(body)))
  const found = await result
  socket.destroy()
  return found
}

function meaning(type: number, payload: Buffer): string | undefined {
  if (type === frameTypes.reset) return 'reset'
  if (type === frameTypes.goaway) return 'goaway'
  return type === frameTypes.headers ? status(payload) : undefined
}

const indexedStatus = ['200', '204', '206', '304', '400', '404', '500']

/** `:status` is first: from the static table, or a literal of three digits, plain or in Huffman code: then its first digit. */
function status(payload: Buffer): string {
  const first = payload[0]!
  if (first >= 0x88 && first <= 0x8e) return indexedStatus[first - 0x88]!
  if (payload[1]! === 3) return payload.toString('latin1', 2, 5)
  // Digits from 3 on have codes of six bits in a row; that of `3` is 011001.
  return `${3 + (payload[2]! >> 2) - 0b011001}xx`
}
