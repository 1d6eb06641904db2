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
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-redis-stores-'))
  made = makeCertificates(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

function source(redis: string, environment: Record<string, string> = {}) {
  writeFileSync(
    join(folder, 'coatcheck.yaml'),
    `name: shop
listeners: { web: 127.0.0.1:8080 }
stores:
  main:
    redis:
      ${redis}
sessions: { default: { mode: enforce, store: main } }
routes: [{ name: app, upstream: http://127.0.0.1:3000 }]
keys: { k1: { env: KEY } }
`,
  )
  const times = { settle: 20, poll: 2 ** 30 }
  const all = { KEY: 'ab'.repeat(16), ...environment }
  return filesSource({ paths: ['coatcheck.yaml'], dialect: native, environment: all, cwd: folder, times })
}

/** Problems as `LINE severity code`, and all that is said of them. */
async function problems(redis: string, environment?: Record<string, string>) {
  const { diagnostics } = await source(redis, environment).load()
  const said = JSON.stringify(diagnostics)
  expect(said).not.toContain('hunter2')
  return diagnostics.map(({ place, severity, code }) => `${place?.line} ${severity} ${code}`)
}

const auth = '\n      auth: { password: { file: redis.pw } }'

test('a URL in the environment is read, and what is weak about it told', async () => {
  const weak = ['6 warning store-plain-tcp', '6 warning store-without-password']
  expect(await problems('url: { env: REDIS_URL }', { REDIS_URL: 'redis://redis' })).toEqual(weak)
  expect(await problems('url: { env: REDIS_URL }', { REDIS_URL: 'rediss://:hunter2@redis' })).toEqual([])
})

test.each([
  ['redis://redis?password=hunter2', '6 error store-url-invalid'],
  ['http://:hunter2@redis', '6 error store-url-invalid'],
  ['', '6 error environment-missing'],
])('the URL %j in the environment is refused where it is named', async (url, expected) => {
  expect(await problems('url: { env: REDIS_URL }', { REDIS_URL: url })).toEqual([expected])
})

test('a URL contradicts what stands beside it wherever it lies', async () => {
  writeFileSync(join(folder, 'redis.pw'), 'hunter2\n')
  const environment = { REDIS_URL: 'rediss://:hunter2@redis' }
  expect(await problems(`url: { env: REDIS_URL }${auth}`, environment)).toEqual(['6 error store-url-invalid'])
})

test('a file may hold the URL with a line break behind it', async () => {
  writeFileSync(join(folder, 'redis.url'), 'rediss://:hunter2@redis\r\n')
  expect(await problems('url: { file: redis.url }')).toEqual([])
})

test.each(['', '\n', '\r\n'])('a file with %j is no password', async (content) => {
  writeFileSync(join(folder, 'redis.pw'), content)
  expect(await problems(`standalone: localhost${auth}`)).toEqual(['7 error store-password-empty'])
})

test('a password of sentinels may be empty no more than that of the store', async () => {
  writeFileSync(join(folder, 'redis.pw'), 'hunter2')
  writeFileSync(join(folder, 'empty.pw'), '')
  const sentinel = 'sentinel: { masterName: m, nodes: [localhost], auth: { password: { file: empty.pw } } }'
  expect(await problems(sentinel + auth)).toEqual(['6 error store-password-empty'])
})

test('a password that is not there is told once', async () => {
  expect(await problems('standalone: localhost\n      auth: { password: { file: absent.pw } }')).toEqual([
    '7 error file-missing',
  ])
})

test('authorities, client certificate and key are looked at, the sentinels’ too', async () => {
  writeFileSync(join(folder, 'redis.pw'), 'hunter2')
  writeFileSync(join(folder, 'nonsense.pem'), 'nonsense')
  const { ca, client, server, expired } = made
  const good = `tls: { ca: [${ca.certificatePath}, ${server.certificatePath}], certificate: ${client.certificatePath}, key: ${client.keyPath} }`
  expect(await problems(`standalone: redis${auth}\n      ${good}`)).toEqual([])
  expect(await problems(`standalone: redis${auth}\n      tls: { ca: [${ca.certificatePath}, nonsense.pem] }`)).toEqual([
    '8 error certificate-invalid',
  ])
  const foreign = `tls: { certificate: ${expired.certificatePath}, key: ${client.keyPath} }`
  const both = ['8 warning certificate-expired', '8 error certificate-key-mismatch']
  expect(await problems(`standalone: redis${auth}\n      ${foreign}`)).toEqual(both)
  const sentinel = `sentinel: { masterName: m, nodes: [s], ${foreign} }`
  const sentinels = ['6 warning certificate-expired', '6 error certificate-key-mismatch']
  expect(await problems(`${sentinel}${auth}\n      tls: {}`)).toEqual(sentinels)
})

test('another password in its file is seen, and the model stays the same', async () => {
  writeFileSync(join(folder, 'redis.pw'), 'hunter2')
  const files = source(`standalone: localhost${auth}`)
  const before = await files.load()
  const changed = Promise.withResolvers<void>()
  const stop = files.watch(changed.resolve)
  writeFileSync(join(folder, 'redis.pw'), 'hunter3')
  await changed.promise
  stop()
  const after = await files.load()
  expect(after.revision).not.toBe(before.revision)
  expect(after.model).toEqual(before.model)
})
