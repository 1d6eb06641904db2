import { defaults, formatDuration, formatSize } from '@coatcheck/model'
import * as z from 'zod'
import { fields, pem, type Values } from './values.ts'

/** Timers of Node end at once above 2³¹−1 ms: a day is plenty for a connection. */
export const longestTimer = 86_400_000

const { limits, timeouts } = defaults.listener

/** `listeners.NAME`: where the gateway can be reached. */
export function listener(v: Values) {
  const full = fields({
    address: v.address().meta({
      description:
        'Where to listen: a port of every address (`":8443"`), or of one (`127.0.0.1:8080`, `"[::1]:8080"`).',
    }),
    tls: z
      .union([certificate(), z.array(certificate()).min(1)])
      .meta({
        description:
          'Certificate and key, or a list of them: chosen by the name that the client asks for (SNI), the first one for unknown names. Read again when the files change. Left out: plain HTTP.',
      })
      .optional(),
    clientCertificates: clientCertificates(v)
      .meta({ description: 'Ask clients for a certificate. Needs `tls`.' })
      .optional(),
    trustedProxies: v
      .texts()
      .meta({
        description:
          'Addresses or ranges (CIDR) of proxies in front whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` headers are believed. Empty: nobody is.',
        usual: [],
        samples: [['10.0.0.0/8']],
      })
      .optional(),
    http2: v
      .flag()
      .meta({ description: 'Offer HTTP/2 on TLS listeners. Plain listeners speak HTTP/1.1 alone.', usual: true })
      .optional(),
    limits: listenerLimits(v).meta({ description: 'How much a request head may hold.' }).optional(),
    timeouts: listenerTimeouts(v).meta({ description: 'How long a connection may be silent.' }).optional(),
  })
  return z.union([v.address(), full])
}

function certificate() {
  return fields({
    certificate: pem().meta({
      description:
        'Certificate chain in PEM, own certificate first: a path, the text, `{ file: path }` or `{ env: NAME }`.',
    }),
    key: pem().meta({ description: 'Its private key in PEM, in the same ways.' }),
  })
}

function clientCertificates(v: Values) {
  const { mode, forward } = defaults.clientCertificates
  return fields({
    mode: v
      .choice(['request', 'require'])
      .meta({
        description:
          '`request`: a client without a certificate goes on, one whose certificate is not valid gets 400; `require`: the handshakes of both fail.',
        usual: mode,
      })
      .optional(),
    ca: pem().meta({ description: 'Certificates in PEM of the authorities that client certificates must come from.' }),
    forward: v
      .flag()
      .meta({
        description: 'Pass the certificate to upstreams in the header `Client-Cert` (RFC 9440).',
        usual: forward,
      })
      .optional(),
  })
}

function listenerLimits(v: Values) {
  return fields({
    headerBytes: v
      .size(1024, 1_048_576)
      .meta({
        description: 'Request line and all headers together; above it the answer is 431.',
        usual: formatSize(limits.headerBytes),
      })
      .optional(),
    headerCount: v
      .integer(1, 1000)
      .meta({ description: 'Number of headers; above it the answer is 431.', usual: limits.headerCount })
      .optional(),
    targetBytes: v
      .size(256, 1_048_576)
      .meta({ description: 'Path and query; above it the answer is 414.', usual: formatSize(limits.targetBytes) })
      .optional(),
  })
}

function listenerTimeouts(v: Values) {
  const timer = (description: string, milliseconds: number) =>
    v
      .duration(longestTimer)
      .meta({ description, usual: formatDuration(milliseconds) })
      .optional()
  return fields({
    headers: timer(
      'From the connection, or from the first byte of a later request, to the end of its headers; then the answer is 408.',
      timeouts.headers,
    ),
    keepAlive: timer('How long a connection without a request is kept.', timeouts.keepAlive),
    idle: timer('Longest silence while a body moves, in either direction.', timeouts.idle),
  })
}
