import {
  defaults,
  formatAddress,
  type Listener,
  type ListenerTls,
  type UpstreamSpec,
  type UpstreamTarget,
} from '@coatcheck/model'
import { all, durations, oneOrMore, pem, size, some, unless, type Written } from './written.ts'

export function listener({ address, tls, trustedProxies, http2, limits, timeouts }: Listener): Written {
  const usual = defaults.listener
  const written = formatAddress(address)
  const more = some({
    tls:
      tls &&
      oneOrMore(tls.certificates.map(({ certificate, key }) => ({ certificate: pem(certificate), key: pem(key) }))),
    clientCertificates: clientCertificates(tls?.clientCertificates),
    trustedProxies: unless<readonly string[]>([], trustedProxies),
    http2: unless(tls !== undefined, http2),
    limits: some({
      headerBytes: unless<number>(usual.limits.headerBytes, limits.headerBytes, size),
      headerCount: unless<number>(usual.limits.headerCount, limits.headerCount),
      targetBytes: unless<number>(usual.limits.targetBytes, limits.targetBytes, size),
    }),
    timeouts: durations({ ...usual.timeouts }, { ...timeouts }),
  })
  return more === undefined ? written : { address: written, ...more }
}

function clientCertificates(spec: ListenerTls['clientCertificates']): Written {
  const { mode, forward } = defaults.clientCertificates
  return (
    spec &&
    all({ mode: unless<string>(mode, spec.mode), ca: pem(spec.ca), forward: unless<boolean>(forward, spec.forward) })
  )
}

export function upstream({ targets, tls, timeouts, failing, connections }: UpstreamSpec): Written {
  const usual = defaults.upstream
  const urls = oneOrMore(targets.map(target))
  const more = some({
    tls: tls && {
      ca: pem(tls.ca),
      serverName: tls.serverName,
      certificate: pem(tls.certificate),
      key: pem(tls.key),
      insecureSkipVerify: unless(false, tls.insecureSkipVerify),
    },
    timeouts: durations({ ...usual.timeouts }, { ...timeouts }),
    failing: some({
      after: unless<number>(usual.failing.after, failing.after),
      ...durations({ for: usual.failing.for as number }, { for: failing.for }),
    }),
    connections: some({
      maxIdle: unless<number>(usual.connections.maxIdle, connections.maxIdle),
      ...durations({ idle: usual.connections.idle as number }, { idle: connections.idle }),
    }),
  })
  return more === undefined && typeof urls === 'string'
    ? urls
    : { urls: Array.isArray(urls) ? urls : listed(urls), ...more }
}

function target({ url, weight }: UpstreamTarget): Written {
  return weight === defaults.upstream.weight ? url : { url, weight }
}

/** One URL with a weight needs a list around it. */
function listed(urls: Written): Written {
  return typeof urls === 'string' ? urls : [urls]
}
