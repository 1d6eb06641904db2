import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** PEM, in memory and as the files that hold it. */
export interface CertificateFiles {
  readonly certificate: Buffer
  readonly key: Buffer
  readonly certificatePath: string
  readonly keyPath: string
}

export interface TestCertificates {
  readonly ca: CertificateFiles
  /** Signed nothing of the others; made `strangerServer` and `strangerClient`. */
  readonly otherCa: CertificateFiles
  /** `localhost`, `127.0.0.1`, `::1`. */
  readonly server: CertificateFiles
  /** By `ca`, for `shop.example.com` and `*.apps.example.com` alone. */
  readonly namedServer: CertificateFiles
  /** For `localhost`, ended yesterday. */
  readonly expired: CertificateFiles
  /** For client authentication: `CN=client`. */
  readonly client: CertificateFiles
  /** For `localhost`, by `otherCa`. */
  readonly strangerServer: CertificateFiles
  readonly strangerClient: CertificateFiles
}

/** Makes a small world of certificates in `dir` (created when absent) with the `openssl` command. Takes about 0.2 s. */
export function makeCertificates(dir: string): TestCertificates {
  mkdirSync(dir, { recursive: true })
  const ca = makeCa(dir, 'ca')
  const otherCa = makeCa(dir, 'other-ca')
  const local = 'DNS:localhost,IP:127.0.0.1,IP:::1'
  return {
    ca,
    otherCa,
    server: issue(dir, 'server', { by: ca, names: local, use: 'serverAuth' }),
    namedServer: issue(dir, 'named-server', {
      by: ca,
      names: 'DNS:shop.example.com,DNS:*.apps.example.com',
      use: 'serverAuth',
    }),
    expired: issue(dir, 'expired', { by: ca, names: local, use: 'serverAuth', days: -1 }),
    client: issue(dir, 'client', { by: ca, names: 'DNS:client', use: 'clientAuth' }),
    strangerServer: issue(dir, 'stranger-server', { by: otherCa, names: local, use: 'serverAuth' }),
    strangerClient: issue(dir, 'stranger-client', { by: otherCa, names: 'DNS:client', use: 'clientAuth' }),
  }
}

interface Issue {
  readonly by: CertificateFiles
  readonly names: string
  readonly use: 'serverAuth' | 'clientAuth'
  readonly days?: number
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function makeCa(dir: string, name: string): CertificateFiles {
  const { keyPath, certificatePath } = paths(dir, name)
  openssl('req', '-x509', ...newKey, '-keyout', keyPath, '-out', certificatePath, '-subj', `/CN=${name}`, '-days', '30')
  return read(dir, name)
}

function issue(dir: string, name: string, { by, names, use, days = 30 }: Issue): CertificateFiles {
  const { keyPath, certificatePath } = paths(dir, name)
  const request = join(dir, `${name}.csr`)
  const extensions = join(dir, `${name}.ext`)
  writeFileSync(extensions, `subjectAltName=${names}\nextendedKeyUsage=${use}\nbasicConstraints=CA:FALSE\n`)
  openssl('req', ...newKey, '-keyout', keyPath, '-out', request, '-subj', `/CN=${name}`)
  openssl(
    ...['x509', '-req', '-in', request, '-CA', by.certificatePath, '-CAkey', by.keyPath, '-CAcreateserial'],
    ...['-extfile', extensions, '-days', String(days), '-out', certificatePath],
  )
  return read(dir, name)
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function paths(dir: string, name: string) {
  return { certificatePath: join(dir, `${name}.crt`), keyPath: join(dir, `${name}.key`) }
}

function read(dir: string, name: string): CertificateFiles {
  const files = paths(dir, name)
  return { ...files, certificate: readFileSync(files.certificatePath), key: readFileSync(files.keyPath) }
}
