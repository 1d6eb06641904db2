import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { CertificateSpec, ClientCertificates, GatewayModel, Listener } from '@coatcheck/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type CertificateFiles,
  makeCertificates,
  type TestCertificates,
} from '../../../../gateway/src/testing/certificates.ts'
import { startRecorder } from '../../../../gateway/src/testing/recorder.ts'
import { listener, model } from '../fixtures/model.ts'
import { type RunningProgram, startProgram } from '../fixtures/program.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

let folder: string
let certificates: TestCertificates
let upstream: Upstream
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-tls-'))
  certificates = makeCertificates(folder)
  upstream = await startUpstream()
})
afterAll(() => {
  upstream.close()
  rmSync(folder, { recursive: true })
})

const internal = { address: { host: '127.0.0.1', port: 0 } }
const spec = ({ certificatePath, keyPath }: CertificateFiles): CertificateSpec => ({
  certificate: { from: 'file', path: certificatePath },
  key: { from: 'file', path: keyPath },
})

function overTls(
  of: CertificateSpec[],
  changes: Partial<Listener> = {},
  clients?: ClientCertificates,
): Partial<GatewayModel> {
  const tls = { certificates: of, clientCertificates: clients }
  return { internal, listeners: [listener('web', { tls, http2: true, ...changes })] }
}

async function handshake({ web }: RunningProgram, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port: Number(web.split(':')[1]), host: '127.0.0.1', rejectUnauthorized: false, ...options })
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return socket
}

/** The names in the certificate that a client gets. */
async function servedFor(
  program: RunningProgram,
  servername: string | undefined,
  options: ConnectionOptions = {},
): Promise<string> {
  const socket = await handshake(program, { ...(servername === undefined ? {} : { servername }), ...options })
  const names = socket.getPeerCertificate().subjectaltname ?? ''
  socket.destroy()
  return names
}

async function ask(socket: TLSSocket, host = 'a'): Promise<string> {
  socket.write(`GET /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  return (await buffer(socket)).toString()
}

test('certificates are chosen by name: exact, wildcard, any case, with a dot at the end; the first for the rest', async () => {
  const all = [spec(certificates.server), spec(certificates.namedServer)]
  await using program = await startProgram(model(upstream.url, overTls(all)))
  for (const name of [
    'shop.example.com',
    'SHOP.Example.com',
    'shop.example.com.',
    'a.apps.example.com',
    'A.APPS.EXAMPLE.COM.',
  ]) {
    expect(await servedFor(program, name), name).toContain('shop.example.com')
  }
  for (const name of [
    'localhost',
    'a.b.apps.example.com',
    'apps.example.com',
    'xshop.example.com',
    'example.com',
    '__proto__',
  ]) {
    expect(await servedFor(program, name), name).toContain('localhost')
  }
  expect(await servedFor(program, '')).toContain('localhost')
})

test('TLS 1.2 and 1.3 are spoken, nothing older', async () => {
  await using program = await startProgram(model(upstream.url, overTls([spec(certificates.server)])))
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake(program, { minVersion: version, maxVersion: version })
    expect(socket.getProtocol()).toBe(version)
    socket.destroy()
  }
  await expect(
    handshake(program, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
  ).rejects.toThrow()
})

test('HTTP/2 and HTTP/1.1 by ALPN, HTTP/1.1 without; not HTTP/2 where it is off', async () => {
  await using program = await startProgram(model(upstream.url, overTls([spec(certificates.server)])))
  const session = connectHttp2(`https://${program.web}`, { rejectUnauthorized: false })
  const stream = session.request({ ':path': '/over-h2' })
  expect((await buffer(stream)).toString()).toBe('GET /over-h2')
  session.close()
  expect(await ask(await handshake(program))).toContain('GET /x')
  await using plain = await startProgram(model(upstream.url, overTls([spec(certificates.server)], { http2: false })))
  await expect(handshake(plain, { ALPNProtocols: ['h2'] })).rejects.toThrow()
  const socket = await handshake(plain, { ALPNProtocols: ['h2', 'http/1.1'] })
  expect(socket.alpnProtocol).toBe('http/1.1')
  socket.destroy()
})

test('new certificate files are served after a reload, on open connections nothing changes', async () => {
  const live = { certificatePath: join(folder, 'live.crt'), keyPath: join(folder, 'live.key') }
  const install = (files: CertificateFiles) => {
    copyFileSync(files.certificatePath, live.certificatePath)
    copyFileSync(files.keyPath, live.keyPath)
  }
  install(certificates.server)
  await using program = await startProgram(model(upstream.url, overTls([spec(live as CertificateFiles)])))
  const open = await handshake(program)
  expect(await servedFor(program, undefined)).toContain('localhost')
  install(certificates.namedServer)
  program.process.kill('SIGHUP')
  await expect.poll(() => servedFor(program, undefined)).toContain('shop.example.com')
  expect(await servedFor(program, 'elsewhere.example')).toContain('shop.example.com')
  expect(await ask(open)).toContain('GET /x')
  const metrics = await (await fetch(`http://${program.started.internal}/metrics`)).text()
  expect(metrics).toMatch(/coatcheck_tls_certificate_not_after_timestamp_seconds\{name="shop\.example\.com"\} \d/)
})

test('a certificate that does not fit its key is refused at a reload, and the old one goes on', async () => {
  const live = { certificatePath: join(folder, 'live.crt'), keyPath: join(folder, 'live.key') }
  copyFileSync(certificates.server.certificatePath, live.certificatePath)
  copyFileSync(certificates.server.keyPath, live.keyPath)
  await using program = await startProgram(model(upstream.url, overTls([spec(live as CertificateFiles)])))
  copyFileSync(certificates.namedServer.certificatePath, live.certificatePath)
  program.process.kill('SIGHUP')
  await expect
    .poll(async () => (await program.status()).configuration.problems.map(({ code }) => code))
    .toContain('certificate-invalid')
  expect(await servedFor(program, undefined)).toContain('localhost')
})

async function statusOverHttp2({ web }: RunningProgram, options: ConnectionOptions): Promise<number | undefined> {
  const session = connectHttp2(`https://${web}`, {
    rejectUnauthorized: false,
    ...options,
  } as SecureClientSessionOptions)
  try {
    const stream = session.request()
    stream.resume()
    const [headers] = await once(stream, 'response')
    return headers[':status']
  } finally {
    session.destroy()
  }
}

/** Whether a request of such a client gets to the upstream. */
async function reaches(
  program: RunningProgram,
  client: CertificateFiles | undefined,
  more: ConnectionOptions = {},
): Promise<boolean> {
  const pair = client === undefined ? {} : { cert: client.certificate, key: client.key }
  try {
    return (await ask(await handshake(program, { ...pair, ...more }))).includes('200 OK')
  } catch {
    return false
  }
}

test('F12: where client certificates are required, no name, no case and no protocol leads around them', async () => {
  const clients = {
    mode: 'require',
    ca: { from: 'file', path: certificates.ca.certificatePath },
    forward: false,
  } as const
  const all = [spec(certificates.server), spec(certificates.namedServer)]
  await using program = await startProgram(model(upstream.url, overTls(all, {}, clients)))
  expect(await reaches(program, certificates.client)).toBe(true)
  expect(await reaches(program, certificates.client, { servername: 'shop.example.com' })).toBe(true)
  for (const servername of ['localhost', 'shop.example.com', 'SHOP.example.com.', 'nobody.example', '']) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const more = { servername, maxVersion }
      expect(await reaches(program, undefined, more), `${servername} ${maxVersion}`).toBe(false)
      expect(await reaches(program, certificates.strangerClient, more), `${servername} ${maxVersion}`).toBe(false)
    }
  }
})

test('a valid client certificate is passed on as Client-Cert, without one a request goes on, an invalid one is refused', async () => {
  await using recorder = await startRecorder()
  const clients = {
    mode: 'request',
    ca: { from: 'file', path: certificates.ca.certificatePath },
    forward: true,
  } as const
  await using program = await startProgram(model(recorder.url, overTls([spec(certificates.server)], {}, clients)))
  for (const client of [certificates.client, undefined]) expect(await reaches(program, client)).toBe(true)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { certificate: cert, key } = certificates.strangerClient
    const answer = await ask(await handshake(program, { cert, key, maxVersion }))
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*\r\nCoatcheck-Code: client-certificate-invalid\r\n/s)
    expect(await statusOverHttp2(program, { cert, key, maxVersion })).toBe(400)
  }
  const passed = recorder.requests.map((request) => request.header('client-cert'))
  expect(passed.slice(1)).toEqual([undefined])
  expect(passed[0]).toMatch(/^:[A-Za-z0-9+/=]+:$/)
  const pem = certificates.client.certificate.toString().replaceAll(/-----.*-----|\s/g, '')
  expect(passed[0]).toBe(`:${pem}:`)
})

test('WebSockets go through over TLS', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(sockets, 'listening')
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const { port } = sockets.address() as { port: number }
  await using program = await startProgram(model(`http://127.0.0.1:${port}`, overTls([spec(certificates.server)])))
  const socket = new WebSocket(`wss://${program.web}/`, { rejectUnauthorized: false })
  await once(socket, 'open')
  const sent = Buffer.alloc(300_000, 'x')
  socket.send(sent)
  expect(sent.equals((await once(socket, 'message'))[0])).toBe(true)
  socket.close(1000, 'done')
  expect((await once(socket, 'close'))[0]).toBe(1000)
  sockets.close()
})

test('a handshake that never ends is cut off, and disturbs nobody', async () => {
  const timeouts = { headers: 300, keepAlive: 5_000, idle: 5_000 }
  await using program = await startProgram(model(upstream.url, overTls([spec(certificates.server)], { timeouts })))
  const { connect: connectPlain } = await import('node:net')
  const silent = connectPlain(Number(program.web.split(':')[1]), '127.0.0.1')
  silent.on('error', () => {})
  silent.write('\x16\x03\x01')
  const noise = connectPlain(Number(program.web.split(':')[1]), '127.0.0.1')
  noise.on('error', () => {})
  noise.write('GET / HTTP/1.1\r\n\r\n')
  await once(noise.resume(), 'close')
  expect(await ask(await handshake(program))).toContain('GET /x')
  await once(silent.resume(), 'close')
})
