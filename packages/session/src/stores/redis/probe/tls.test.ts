/** TLS on the way to one server: its certificate, ours, and what else may speak there. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { broken } from '../connection/failure.ts'
import type { Tls } from '../options.ts'
import { folder } from '../testing/processes.ts'
import {
  type Settings,
  type TestAuthority,
  type TestCertificate,
  testAuthority,
  testStandalone,
  tlsSettings,
} from '../testing/servers.ts'
import { reasonOfTls } from './reach.ts'
import type { ProbeReason } from './report.ts'
import { hurried, oddServer, passed, probe, problems, standalone } from './testing/probing.ts'

const place = folder()
let ca: TestAuthority
let otherCa: TestAuthority
let client: TestCertificate
let good: TestCertificate
beforeAll(() => {
  ca = testAuthority(place.path)
  otherCa = testAuthority(place.path, 'other')
  client = ca.issue('client', 'DNS:client')
  good = ca.issue('server', 'DNS:localhost')
})
afterAll(() => place.remove())

const trusting = (more: Tls = {}): { readonly tls: Tls } => ({ tls: { ca: () => [ca.certificate], ...more } })
const at = (port: number) => standalone(port, 'localhost')
const shown = ({ certificate, key }: TestCertificate) => ({ client: () => ({ certificate, key }) })

function tlsServer(certificate: TestCertificate, clients: 'yes' | 'no' = 'no', settings: Settings = {}) {
  return testStandalone({
    portSettings: (port) => ({ ...tlsSettings(port, ca, certificate, clients), ...settings }),
    cli: ['--tls', '--insecure', '--cert', client.certificatePath, '--key', client.keyPath],
  })
}

test('a certificate that is right, has another name, or comes from nobody we know', async () => {
  await using server = await tlsServer(good)
  const right = await probe(at(server.port), trusting())
  expect(problems(right)).toEqual([])
  expect(passed(right).slice(0, 4)).toEqual(['name', 'tcp', 'tls', 'protocol'])
  expect(right.steps.find(({ step }) => step === 'tls')?.message).toMatch(/^TLSv1\.3, its certificate ends at /)
  const byAddress = await probe(standalone(server.port), trusting())
  expect(problems(byAddress)).toEqual(['tls failed certificate-name'])
  expect(problems(await probe(standalone(server.port), trusting({ serverName: 'localhost' })))).toEqual([])
  expect(problems(await probe(at(server.port), { tls: {} }))).toEqual(['tls failed certificate-untrusted'])
  const other = { tls: { ca: () => [otherCa.certificate] } }
  expect(problems(await probe(at(server.port), other))).toEqual(['tls failed certificate-untrusted'])
  expect(problems(await probe(at(server.port), { tls: { insecureSkipVerify: true } }))).toEqual([])
})

test('a certificate that signed itself, has ended, or ends soon', async () => {
  await using self = await tlsServer(otherCa)
  expect(problems(await probe(at(self.port), trusting()))).toEqual(['tls failed certificate-untrusted'])
  await using old = await tlsServer(ca.issue('old', 'DNS:localhost', -1))
  expect(problems(await probe(at(old.port), trusting()))).toEqual(['tls failed certificate-expired'])
  const unverified = await probe(at(old.port), { tls: { insecureSkipVerify: true } })
  expect(problems(unverified)).toEqual(['tls warned certificate-expired'])
  await using aging = await tlsServer(ca.issue('aging', 'DNS:localhost', 3))
  const report = await probe(at(aging.port), trusting())
  expect(problems(report)).toEqual(['tls warned certificate-ends-soon'])
  expect(report.ok).toBe(true)
})

test('a server that wants a client certificate, takes ours, or does not', async () => {
  await using server = await tlsServer(good, 'yes')
  expect(problems(await probe(at(server.port), trusting(shown(client))))).toEqual([])
  expect(problems(await probe(at(server.port), trusting()))).toEqual(['tls failed client-certificate-wanted'])
  const stranger = otherCa.issue('stranger', 'DNS:client')
  const refused = await probe(at(server.port), trusting(shown(stranger)))
  expect(problems(refused)).toEqual(['tls failed client-certificate-refused'])
  const old = ca.issue('oldclient', 'DNS:client', -1)
  const late = await probe(at(server.port), trusting(shown(old)))
  expect(problems(late)).toEqual(['tls failed client-certificate-refused'])
})

test('the same with TLS 1.2, where a server says so within the handshake', async () => {
  await using server = await tlsServer(good, 'yes', { 'tls-protocols': 'TLSv1.2' })
  const right = await probe(at(server.port), trusting(shown(client)))
  expect(problems(right)).toEqual([])
  expect(right.steps.find(({ step }) => step === 'tls')?.message).toMatch(/^TLSv1\.2/)
  expect(problems(await probe(at(server.port), trusting()))).toEqual(['tls failed client-certificate-wanted'])
  const stranger = otherCa.issue('other12', 'DNS:client')
  const refused = await probe(at(server.port), trusting(shown(stranger)))
  expect(problems(refused)).toEqual(['tls failed client-certificate-refused'])
})

const ofCertificates = [42, 43, 44, 45, 46, 48]
const alerts: readonly (readonly [alert: number, without: ProbeReason, given: ProbeReason])[] = [
  [40, 'client-certificate-wanted', 'tls-failed'],
  ...ofCertificates.map((alert) => [alert, 'client-certificate-wanted', 'client-certificate-refused'] as const),
  [116, 'client-certificate-wanted', 'client-certificate-wanted'],
  [70, 'tls-failed', 'tls-failed'],
  [80, 'tls-failed', 'tls-failed'],
]
test.each(alerts)('alert %i, to whom gave no certificate: %s; to whom gave one: %s', async (alert, without, given) => {
  const bytes = Buffer.from([0x15, 3, 3, 0, 2, 2, alert])
  await using server = await oddServer((socket) => socket.once('data', () => socket.end(bytes)))
  const none = await probe(at(server.port), trusting())
  expect(problems(none)).toEqual([`tls failed ${without}`])
  expect(none.steps.at(-1)?.message).not.toMatch(/error:|SSL routines/)
  expect(problems(await probe(at(server.port), trusting(shown(client))))).toEqual([`tls failed ${given}`])
})

test('an authority, certificate or key of ours that cannot be used', async () => {
  await using server = await tlsServer(good)
  const missing = () => {
    throw Object.assign(new Error('there is no file'), { code: 'file-missing' })
  }
  for (const tls of [
    { client: () => ({ certificate: client.certificate, key: 'no key' }) },
    { client: () => ({ certificate: client.certificate, key: good.key }) },
    { client: missing },
    { ca: missing },
  ]) {
    expect(problems(await probe(at(server.port), trusting(tls)))).toEqual(['tls failed certificate-unreadable'])
  }
})

test('TLS spoken to a plain port, and the reverse', async () => {
  await using plain = await testStandalone()
  expect(problems(await probe(at(plain.port), trusting()))).toEqual(['tls failed tls-not-spoken'])
  await using secure = await tlsServer(good)
  expect(problems(await probe(at(secure.port)))).toEqual(['protocol failed tls-expected'])
  await using strict = await tlsServer(good, 'yes')
  expect(problems(await probe(at(strict.port)))).toEqual(['protocol failed tls-expected'])
})

test('TLS spoken to what says nothing, hangs up, or speaks HTTP', async () => {
  await using silent = await oddServer(() => {})
  const report = await probe(at(silent.port), { ...trusting(), ports: hurried })
  expect(problems(report)).toEqual(['tls failed tls-failed'])
  await using rude = await oddServer((socket) => socket.once('data', () => socket.end()))
  expect(problems(await probe(at(rude.port), trusting()))).toEqual(['tls failed tls-failed'])
  await using web = await oddServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  expect(problems(await probe(at(web.port), trusting()))).toEqual(['tls failed tls-not-spoken'])
})

test('a plain Redis that waits for the end of the line which a handshake is to it', async () => {
  const answerPlain = (bytes: Buffer) => bytes.toString('latin1').startsWith('*1\r\n$4\r\nPING')
  await using patient = await oddServer((socket) => {
    socket.on('data', (bytes: Buffer) => answerPlain(bytes) && socket.write('+PONG\r\n'))
  })
  const report = await probe(at(patient.port), { ...trusting(), ports: hurried })
  expect(problems(report)).toEqual(['tls failed tls-not-spoken'])
})

test.each([
  ['CERT_NOT_YET_VALID', 'certificate-not-yet-valid'],
  ['HOSTNAME_MISMATCH', 'certificate-name'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-untrusted'],
  ['CERT_REVOKED', 'certificate-untrusted'],
  ['ERR_OSSL_PEM_NO_START_LINE', 'certificate-unreadable'],
  ['ECONNRESET', 'tls-failed'],
])('Node says %s: %s', (code, reason) => {
  const failure = broken('redis:6379', Object.assign(new Error('why'), { code }), 'tls')
  expect(reasonOfTls(failure, {})).toBe(reason)
})
