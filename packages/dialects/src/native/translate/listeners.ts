import { defaults, type Listener, type ListenerTls, step } from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'
import { filled } from './filled.ts'

type Written = NonNullable<NativeDocument['listeners']>[string]
type Full = Exclude<Written, { port: number }>

export function listeners(context: Context): Listener[] {
  return Object.entries(context.document.listeners ?? {}).map(([name, written], index) => {
    const pointer = `/listeners${step(name)}`
    context.came(`/listeners/${index}`, pointer)
    context.came(`/listeners/${index}/tls/clientCertificates`, `${pointer}/clientCertificates`)
    const full: Full = 'port' in written ? { address: written } : written
    const pairs = [full.tls ?? []].flat()
    for (const at of pairs.keys())
      context.came(
        `/listeners/${index}/tls/certificates/${at}`,
        Array.isArray(full.tls) ? `${pointer}/tls/${at}` : `${pointer}/tls`,
      )
    if (!context.isWritten('listeners', name, 'tls')) tellMissingTls(full, pointer, context)
    return listener(name, full)
  })
}

function listener(
  name: string,
  { address, tls, clientCertificates, trustedProxies, http2, limits, timeouts }: Full,
): Listener {
  return {
    name,
    address,
    tls: tls && { certificates: [tls].flat(), clientCertificates: clientCertificatesOf(clientCertificates) },
    trustedProxies: trustedProxies ?? defaults.listener.trustedProxies,
    http2: tls !== undefined && http2 !== false,
    limits: filled(defaults.listener.limits, limits),
    timeouts: filled(defaults.listener.timeouts, timeouts),
  }
}

function clientCertificatesOf(written: Full['clientCertificates']): ListenerTls['clientCertificates'] {
  return written && { ...filled(defaults.clientCertificates, written), ca: written.ca }
}

function tellMissingTls({ tls, clientCertificates, http2 }: Full, pointer: string, context: Context): void {
  if (tls !== undefined) return
  const needing = clientCertificates !== undefined ? 'clientCertificates' : http2 === true ? 'http2' : undefined
  if (needing === undefined) return
  context.report(`${pointer}/${needing}`, {
    code: 'tls-missing',
    message: `"${needing}" needs TLS, and this listener has none.`,
    consequence:
      needing === 'http2' ? 'Clients would be served HTTP/1.1.' : 'No client would be asked for a certificate.',
    remedy: `Add tls: { certificate: …, key: … }, or remove "${needing}".`,
  })
}
