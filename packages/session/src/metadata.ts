/**
 * What a record says of its session to the installation, without the ticket: for lists, not for requests. Sealed with a
 * key of its own per record, from a key of the installation; without one, only the ticket opens it.
 */
import { createHmac } from 'node:crypto'
import { decrypt, encrypt } from './keyring.ts'
import type { RecordHeader } from './record.ts'
import type { Sealer } from './sealing.ts'
import type { SessionId } from './store.ts'

export interface Metadata {
  /** Address of the visitor who started the session, at most 64 characters. */
  readonly address?: string | undefined
  /** User agent of that visitor, at most 512 characters. */
  readonly userAgent?: string | undefined
  /** Who signed in, as `hashSubject` writes it. */
  readonly subject?: string | undefined
  /** The session at the provider that they came from, as `hashName` writes it. */
  readonly providerSession?: string | undefined
}

const noSalt = new Uint8Array(0)

/** Hides who signed in from whoever has the store alone: HMAC-SHA-256, 22 characters of base64url. */
export function hashSubject(sealer: Sealer, subject: string): string {
  return hashName(sealer, 'subject', subject, sealer.keyId)
}

/** The same for names of another purpose, and with another key of the installation than the one that writes. */
export function hashName(sealer: Sealer, purpose: string, name: string, keyId: string): string {
  const key = sealer.derive(purpose, '', keyId, noSalt) ?? noSalt
  return createHmac('sha256', key).update(name).digest().subarray(0, 16).toString('base64url')
}

/** Cuts to size what a visitor can choose. */
export function sealMetadata(
  sealer: Sealer,
  id: SessionId,
  salt: Uint8Array,
  dataKey: Uint8Array,
  { address, userAgent, subject, providerSession }: Metadata,
): Uint8Array {
  const kept: Metadata = {
    address: address?.slice(0, 64),
    userAgent: userAgent?.slice(0, 512),
    subject,
    providerSession,
  }
  const plain = new TextEncoder().encode(JSON.stringify(kept))
  if (sealer.kind === 'none') return plain
  return encrypt(sealer.derive('metadata', id, sealer.keyId, salt, dataKey)!, plain, noSalt)
}

/** `undefined` when it does not open: without the key, or without the data key where there is no other. */
export function openMetadata(
  sealer: Sealer,
  id: SessionId,
  header: RecordHeader,
  dataKey?: Uint8Array,
): Metadata | undefined {
  const plain = header.kind === 'none' ? header.metadata : openSealed(sealer, id, header, dataKey)
  if (plain === undefined) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(plain)) as Metadata
  } catch {
    return undefined
  }
}

function openSealed(sealer: Sealer, id: SessionId, { keyId, salt, metadata }: RecordHeader, dataKey?: Uint8Array) {
  const key = sealer.derive('metadata', id, keyId, salt, dataKey)
  return key && decrypt(key, metadata, noSalt)
}
