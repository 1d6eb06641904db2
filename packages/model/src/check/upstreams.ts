import { formatAddress } from '../address.ts'
import { isKept, type LeftOut } from '../dialect.ts'
import { isLoopback } from '../ip.ts'
import type { GatewayModel, UpstreamSpec } from '../model.ts'
import type { Check, Finder, Finding } from './finder.ts'

/** Upstreams have somewhere to send to, in ways that hold together. */
export const checkUpstreams: Check = (model, found, leftOut) => {
  for (const [index, upstream] of model.upstreams.entries()) {
    const pointer = `/upstreams/${index}`
    checkTargets(upstream, pointer, found)
    checkTls(upstream, pointer, found, leftOut)
    checkLoop(model, upstream, pointer, found)
  }
}

function checkTargets({ name, targets }: UpstreamSpec, pointer: string, found: Finder): void {
  if (targets.length === 0 || targets.every(({ weight }) => weight === 0))
    found.error(`${pointer}/targets`, noTarget(name))
  for (const [index, { url }] of targets.entries()) {
    const at = `${pointer}/targets/${index}`
    if (!isOrigin(url)) found.error(at, invalidUrl(name, url))
    else if (targets.findIndex((target) => target.url === url) < index) found.warning(at, sameTarget(name, url))
  }
}

/** `http://host:port` and nothing behind it. */
function isOrigin(url: string): boolean {
  return /^https?:\/\/[^/?#\\@\s]+$/.test(url) && URL.canParse(url)
}

function noTarget(name: string): Finding {
  return {
    code: 'upstream-without-target',
    message: `Upstream "${name}" has no target with a weight above 0.`,
    consequence: 'Its requests would be answered with 503.',
    remedy: 'Give it a URL, or one of its URLs a weight.',
  }
}

function invalidUrl(name: string, url: string): Finding {
  return {
    code: 'upstream-url-invalid',
    message: `"${url}" of upstream "${name}" is not the URL of an application.`,
    consequence: 'It could not be reached.',
    remedy: 'Write http://host:port or https://host:port, without a path.',
  }
}

function sameTarget(name: string, url: string): Finding {
  return {
    code: 'upstream-target-twice',
    message: `Upstream "${name}" has "${url}" twice.`,
    consequence: 'It gets twice its share, and failures are counted apart.',
    remedy: 'Write it once, with a weight if that is meant.',
  }
}

function checkTls({ name, targets, tls }: UpstreamSpec, pointer: string, found: Finder, leftOut: LeftOut): void {
  if (tls === undefined) return
  const isHalf = (tls.certificate === undefined) !== (tls.key === undefined)
  if (isHalf && isKept(leftOut, ['upstreams', name, 'tls'], 'certificate', 'key'))
    found.error(`${pointer}/tls`, halfCertificate(name))
  if (tls.insecureSkipVerify) found.warning(`${pointer}/tls/insecureSkipVerify`, unverified(name))
  if (targets.every(({ url }) => url.startsWith('http:'))) found.warning(`${pointer}/tls`, tlsUnused(name))
}

function halfCertificate(name: string): Finding {
  return {
    code: 'client-certificate-half',
    message: `Upstream "${name}" has a client certificate without its key, or a key without its certificate.`,
    consequence: 'No client certificate could be shown.',
    remedy: 'Give both tls.certificate and tls.key, or neither.',
  }
}

function unverified(name: string): Finding {
  return {
    code: 'upstream-not-verified',
    message: `Certificates of upstream "${name}" are not checked.`,
    consequence: 'Whoever stands between can read and change everything, sessions included.',
    remedy: 'Give tls.ca the authority that signed its certificate.',
  }
}

function tlsUnused(name: string): Finding {
  return {
    code: 'upstream-tls-unused',
    message: `Upstream "${name}" has tls, but all of its URLs are http://.`,
    consequence: 'Everything goes in the clear; tls has no effect.',
    remedy: 'Write https:// URLs, or remove tls.',
  }
}

/** A target that is one of our own listeners sends each request round and round. */
function checkLoop(model: GatewayModel, { name, targets }: UpstreamSpec, pointer: string, found: Finder): void {
  for (const [index, { url }] of targets.entries()) {
    const parts = URL.parse(url)
    if (parts === null) continue
    const host = parts.hostname.replace(/^\[|\]$/g, '')
    const port = Number(parts.port) || (parts.protocol === 'https:' ? 443 : 80)
    const here = host === 'localhost' || isLoopback(host)
    const at = model.listeners.findIndex(({ address }) => {
      const open =
        address.host === undefined || address.host === '0.0.0.0' || address.host === '::' || isLoopback(address.host)
      return address.port === port && (address.host === host || (here && open))
    })
    if (at === -1) continue
    const { name: listener, address } = model.listeners[at]!
    found.error(`${pointer}/targets/${index}`, {
      code: 'upstream-is-listener',
      message: `"${url}" of upstream "${name}" is the gateway itself: listener "${listener}" is at ${formatAddress(address)}.`,
      consequence: 'Each request would come back to the gateway until connections run out.',
      remedy: 'Write the address of the application, or let the listener use another port.',
      related: [`/listeners/${at}/address`],
    })
  }
}
