import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate and its key: PEM, and the files that hold it. */
export interface TestCertificate {
  readonly certificate: string
  readonly key: string
  readonly certificatePath: string
  readonly keyPath: string
}

export interface TestAuthority extends TestCertificate {
  /** For names like `DNS:localhost,IP:127.0.0.1`, good for `days` from now; a negative number: it has ended. */
  issue(name: string, names: string, days?: number): TestCertificate
}

/** Makes an authority whose files lie in `dir`, with the `openssl` command. */
export function testAuthority(dir: string, name = 'ca'): TestAuthority {
  const { certificatePath, keyPath } = paths(dir, name)
  openssl('req', '-x509', ...newKey, '-keyout', keyPath, '-out', certificatePath, '-subj', `/CN=${name}`, '-days', '30')
  const authority = read(dir, name)
  return { ...authority, issue: (name, names, days = 30) => issue(dir, authority, name, names, days) }
}

/** Lines of `redis.conf` for a server that speaks TLS at `port`, and wants a client certificate or not. */
export function tlsSettings(port: number, ca: TestCertificate, server: TestCertificate, clients: 'yes' | 'no' = 'no') {
  return {
    port: 0,
    'tls-port': port,
    'tls-cert-file': server.certificatePath,
    'tls-key-file': server.keyPath,
    'tls-ca-cert-file': ca.certificatePath,
    'tls-auth-clients': clients,
    'tls-replication': 'yes',
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function issue(dir: string, by: TestCertificate, name: string, names: string, days: number): TestCertificate {
  const { certificatePath, keyPath } = paths(dir, name)
  const request = join(dir, `${name}.csr`)
  const extensions = join(dir, `${name}.ext`)
  writeFileSync(extensions, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`)
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

function read(dir: string, name: string): TestCertificate {
  const files = paths(dir, name)
  return {
    ...files,
    certificate: readFileSync(files.certificatePath, 'utf8'),
    key: readFileSync(files.keyPath, 'utf8'),
  }
}
