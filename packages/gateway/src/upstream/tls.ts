import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, createSecureContext } from 'node:tls'
import type { Secret, UpstreamTls, ValueSource } from '@coatcheck/model'
import type { Target } from './target.ts'

/**
 * How connections to one target are secured; `undefined` for `http:`. Nothing is shared between targets or upstreams:
 * no session is resumed, so a peer is always checked anew against this authority, this name and with this certificate.
 *
 * @throws what `secret` throws, and OpenSSL's error when a certificate or key cannot be read
 */
export function readTls(
  target: Target,
  spec: UpstreamTls | undefined,
  secret: (source: ValueSource) => Secret<Buffer>,
): ConnectionOptions | undefined {
  if (!target.secure) return undefined
  const value = (source: ValueSource | undefined) => (source ? secret(source).reveal() : undefined)
  const [ca, cert, key] = [value(spec?.ca), value(spec?.certificate), value(spec?.key)]
  const name = spec?.serverName ?? target.host
  return {
    secureContext: createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }),
    // An address is no SNI (RFC 6066, section 3), but it is checked like a name.
    servername: isIP(name) ? '' : name,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: !(spec?.insecureSkipVerify ?? false),
    ALPNProtocols: ['http/1.1'],
  }
}

/** What a failed handshake means, by Node's and OpenSSL's code; `undefined` for anything else. */
export function describeTlsError(error: NodeJS.ErrnoException): string | undefined {
  const code = error.code ?? ''
  const known = meanings[code]
  if (known) return `${known} (${code})`
  return code.startsWith('ERR_SSL_') ? `the TLS handshake failed (${code})` : undefined
}

const untrusted = 'its certificate is not signed by a known authority; give "tls.ca"'
const meanings: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not yet valid',
  CERT_REVOKED: 'its certificate is revoked',
  CERT_SIGNATURE_FAILURE: 'its certificate has a wrong signature',
  INVALID_PURPOSE: 'its certificate is not made for servers',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate names another host; "tls.serverName" says which name to expect',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate; give "tls.certificate" and "tls.key"',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it refused our client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of our client certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port; is it "http:"?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port; is it "http:"?',
}
