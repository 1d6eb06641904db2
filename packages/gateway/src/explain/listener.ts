import { formatAddress, type GatewayModel, type Listener } from '@coatcheck/model'

/** The listener that a request is taken to come in through, and as what. */
export interface ChosenListener {
  readonly listener: Listener
  /** What the gateway sees: where nobody in front is trusted to end TLS, plain HTTP is `http` whatever the URL says. */
  readonly scheme: 'http' | 'https'
  /** Why it is this one. */
  readonly reason: string
}

/**
 * The listener for a URL: the one that is named; else one of its scheme and port, one of the port that the URL names,
 * the first one of its scheme, or the first one.
 *
 * @param wanted name of a listener
 * @throws RangeError when there is no listener of this name
 */
export function chooseListener(
  { listeners }: Pick<GatewayModel, 'listeners'>,
  url: URL,
  wanted?: string,
): ChosenListener {
  const named = wanted === undefined ? undefined : listeners.find(({ name }) => name === wanted)
  if (wanted !== undefined && named === undefined) throw new RangeError(`There is no listener "${wanted}"`)
  const [listener, why] = named === undefined ? fittingListener(listeners, url) : [named, 'it was asked for']
  const seen = seenScheme(listener, url)
  return { listener, scheme: seen.scheme, reason: why + seen.note }
}

function fittingListener(listeners: readonly Listener[], url: URL): readonly [Listener, string] {
  const port = Number(url.port) || (isSecure(url) ? 443 : 80)
  const ofScheme = listeners.filter(({ tls }) => (tls !== undefined) === isSecure(url))
  const both = ofScheme.find(({ address }) => address.port === port)
  if (both !== undefined) return [both, 'it has the scheme and the port of the URL']
  const ofPort = url.port === '' ? undefined : listeners.find(({ address }) => address.port === port)
  if (ofPort !== undefined) return [ofPort, 'it has the port of the URL']
  const [first] = ofScheme
  const kind = isSecure(url) ? 'with TLS' : 'without TLS'
  if (first !== undefined && ofScheme.length === 1) return [first, `it is the only one ${kind}`]
  if (first !== undefined) return [first, `it is the first one ${kind}, and none has port ${port}`]
  if (listeners.length === 0) return [plainListener, 'the configuration has none']
  return [
    listeners[0]!,
    listeners.length === 1 ? 'it is the only one' : `it is the first one, and there is none ${kind}`,
  ]
}

function seenScheme({ tls, trustedProxies }: Listener, url: URL): { scheme: 'http' | 'https'; note: string } {
  if (tls !== undefined) return { scheme: 'https', note: isSecure(url) ? '' : '; it takes nothing without TLS' }
  if (!isSecure(url)) return { scheme: 'http', note: '' }
  if (trustedProxies.length === 0) {
    return { scheme: 'http', note: '; it has no TLS and no trustedProxies, so to the gateway everything is http' }
  }
  return { scheme: 'https', note: '; it has no TLS, so a trusted proxy in front is taken to end it' }
}

function isSecure({ protocol }: URL): boolean {
  return protocol === 'https:'
}

/** `":8443", TLS`, as an explanation names a listener's address. */
export function describeListener({ address, tls }: Listener): string {
  return `${formatAddress(address)}, ${tls === undefined ? 'plain' : 'TLS'}`
}

const plainListener: Listener = {
  name: 'web',
  address: { host: undefined, port: 0 },
  tls: undefined,
  trustedProxies: [],
  http2: false,
  limits: { headerBytes: 16_384, headerCount: 100, targetBytes: 8192 },
  timeouts: { headers: 0, keepAlive: 0, idle: 0 },
}
