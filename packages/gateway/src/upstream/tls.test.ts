import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { UpstreamTls, ValueSource } from '@coatcheck/model'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CertificateFiles, makeCertificates, type TestCertificates } from '../testing/certificates.ts'
import { ask, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const dir = mkdtempSync(join(tmpdir(), 'upstream-tls-'))
let made: TestCertificates
beforeAll(() => {
  made = makeCertificates(dir)
})
afterAll(() => rmSync(dir, { recursive: true }))

const value = (pem: Buffer): ValueSource => ({ from: 'value', value: pem.toString() })
const trusting = (part: Partial<UpstreamTls> = {}): UpstreamTls => ({
  ca: value(made.ca.certificate),
  serverName: undefined,
  certificate: undefined,
  key: undefined,
  insecureSkipVerify: false,
  ...part,
})
const serving = (files: CertificateFiles) => startRecorder({ tls: { cert: files.certificate, key: files.key } })
const withClient = (files: CertificateFiles) => ({ certificate: value(files.certificate), key: value(files.key) })

describe('an upstream over TLS', () => {
  test('is reached when its certificate is by the authority and names it; connections are kept', async () => {
    await using recorder = await serving(made.server)
    for (const url of [recorder.url, `https://127.0.0.1:${recorder.port}`]) {
      using stage = stageForward({ targets: [url], tls: trusting() })
      for (let i = 0; i < 3; i++) expect((await ask(stage)).reply.status).toBe(200)
    }
    expect(recorder.connections).toHaveLength(2)
    const [byName, byAddress] = recorder.connections.map(({ socket }) => (socket as TLSSocket).servername)
    expect([byName, byAddress || undefined]).toEqual(['localhost', undefined])
  })

  test('streams a large body whole', async () => {
    const size = 5_000_000
    await using recorder = await startRecorder({
      tls: { cert: made.server.certificate, key: made.server.key },
      respond: () => [`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, Buffer.alloc(size, 'x')],
    })
    using stage = stageForward({ targets: [recorder.url], tls: trusting() })
    for (let i = 0; i < 2; i++) expect((await ask(stage)).text.length).toBe(size)
    expect(recorder.connections).toHaveLength(1)
  })

  test('is asked for by the given server name, and must have that', async () => {
    await using recorder = await serving(made.namedServer)
    using right = stageForward({ targets: [recorder.url], tls: trusting({ serverName: 'a.apps.example.com' }) })
    expect((await ask(right)).reply.status).toBe(200)
    expect((recorder.connections[0]!.socket as TLSSocket).servername).toBe('a.apps.example.com')
    for (const serverName of [
      'apps.example.com',
      'a.b.apps.example.com',
      'shop.example.com.evil',
      '127.0.0.1',
      undefined,
    ]) {
      using wrong = stageForward({ targets: [recorder.url], tls: trusting({ serverName }) })
      await expect(ask(wrong), String(serverName)).rejects.toThrow(/names another host.*ERR_TLS_CERT_ALTNAME_INVALID/)
    }
    expect(recorder.requests).toHaveLength(1)
  })

  test('gets nothing of the request when its certificate is by another authority, or over', async () => {
    for (const [files, problem] of [
      [made.strangerServer, /not signed by a known authority/],
      [made.expired, /has expired/],
      [made.client, /not made for servers|names another host/],
    ] as const) {
      await using recorder = await serving(files)
      using stage = stageForward({ targets: [recorder.url], tls: trusting() })
      const sent = ask(stage)
      await expect(sent).rejects.toMatchObject({ code: 'upstream-connect', status: 502 })
      await expect(sent).rejects.toThrow(problem)
      expect(recorder.requests).toHaveLength(0)
    }
  })

  test('is checked against the known authorities when none is given', async () => {
    await using recorder = await serving(made.server)
    using stage = stageForward({ targets: [recorder.url] })
    await expect(ask(stage)).rejects.toThrow(/not signed by a known authority/)
  })

  test('is not checked with insecureSkipVerify', async () => {
    for (const files of [made.strangerServer, made.expired, made.namedServer]) {
      await using recorder = await serving(files)
      using stage = stageForward({ targets: [recorder.url], tls: trusting({ insecureSkipVerify: true }) })
      expect((await ask(stage)).reply.status).toBe(200)
    }
  })

  test('can ask for our certificate; without one, or with a stranger’s, the answer is 502', async () => {
    await using recorder = await startRecorder({
      tls: {
        ...{ cert: made.server.certificate, key: made.server.key, ca: made.ca.certificate },
        ...{ requestCert: true, rejectUnauthorized: true },
      },
    })
    using known = stageForward({ targets: [recorder.url], tls: trusting(withClient(made.client)) })
    expect((await ask(known)).reply.status).toBe(200)
    const { subject } = (recorder.connections[0]!.socket as TLSSocket).getPeerCertificate()
    expect(subject.CN).toBe('client')
    for (const credentials of [{}, withClient(made.strangerClient)]) {
      using unknown = stageForward({ targets: [recorder.url], tls: trusting(credentials) })
      await expect(ask(unknown)).rejects.toMatchObject({ status: 502 })
    }
    expect(recorder.requests).toHaveLength(1)
  })

  test('that does not speak TLS is named as such', async () => {
    await using recorder = await startRecorder({
      connected: ({ socket }) => void socket.write('HTTP/1.1 400 Bad\r\n\r\n'),
    })
    using stage = stageForward({ targets: [`https://localhost:${recorder.port}`], tls: trusting() })
    await expect(ask(stage)).rejects.toThrow(/does not speak TLS on this port/)
  })

  test('with a certificate or key that cannot be read is refused before any request', () => {
    const broken = { certificate: { from: 'value', value: 'no PEM' }, key: { from: 'value', value: 'no PEM' } } as const
    expect(() => stageForward({ targets: ['https://localhost:1'], tls: trusting(broken) })).toThrow()
    const mixed = { certificate: value(made.client.certificate), key: value(made.server.key) }
    expect(() => stageForward({ targets: ['https://localhost:1'], tls: trusting(mixed) })).toThrow(
      /key values mismatch/i,
    )
  })
})

describe('F12: connections of one identity', () => {
  test('are never used for another, though host and port are the same', async () => {
    await using recorder = await startRecorder({
      tls: {
        ...{ cert: made.server.certificate, key: made.server.key, ca: [made.ca.certificate, made.otherCa.certificate] },
        ...{ requestCert: true, rejectUnauthorized: true },
      },
    })
    using one = stageForward({ targets: [recorder.url], tls: trusting(withClient(made.client)) })
    using two = stageForward({ targets: [recorder.url], tls: trusting(withClient(made.strangerClient)) })
    await ask(one)
    await ask(two)
    await ask(one)
    const names = recorder.connections.map(({ socket }) => (socket as TLSSocket).getPeerCertificate().subject.CN)
    expect(names).toEqual(['client', 'stranger-client'])
  })

  test('resume no TLS session: each new connection checks the certificate again', async () => {
    const reused: boolean[] = []
    await using recorder = await startRecorder({
      tls: { cert: made.server.certificate, key: made.server.key },
      connected: ({ socket }) => void reused.push((socket as TLSSocket).isSessionReused()),
      respond: () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    })
    using stage = stageForward({ targets: [recorder.url], tls: trusting() })
    for (let i = 0; i < 3; i++) await ask(stage)
    expect(reused).toEqual([false, false, false])
  })
})
