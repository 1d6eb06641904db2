/** What goes wrong between us and a server, as an outage of the store that says which step failed. */
import { type FailedWrite, SessionError } from '../../../errors.ts'
import type { FailureReason, RedisFailure } from './connection.ts'

/** The error behind every rejection of a connection. */
export class StoreFailure extends SessionError implements RedisFailure {
  readonly reason: FailureReason
  /** The first word of the server's own error (`NOSCRIPT`, `MOVED`), when it was the server that refused. */
  readonly reply: string | undefined
  /** What broke, when it was not the server that refused. */
  readonly fault: Fault | undefined
  constructor(reason: FailureReason, message: string, { reply, fault, ...certainty }: Certainty = {}) {
    super('ERR_STORE_UNAVAILABLE', message, certainty)
    this.reason = reason
    this.reply = reply
    this.fault = fault
  }
}

export interface Fault {
  /** Node's code for it (`ECONNREFUSED`, `CERT_HAS_EXPIRED`); empty when it has none. */
  readonly code: string
  /** It in a few words, without who it concerns. */
  readonly words: string
}

interface Certainty extends FailedWrite {
  readonly reply?: string
  readonly fault?: Fault
}

/** Words of servers that mean: not done, and what stood in the way. Everything else may have been done. */
const refusals: ReadonlyMap<string, FailureReason> = new Map([
  ['NOAUTH', 'auth'],
  ['WRONGPASS', 'auth'],
  ['NOPERM', 'forbidden'],
  ['DENIED', 'forbidden'],
  ['READONLY', 'role'],
  ['MOVED', 'role'],
  ['ASK', 'role'],
  ['OOM', 'full'],
  ['LOADING', 'busy'],
  ['BUSY', 'busy'],
  ['TRYAGAIN', 'busy'],
  ['CLUSTERDOWN', 'busy'],
  ['MASTERDOWN', 'busy'],
  ['MISCONF', 'busy'],
  ['NOREPLICAS', 'busy'],
  ['NOSCRIPT', 'protocol'],
])

/** What the server refused, where it may have been a secret. */
export interface Asked {
  readonly command?: string | undefined
  /** What was sent on this connection and must not be shown. */
  readonly secrets?: Iterable<string>
}

/**
 * An error reply as a failure. No secret is in its message, whatever the server repeats.
 *
 * Inside a script the word may stand in the middle (Redis 6.2: `ERR Error running script … : -OOM command …`), and
 * commands before it may have been done, so that nothing is certain of it.
 */
export function refused(address: string, text: string, asked: Asked = {}): StoreFailure {
  const inScript = /script: [0-9a-f]{40}|running script|user_script/.test(text)
  const reply = /(?:^|[: ]-)([A-Z]{3,})\b/.exec(inScript ? text.replace(/^ERR /, '') : text)?.[1] ?? 'ERR'
  const reason = sentences.find(([sentence]) => sentence.test(text))?.[1] ?? refusals.get(reply)
  const what = isGreeting(asked.command) ? ` ${asked.command}` : ''
  const message = `Redis at ${address} refused${what}: ${shown(text, asked)}`
  const notExecuted = reason !== undefined && !inScript
  return new StoreFailure(reason ?? 'protocol', message, { notExecuted, reply })
}

/** Refusals that begin with a word that says nothing, or with none. */
const sentences: readonly (readonly [RegExp, FailureReason])[] = [
  [/^ERR max number of clients/, 'busy'],
  [/^(?:[A-Z]+ )?unknown (?:sub)?command/i, 'forbidden'],
  // In a script.
  [/Unknown Redis command called from/i, 'forbidden'],
  [/ACL failure in script|user executing the script can't/, 'forbidden'],
]

/** Whether it means, of a command that is in no script, that the server does not have it. */
export function isUnknownCommand({ reason, reply }: StoreFailure): boolean {
  return reason === 'forbidden' && reply === 'ERR'
}

/** The server's memory is full: only what takes more of it is refused, and that is allowed. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof StoreFailure && error.reply === 'OOM'
}

function shown(text: string, { command, secrets = [] }: Asked): string {
  // Read as it is by who follows it, also when an address looks like a password.
  if (/^(?:MOVED|ASK) \d+ \S*:\d+$/.test(text)) return text
  let said = isGreeting(command) ? (/^\S*/.exec(text)?.[0] ?? '') : withoutArguments(text)
  for (const secret of secrets) if (secret !== '') said = said.replaceAll(secret, '[secret]')
  return said.slice(0, 300)
}

/** The commands that carry a password. */
export function isGreeting(command: string | undefined): boolean {
  return command === 'HELLO' || command === 'AUTH'
}

/** Servers repeat the arguments of a command that they do not know: a value may be among them. */
function withoutArguments(text: string): string {
  const end = text.indexOf(', with args beginning with')
  return end === -1 ? text : text.slice(0, end)
}

/** What ended or prevented a connection, of errors of sockets, of TLS and of name lookup. */
export function broken(address: string, error: unknown, otherwise: FailureReason = 'closed'): StoreFailure {
  if (error instanceof StoreFailure) return error
  const { message } = error instanceof Error ? error : unknownError
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? oneName(error.code) : ''
  const reason = reasonOf(code, message) ?? otherwise
  const words = explanations.get(code) ?? strange(message) ?? (rawError.test(message) ? code : message)
  const fault = { code, words }
  return new StoreFailure(reason, `No connection to Redis at ${address}: ${words}`, { notExecuted: true, fault })
}

/** OpenSSL 3.5 calls some alerts by another name than 3.0 did. */
function oneName(code: string): string {
  return code.replace('ERR_SSL_SSL/TLS_', 'ERR_SSL_SSLV3_')
}

/** What OpenSSL says to those who know its sources. */
const rawError = /^(?:[0-9A-F]+:)?error:/

const unknownError = new Error('it failed.')

function reasonOf(code: string, message: string): FailureReason | undefined {
  if (/^(ENOTFOUND|EAI_|ENODATA|ESERVFAIL|EBADNAME)/.test(code)) return 'dns'
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|EACCES|EMFILE|ENFILE)$/.test(code)) return 'tcp'
  if (/^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO|HOSTNAME_MISMATCH)/.test(code))
    return 'tls'
  if (/^(INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|ERROR_IN_CERT)/.test(code)) return 'tls'
  if (alert.test(message)) return 'tls'
  if (unreadable.test(message)) return 'protocol'
  if (message.startsWith('Socket timeout')) return 'timeout'
  return undefined
}

/** How ioredis says that it cannot read a reply; 21 is the first byte of an alert of TLS. */
const unreadable = /^Unknown RESP type|Protocol error/
const alert = /^Unknown RESP type 21\b/

function strange(message: string): string | undefined {
  if (alert.test(message)) return 'it speaks TLS at this port.'
  return unreadable.test(message) ? 'it speaks something else than the protocol of Redis.' : undefined
}

const explanations: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there.'],
  ['ECONNRESET', 'the other side reset it.'],
  ['EPIPE', 'the other side had closed it.'],
  ['ENOTFOUND', 'the name does not resolve.'],
  ['EAI_AGAIN', 'the name server does not answer.'],
  ['EHOSTUNREACH', 'no way to that host.'],
  ['ENETUNREACH', 'no way to that network.'],
  ['CERT_HAS_EXPIRED', 'its TLS certificate has expired.'],
  ['CERT_NOT_YET_VALID', 'its TLS certificate is not valid yet.'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its TLS certificate is self-signed. Name it, or its authority, as the CA.'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its TLS certificate comes from an authority that is not trusted. Name the CA.'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'the authority of its TLS certificate is not known. Name the CA.'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'the authority of its TLS certificate is not known. Name the CA.'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS at this port.'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'it does not speak TLS at this port.'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'it wants a client certificate, and none was given.'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'it does not trust the authority of our client certificate.'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'it does not accept our client certificate.'],
  ['ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', 'it does not accept our client certificate.'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'it does not accept our client certificate.'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', 'our client certificate was revoked.'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'our client certificate has expired.'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'it speaks another version of TLS.'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'it refused the TLS handshake; it may want a client certificate.'],
])
