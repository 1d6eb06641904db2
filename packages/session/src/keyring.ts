/** Keys of an installation: the first one writes, all of them read. AES-GCM (NIST SP 800-38D), HKDF (RFC 5869). */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { SealingKey } from './api.ts'
import { invalid, shown } from './invalid-option.ts'

/** Bytes that a sealed value is longer than its plain one: a nonce in front, a tag behind. */
export const sealOverhead = 28
const nonceLength = 12
const tagLength = 16

export interface Sealed {
  /** Id of the key that sealed; to be kept beside the bytes. */
  readonly keyId: string
  /** Nonce (12 bytes), ciphertext, tag (16 bytes). */
  readonly bytes: Uint8Array
}

export interface Keyring {
  /** Id of the key that writes: the first one. */
  readonly writes: string
  has(keyId: string): boolean
  /**
   * Seals under the first key with a random nonce. `associated` is authenticated, not kept.
   *
   * Good for 2^32 values under one key (SP 800-38D, 8.3); change the key long before.
   */
  seal(plain: Uint8Array, associated: Uint8Array): Sealed
  /** `unknown-key`: this ring does not hold the key. `undefined`: damaged, foreign, or other associated data. */
  open(keyId: string, bytes: Uint8Array, associated: Uint8Array): Uint8Array | 'unknown-key' | undefined
  /** 32 bytes for one purpose and context, from the first key. Other purposes and contexts give unrelated bytes. */
  derive(purpose: string, context: Uint8Array): Uint8Array
  /** The same from a named key. */
  derive(purpose: string, context: Uint8Array, keyId: string): Uint8Array | 'unknown-key'
}

/** @throws SessionError `ERR_INVALID_OPTION`: no key, an id twice or malformed, a key that is not 16 or 32 bytes */
export function createKeyring(keys: readonly SealingKey[]): Keyring {
  checkKeys(keys)
  const ring = new Map(keys.map(({ id, bytes }) => [id, { bytes: bytes.slice(), cipher: cipherKey(bytes) }]))
  const writes = keys[0]!.id
  const writer = ring.get(writes)!.cipher
  return {
    writes,
    has: (keyId) => ring.has(keyId),
    seal: (plain, associated) => ({ keyId: writes, bytes: encrypt(writer, plain, associated) }),
    open(keyId, bytes, associated) {
      const key = ring.get(keyId)
      return key === undefined ? 'unknown-key' : decrypt(key.cipher, bytes, associated)
    },
    derive: ((purpose: string, context: Uint8Array, keyId: string = writes) => {
      const key = ring.get(keyId)
      return key === undefined ? 'unknown-key' : hkdf(key.bytes, context, `coatcheck ${purpose}`, 32)
    }) as Keyring['derive'],
  }
}

/** The messages say nothing of what stands in the place of a key. */
function checkKeys(keys: readonly SealingKey[]): void {
  if (!Array.isArray(keys)) throw invalid(`The keys are no list, so nothing could be sealed. ${giveKeys}`)
  if (keys.length === 0) throw invalid(`The list of keys is empty; nothing could be sealed. ${giveKeys}`)
  const seen = new Set<string>()
  for (const key of keys as readonly unknown[]) {
    const { id, bytes } = (key ?? {}) as Partial<SealingKey>
    if (typeof id !== 'string' || !/^[A-Za-z0-9_-]{1,32}$/.test(id)) throw invalid(wrongId(key, id))
    if (seen.has(id)) {
      throw invalid(`Key id "${id}" is given twice, so what it sealed could not be opened. Give each key its own id.`)
    }
    if (!(bytes instanceof Uint8Array)) {
      throw invalid(`The bytes of key "${id}" are no Uint8Array, so nothing could be sealed. Read them with readKey().`)
    }
    if (bytes.length !== 16 && bytes.length !== 32) {
      throw invalid(
        `Key "${id}" has ${bytes.length} bytes; AES-GCM takes 16 or 32. Make one with: openssl rand -base64 32`,
      )
    }
    seen.add(id)
  }
}

const giveKeys = 'Give at least one key: [{ id, bytes }].'

function wrongId(key: unknown, id: unknown): string {
  if (typeof key !== 'object' || key === null) return `A key in the list is no object, so it has no id. ${giveKeys}`
  return (
    `Key id ${shown(id)} is not 1 to 32 letters, digits, "_" or "-", so it could not stand beside what it sealed. ` +
    'Name the key otherwise.'
  )
}

/** The key that encrypts is derived too, so that no bytes serve two purposes; its length stays the key's own. */
function cipherKey(key: Uint8Array): Uint8Array {
  return hkdf(key, new Uint8Array(0), 'coatcheck seal', key.length)
}

function hkdf(key: Uint8Array, salt: Uint8Array, info: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, info, length))
}

/**
 * AES-128-GCM or AES-256-GCM by the length of the key: nonce (12 random bytes), ciphertext, tag.
 *
 * The caller answers for the key: at most 2^32 values under one.
 */
export function encrypt(key: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plain.length + sealOverhead)
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv(algorithm(key), key, nonce, { authTagLength: tagLength })
  cipher.setAAD(associated)
  sealed.set(nonce)
  sealed.set(cipher.update(plain), nonceLength)
  cipher.final()
  sealed.set(cipher.getAuthTag(), sealed.length - tagLength)
  return sealed
}

/** `undefined` for whatever `encrypt` did not write with this key and this associated data. */
export function decrypt(key: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
  if (sealed.length < sealOverhead) return undefined
  const end = sealed.length - tagLength
  const decipher = createDecipheriv(algorithm(key), key, sealed.subarray(0, nonceLength), { authTagLength: tagLength })
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(nonceLength, end))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return plain
}

const algorithm = (key: Uint8Array) => (key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm')

/**
 * Reads a key as people keep it: 16 or 32 bytes, raw or as hex, base64 or base64url, one newline at the end ignored.
 *
 * 32 hexadecimal digits are hex for 16 bytes, never a raw key of 32.
 *
 * @throws SessionError `ERR_INVALID_OPTION`; the message says what was found, never the key
 */
export function readKey(source: string | Uint8Array): Uint8Array {
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) {
    throw invalid(`readKey: the key is neither text nor a Uint8Array, so there is none. Give what stands in its file.`)
  }
  const whole = typeof source === 'string' ? Buffer.from(source, 'utf8') : Buffer.from(source)
  const line = withoutNewline(whole)
  const text = /^[\x20-\x7e]*$/.test(line.toString('latin1')) ? line.toString('latin1') : undefined
  const bytes = text === undefined ? rawKey(whole, line) : (decodeKey(text) ?? rawKey(line))
  if (bytes !== undefined) return new Uint8Array(bytes)
  throw invalid(
    `A key is 16 or 32 bytes, raw or written as hex, base64 or base64url; this one is ${line.length} ` +
      `${text === undefined ? 'bytes that are not text' : 'characters that are none of these'}. ` +
      'Make one with: openssl rand -base64 32',
  )
}

function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

function rawKey(...candidates: readonly Buffer[]): Buffer | undefined {
  return candidates.find(({ length }) => length === 16 || length === 32)
}

/** Hex and base64 by their exact lengths; base64 must be what encoding its bytes gives again. */
function decodeKey(text: string): Buffer | undefined {
  if (/^(?:[0-9A-Fa-f]{32}){1,2}$/.test(text)) return Buffer.from(text, 'hex')
  if (!/^(?:[\w+/-]{22}(?:==)?|[\w+/-]{43}=?)$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  const plain = text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  return bytes.toString('base64url') === plain ? bytes : undefined
}
