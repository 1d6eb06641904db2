/** The way to a server: TCP, then TLS, and what speaks there instead when neither is understood. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { broken, StoreFailure } from '../connection/failure.ts'
import type { ConnectionPorts } from '../connection/ports.ts'
import { isOwnAddress, openTcp, secured } from '../connection/socket.ts'
import type { Node, Tls } from '../options.ts'
import { lineOver } from './line.ts'
import { type Finding, type Journal, ok, type ProbeReason, StepFailed, warned } from './report.ts'
import type { Target } from './target.ts'

/** Milliseconds for a handshake: the rest of the time is for finding out what else is there. */
const handshakeWithin = 1000
/** A certificate that ends within so many milliseconds is worth a word. */
const soon = 14 * 24 * 3600 * 1000

export interface Way {
  readonly target: Target
  readonly address: string
  readonly signal: AbortSignal
  readonly ports: ConnectionPorts
}

/** @throws StoreFailure when nobody accepts the connection */
export async function reachTcp({ target, address, signal }: Way, notes: Journal): Promise<Socket> {
  notes.now = 'tcp'
  const socket = await openTcp(target.node, address, signal)
  notes.add(ok('tcp', `connected to ${address}`))
  return socket
}

/** @throws StepFailed, StoreFailure */
export async function reachTls(way: Way, plain: Socket, tls: Tls, notes: Journal): Promise<Socket> {
  const { target, signal, ports } = way
  notes.now = 'tls'
  const limit = new AbortController()
  const cancel = ports.schedule(
    () => limit.abort(new StoreFailure('tls', 'it does not end the handshake.')),
    handshakeWithin,
  )
  try {
    return await secured(plain, target.node, tls, AbortSignal.any([signal, limit.signal]))
  } catch (error) {
    plain.destroy()
    throw await handshakeFailed(way, tls, error)
  } finally {
    cancel()
  }
}

/** What can be said once TLS stands, and that is after the first reply: a server refuses our certificate late. */
export function tlsFinding(socket: Socket, { ports }: Way): Finding {
  const version = (socket instanceof TLSSocket && socket.getProtocol()) || 'TLS'
  const ends = socket instanceof TLSSocket ? socket.getPeerCertificate()?.valid_to : undefined
  if (ends === undefined) return ok('tls', version)
  const left = Date.parse(ends) - ports.wallClock()
  // Taken all the same where certificates are not checked.
  if (left <= 0) return warned('tls', 'certificate-expired', `Its certificate ended at ${ends}.`)
  if (left > soon) return ok('tls', `${version}, its certificate ends at ${ends}`)
  return warned('tls', 'certificate-ends-soon', `Its certificate ends at ${ends}.`)
}

/** What is said of a way without TLS. Of servers that the configuration names, its own checks warn. */
export function plainFindings({ target: { namedBy }, address }: Way): readonly Finding[] {
  if (namedBy === undefined || isOwnAddress(address)) return []
  return [warned('tls', 'plain-tcp', `It is reached over plain TCP, as the ${namedBy} named it.`)]
}

async function handshakeFailed(way: Way, tls: Tls, error: unknown): Promise<unknown> {
  if (way.signal.aborted || !(error instanceof StoreFailure)) return error
  const known = reasonOfTls(error, tls)
  if (known !== 'tls-failed') return new StepFailed('tls', known, wordsOf(error))
  const spoken = await speaksPlainly(way)
  const message = 'It answers to plain Redis at this port, and not to TLS.'
  return spoken ? new StepFailed('tls', 'tls-not-spoken', message) : new StepFailed('tls', known, wordsOf(error))
}

/** As a sentence about the server. */
export function wordsOf({ fault, message }: StoreFailure): string {
  // Node's words may repeat what is in a certificate, and end with an empty list.
  const words = (fault?.words ?? message)
    .replaceAll(/\p{Cc}/gu, '?')
    .trim()
    .replace(/:$/, '.')
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1, 500)}`
}

const ofCertificate: Readonly<Record<string, ProbeReason>> = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  CERT_NOT_YET_VALID: 'certificate-not-yet-valid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate-name',
  HOSTNAME_MISMATCH: 'certificate-name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls-not-spoken',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'tls-not-spoken',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'client-certificate-wanted',
}

/** What a failure of TLS means, before or after the end of the handshake. */
export function reasonOfTls({ fault }: StoreFailure, tls: Tls): ProbeReason {
  const code = fault?.code ?? ''
  const known = ofCertificate[code]
  if (known !== undefined) return known
  const isHandshake = code === 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'
  if (isHandshake || /_ALERT_(?:UNKNOWN_CA|(?:\w+_)?CERTIFICATE(?:_\w+)?)$/.test(code)) {
    if (tls.client === undefined) return 'client-certificate-wanted'
    return isHandshake ? 'tls-failed' : 'client-certificate-refused'
  }
  if (/^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_CA|INVALID_PURPOSE)/.test(code))
    return 'certificate-untrusted'
  if (/^(?:ERR_SSL_|EPROTO|ECONNRESET|EPIPE)/.test(code) || code === '') return 'tls-failed'
  return 'certificate-unreadable'
}

/** Whether a plain connection gets a reply of Redis, whatever it says. */
async function speaksPlainly({ target, address, signal }: Way): Promise<boolean> {
  return await openTcp(target.node, address, signal).then(
    (socket) =>
      lineOver(socket, signal)
        .ask(['PING'])
        .then(() => true)
        .catch(() => false)
        .finally(() => socket.destroy()),
    () => false,
  )
}

/** Whether TLS is spoken there: a handshake that ends, or that is refused in its own words. */
export async function speaksTls({ target, address, signal }: Way): Promise<boolean> {
  try {
    const plain = await openTcp(target.node, address, signal)
    const socket = await secured(plain, target.node, { insecureSkipVerify: true }, signal)
    socket.destroy()
    return true
  } catch (error) {
    return error instanceof StoreFailure && /^ERR_SSL_.*_ALERT_/.test(error.fault?.code ?? '')
  }
}

/** A conversation that broke for a reason of TLS; `undefined`: for another. */
export function brokenTls(error: unknown, node: Node): StoreFailure | undefined {
  const failure = broken(node.host, error)
  return failure.reason === 'tls' ? failure : undefined
}
