/** Certificates and private keys that a model names: can they be used, and do they belong together? */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Diagnostic, GatewayModel, PlaceOf, RedisTls, ValueSource } from '@coatcheck/model'
import { ProgramError } from '../errors.ts'
import { type Environment, readValue } from '../secrets.ts'

export interface CertificateOptions {
  readonly placeOf: PlaceOf
  readonly environment: Environment
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Looks at every certificate of a model with absolute paths. What could not be read is left out: it has its diagnostic.
 *
 * @see RFC 7468 for the text form
 */
export function checkCertificates(model: GatewayModel, options: CertificateOptions): Diagnostic[] {
  return namedIn(model).flatMap(({ certificate, key }) => {
    const found = certificate.source && parsed(certificate.source, options, (bytes) => new X509Certificate(bytes))
    if (found === undefined) return []
    if (found === 'invalid') return [problems.certificate(options.placeOf(certificate.pointer))]
    return [...expired(found, certificate.pointer, options), ...checkKey(found, key, options)]
  })
}

interface Named {
  readonly pointer: string
  readonly source: ValueSource | undefined
}

/** Every certificate and authority, with its key where it has one. */
function namedIn({ listeners, upstreams, stores }: GatewayModel): { certificate: Named; key?: Named }[] {
  return [
    ...listeners.flatMap(({ tls }, index) => [
      ...(tls?.certificates ?? []).map((pair, i) => pairAt(`/listeners/${index}/tls/certificates/${i}`, pair)),
      {
        certificate: { pointer: `/listeners/${index}/tls/clientCertificates/ca`, source: tls?.clientCertificates?.ca },
      },
    ]),
    ...upstreams.flatMap(({ tls }, index) => [
      ...(tls ? [pairAt(`/upstreams/${index}/tls`, tls)] : []),
      { certificate: { pointer: `/upstreams/${index}/tls/ca`, source: tls?.ca } },
    ]),
    ...stores.flatMap((store, index) => {
      if (store.kind !== 'redis') return []
      const own = store.deployment.kind === 'sentinel' ? store.deployment.tls : undefined
      return [...ofStore(`/stores/${index}/tls`, store.tls), ...ofStore(`/stores/${index}/deployment/tls`, own)]
    }),
  ]
}

function ofStore(pointer: string, tls: RedisTls | 'off' | undefined): { certificate: Named; key?: Named }[] {
  if (tls === undefined || tls === 'off') return []
  const authorities = tls.ca.map((source, at) => ({ certificate: { pointer: `${pointer}/ca/${at}`, source } }))
  return [pairAt(pointer, tls), ...authorities]
}

function pairAt(pointer: string, { certificate, key }: Readonly<Record<'certificate' | 'key', Named['source']>>) {
  return {
    certificate: { pointer: `${pointer}/certificate`, source: certificate },
    key: { pointer: `${pointer}/key`, source: key },
  }
}

function checkKey(certificate: X509Certificate, key: Named | undefined, options: CertificateOptions): Diagnostic[] {
  const found = key?.source && parsed<KeyObject>(key.source, options, createPrivateKey)
  if (key === undefined || found === undefined) return []
  const place = options.placeOf(key.pointer)
  if (found === 'invalid') return [problems.key(place)]
  return certificate.checkPrivateKey(found) ? [] : [problems.pair(place)]
}

function parsed<T>(source: ValueSource, { environment }: CertificateOptions, parse: (bytes: Buffer) => T) {
  try {
    const bytes = readValue(source, '/', environment).reveal()
    return parse(bytes)
  } catch (error) {
    return error instanceof ProgramError ? undefined : 'invalid'
  }
}

function expired({ validTo }: X509Certificate, pointer: string, { placeOf, now }: CertificateOptions): Diagnostic[] {
  if (Date.parse(validTo) > now) return []
  return [
    {
      severity: 'warning',
      code: 'certificate-expired',
      place: placeOf(pointer),
      message: `The certificate ended at ${validTo}.`,
      consequence: 'Whoever checks it refuses the connection.',
      remedy: 'Put a new one in its place; it is taken up without a restart.',
    },
  ]
}

const consequence = 'No TLS connection could be made with it.'

const problems = {
  certificate: (place: Diagnostic['place']): Diagnostic => ({
    severity: 'error',
    code: 'certificate-invalid',
    place,
    message: 'What is given as certificate is none.',
    consequence,
    remedy: 'Give the certificate, then those between it and the authority, as PEM (-----BEGIN CERTIFICATE-----).',
  }),
  key: (place: Diagnostic['place']): Diagnostic => ({
    severity: 'error',
    code: 'private-key-invalid',
    place,
    message: 'What is given as private key is none, or is protected by a password.',
    consequence,
    remedy: 'Give the key as PEM (-----BEGIN PRIVATE KEY-----), without a password.',
  }),
  pair: (place: Diagnostic['place']): Diagnostic => ({
    severity: 'error',
    code: 'certificate-key-mismatch',
    place,
    message: 'The private key does not belong to the certificate.',
    consequence,
    remedy: 'Give the key that the certificate was made for; in a file with several certificates its own comes first.',
  }),
}
