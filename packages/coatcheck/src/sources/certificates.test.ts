import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { native } from '@coatcheck/dialects'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificates, type TestCertificates } from '../../../gateway/src/testing/certificates.ts'
import { filesSource } from './files.ts'

let folder: string
let made: TestCertificates
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-certificates-'))
  made = makeCertificates(folder)
  writeFileSync(join(folder, 'nonsense.pem'), 'nonsense')
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Problems as `LINE severity code`. */
async function problems(listenerTls: string, upstreamTls = '{}'): Promise<string[]> {
  writeFileSync(
    join(folder, 'coatcheck.yaml'),
    `listeners:
  web:
    address: 127.0.0.1:8443
    tls: ${listenerTls}
upstreams:
  app: { urls: ["https://127.0.0.1:3443"], tls: ${upstreamTls} }
routes: [{ name: app, match: { path: / }, upstream: app }]
`,
  )
  const source = filesSource({ paths: ['coatcheck.yaml'], dialect: native, environment: {}, cwd: folder })
  const { diagnostics } = await source.load()
  return diagnostics.map(({ place, severity, code }) => `${place?.line} ${severity} ${code}`)
}

test('what belongs together and can be read is fine', async () => {
  const { server, namedServer, client, ca } = made
  const listener = `[{ certificate: ${server.certificatePath}, key: ${server.keyPath} }, { certificate: ${namedServer.certificatePath}, key: ${namedServer.keyPath} }]`
  const upstream = `{ ca: ${ca.certificatePath}, certificate: ${client.certificatePath}, key: ${client.keyPath} }`
  expect(await problems(listener, upstream)).toEqual([])
})

test('a key of another certificate is an error', async () => {
  expect(await problems(`{ certificate: ${made.server.certificatePath}, key: ${made.client.keyPath} }`)).toEqual([
    '4 error certificate-key-mismatch',
  ])
})

test('what is no certificate, no key, no authority is an error each', async () => {
  const { server } = made
  expect(await problems(`{ certificate: nonsense.pem, key: ${server.keyPath} }`, '{ ca: nonsense.pem }')).toEqual([
    '4 error certificate-invalid',
    '6 error certificate-invalid',
  ])
  expect(await problems(`{ certificate: ${server.certificatePath}, key: nonsense.pem }`)).toEqual([
    '4 error private-key-invalid',
  ])
})

test('a certificate that has ended is a warning', async () => {
  const { expired } = made
  expect(await problems(`{ certificate: ${expired.certificatePath}, key: ${expired.keyPath} }`)).toEqual([
    '4 warning certificate-expired',
  ])
})

test('a file that is missing is told once', async () => {
  expect(await problems(`{ certificate: absent.pem, key: ${made.server.keyPath} }`)).toEqual(['4 error file-missing'])
})

test('each file is told where it is named, alone or in a list', async () => {
  expect(await problems('\n      certificate: absent.pem\n      key: gone.pem')).toEqual([
    '5 error file-missing',
    '6 error file-missing',
  ])
  const { server } = made
  const second = '\n      - { certificate: absent.pem,\n          key: gone.pem }'
  const pair = `\n      - { certificate: ${server.certificatePath}, key: ${server.keyPath} }`
  expect(await problems(pair + second)).toEqual(['6 error file-missing', '7 error file-missing'])
})
