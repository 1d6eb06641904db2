import { formatAddress } from '../address.ts'
import { isKept } from '../dialect.ts'
import { isCidr, isLoopback } from '../ip.ts'
import type { Listener, SocketAddress } from '../model.ts'
import { type Check, type Finder, serves, sessionOf } from './finder.ts'

/** Listeners can open side by side, believe only what was meant, and let session cookies through. */
export const checkListeners: Check = (model, found, leftOut) => {
  const internal =
    model.internal === undefined ? [] : [{ name: 'internal', address: model.internal.address, pointer: '/internal' }]
  const listeners = model.listeners.map(({ name, address }, index) => ({
    name,
    address,
    pointer: `/listeners/${index}`,
  }))
  const all = [...listeners, ...internal]
  all.forEach((one, index) => {
    const other = all.slice(0, index).find(({ address }) => collide(one.address, address))
    if (other !== undefined)
      found.error(`${one.pointer}/address`, { ...sameAddress(one, other.name), related: [`${other.pointer}/address`] })
  })
  const needingTls = model.routes.filter((route) => {
    const session = sessionOf(model, route)
    if (session === undefined || !isKept(leftOut, ['sessions', session.name], 'mode', 'lookup', 'cookie')) return false
    return session.mode !== 'off' && session.lookup.kind === 'cookie' && session.cookie.secure
  })
  for (const [index, listener] of model.listeners.entries()) {
    const pointer = `/listeners/${index}`
    const { name, limits } = listener
    const limitsAreKept = isKept(leftOut, ['listeners', name, 'limits'], 'targetBytes', 'headerBytes')
    checkTrustedProxies(listener, pointer, found)
    if (limitsAreKept && limits.targetBytes > limits.headerBytes)
      found.warning(`${pointer}/limits`, targetAboveHeader(listener))
    const isPlain = isOpenPlain(listener) && isKept(leftOut, ['listeners', name], 'tls')
    if (isPlain && needingTls.some((route) => serves(route, name))) found.warning(pointer, secureOnPlain(listener))
  }
}

/** `undefined`, `0.0.0.0` and `::` take the port on every address. */
function collide(a: SocketAddress, b: SocketAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false
  return a.host === b.host || isEvery(a.host) || isEvery(b.host)
}

function isEvery(host: string | undefined): boolean {
  return host === undefined || host === '0.0.0.0' || host === '::'
}

function sameAddress({ name, address }: { name: string; address: SocketAddress }, other: string) {
  return {
    code: 'address-twice',
    message: `Listener "${name}" wants ${formatAddress(address)}, which listener "${other}" takes already.`,
    consequence: 'The second one could not be opened.',
    remedy: 'Give one of them another port or address.',
  }
}

function checkTrustedProxies({ trustedProxies }: Listener, pointer: string, found: Finder): void {
  for (const [index, range] of trustedProxies.entries()) {
    const at = `${pointer}/trustedProxies/${index}`
    if (!isCidr(range)) found.error(at, invalidRange(range))
    else if (/\/0$/.test(range)) found.warning(at, trustsEverybody(range))
  }
}

function invalidRange(range: string) {
  return {
    code: 'cidr-invalid',
    message: `"${range}" is not a range of addresses.`,
    consequence: 'It is not known whose forwarded headers to believe.',
    remedy: 'Write an IP address or a range, as 10.0.0.7, 10.0.0.0/8 or fd00::/8.',
  }
}

function trustsEverybody(range: string) {
  return {
    code: 'trusts-everybody',
    message: `"${range}" is every address.`,
    consequence: 'Whoever connects can claim any client address, host and scheme.',
    remedy: 'Name the proxies in front, as 10.0.0.0/8.',
  }
}

function targetAboveHeader({ limits }: Listener) {
  return {
    code: 'limit-unreachable',
    message: `targetBytes (${limits.targetBytes}) is above headerBytes (${limits.headerBytes}), which includes the target.`,
    consequence: 'Long targets are answered with 431 instead of 414.',
    remedy: 'Raise headerBytes or lower targetBytes.',
  }
}

function isOpenPlain({ tls, address }: Listener): boolean {
  return tls === undefined && (address.host === undefined || !isLoopback(address.host))
}

function secureOnPlain({ name }: Listener) {
  return {
    code: 'secure-cookie-on-plain-listener',
    message: `Listener "${name}" has no TLS, and session cookies are Secure.`,
    consequence: 'Unless TLS ends in front of the gateway, browsers keep no session.',
    remedy: 'Add tls to the listener, end TLS in front of it, or listen on 127.0.0.1.',
  }
}
