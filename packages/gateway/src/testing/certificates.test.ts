import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeCertificates } from './certificates.ts'

const dir = mkdtempSync(join(tmpdir(), 'certificates-'))
afterAll(() => rmSync(dir, { recursive: true }))

test('each certificate is signed by the authority it is said to be, and only the expired one is over', () => {
  const made = makeCertificates(dir)
  const parse = (pem: Buffer) => new X509Certificate(pem)
  const ca = parse(made.ca.certificate).publicKey
  const other = parse(made.otherCa.certificate).publicKey
  for (const { certificate } of [made.server, made.namedServer, made.expired, made.client]) {
    expect(parse(certificate).verify(ca)).toBe(true)
  }
  for (const { certificate } of [made.strangerServer, made.strangerClient]) {
    expect(parse(certificate).verify(other)).toBe(true)
    expect(parse(certificate).verify(ca)).toBe(false)
  }
  const over = Object.entries(made).filter(([, files]) => new Date(parse(files.certificate).validTo) < new Date())
  expect(over.map(([name]) => name)).toEqual(['expired'])
  expect(parse(made.server.certificate).checkHost('localhost')).toBe('localhost')
  expect(parse(made.server.certificate).checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(parse(made.namedServer.certificate).checkHost('localhost')).toBeUndefined()
})
