import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { ListenerTls, Secret, ValueSource } from '@coatcheck/model'
import { ProgramError } from '../../errors.ts'

/** The certificates of one listener, ready for handshakes. */
export interface Certificates {
  /** Of the first one, which serves clients that name no server, or one that no certificate is for. */
  readonly first: SecureContextOptions
  /** The one whose name is `serverName`, else the one with a wildcard for it, else the first one. */
  choose(serverName: string): SecureContext
  readonly list: readonly LoadedCertificate[]
}

export interface LoadedCertificate {
  /** The first name in it, else where it was read. */
  readonly name: string
  /** Milliseconds since 1970. */
  readonly notAfter: number
}

type ReadSecret = (source: ValueSource) => Secret<Buffer>

/**
 * Reads all certificates of a listener anew.
 *
 * @throws ProgramError `certificate-invalid`, and whatever `secret` throws
 */
export function loadCertificates(tls: ListenerTls, secret: ReadSecret): Certificates {
  const ca = tls.clientCertificates && readAuthorities(tls.clientCertificates.ca, secret)
  const loaded = tls.certificates.map((spec) => {
    const certificate = secret(spec.certificate).reveal()
    const leaf = parse(certificate, spec.certificate)
    const key = secret(spec.key).reveal()
    const options: SecureContextOptions = { cert: certificate, key, ...(ca ? { ca } : {}), minVersion: 'TLSv1.2' }
    const context = makeContext(options, spec.certificate)
    const place = placeOf(spec.certificate)
    return { options, context, names: namesOf(leaf), notAfter: leaf.validToDate.getTime(), place }
  })
  const byName = new Map<string, SecureContext>()
  for (const { names, context } of loaded) for (const name of names) if (!byName.has(name)) byName.set(name, context)
  const first = loaded[0]!
  return {
    first: first.options,
    choose(serverName) {
      const name = canonical(serverName)
      return byName.get(name) ?? byName.get(`*${name.slice(name.indexOf('.'))}`) ?? first.context
    },
    list: loaded.map(({ names, notAfter, place }) => ({ name: names[0] ?? place, notAfter })),
  }
}

function makeContext(options: SecureContextOptions, source: ValueSource): SecureContext {
  try {
    return createSecureContext(options)
  } catch (cause) {
    throw invalid(source, 'it and its key do not make a pair that can be served', cause)
  }
}

function readAuthorities(source: ValueSource, secret: ReadSecret): Buffer {
  const pem = secret(source).reveal()
  parse(pem, source)
  return pem
}

function parse(pem: Buffer, source: ValueSource): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw invalid(source, 'it is no certificate in PEM', cause)
  }
}

/** DNS names of the subject alternative name; RFC 9525, section 2 leaves the common name out. */
function namesOf(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(', ') ?? []
  return names.filter((name) => /^DNS:(\*\.)?[A-Za-z0-9_.-]+$/.test(name)).map((name) => canonical(name.slice(4)))
}

/** Lower case, without the dot of a fully qualified name: otherwise the same host could pick another certificate. */
function canonical(name: string): string {
  const lower = name.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

function placeOf(source: ValueSource): string {
  return source.from === 'file' ? source.path : source.from === 'env' ? source.name : 'certificate'
}

function invalid(source: ValueSource, why: string, cause: unknown): ProgramError {
  return new ProgramError(
    'certificate-invalid',
    `The certificate "${placeOf(source)}" cannot be used: ${why}.`,
    'No client could connect to its listener.',
    'Give the certificate (with its chain) and the key that belongs to it, both in PEM.',
    { cause },
  )
}
