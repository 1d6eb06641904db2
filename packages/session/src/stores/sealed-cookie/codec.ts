/**
 * A session as a cookie value: `s1.{keyId}.{usedAt}.{sealed}`.
 *
 * `usedAt` is in milliseconds since 1970, base 36, so that a cookie that must have ended is known as such also when its
 * key is no longer held. `sealed` is base64url of the JSON `{ id, created, subject?, data }` under a key of the ring.
 * Everything in front of it, the prefix and the cookie's name are authenticated with it.
 */
import type { SessionData } from '../../api.ts'
import type { Keyring } from '../../keyring.ts'
import type { SessionId } from '../../store.ts'

/** What the cookie says of a session. */
export interface SealedSession {
  readonly id: SessionId
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Milliseconds since 1970: when this cookie was written. */
  readonly usedAt: number
  readonly subject: string | undefined
  readonly data: SessionData
}

/** Where a cookie is valid: one that was written for another prefix or under another name does not open. */
export interface Place {
  readonly prefix: string
  readonly cookieName: string
}

/**
 * - `malformed`: not written by `sealSession`, by its form.
 * - `damaged`: does not open: changed, or written for another place or by another keyring's key of this id.
 * - `unknown-key`: this ring does not hold the key.
 */
export interface Unopened {
  readonly problem: 'malformed' | 'damaged' | 'unknown-key'
  /** As the cookie says; nothing proves it. */
  readonly usedAt: number
  readonly keyId: string
}

export function sealSession(ring: Keyring, place: Place, session: SealedSession): string {
  const { id, createdAt, usedAt, subject, data } = session
  const plain = Buffer.from(JSON.stringify({ id, created: createdAt, subject, data }), 'utf8')
  const head = `s1.${ring.writes}.${Math.floor(usedAt).toString(36)}`
  return `${head}.${Buffer.from(ring.seal(plain, associated(place, head)).bytes).toString('base64url')}`
}

const pattern = /^(s1\.([A-Za-z0-9_-]{1,32})\.([0-9a-z]{1,10}))\.([A-Za-z0-9_-]+)$/

/** Never throws. */
export function openSession(ring: Keyring, place: Place, value: string): SealedSession | Unopened {
  const [, head, keyId, used, text] = pattern.exec(value) ?? []
  if (head === undefined || keyId === undefined || used === undefined || text === undefined) {
    return { problem: 'malformed', usedAt: 0, keyId: '' }
  }
  const usedAt = Number.parseInt(used, 36)
  const bytes = Buffer.from(text, 'base64url')
  // Else several spellings would open as the same session.
  if (bytes.toString('base64url') !== text) return { problem: 'malformed', usedAt, keyId }
  const plain = ring.open(keyId, bytes, associated(place, head))
  if (plain === 'unknown-key') return { problem: 'unknown-key', usedAt, keyId }
  return (plain && readContent(plain, usedAt)) ?? { problem: 'damaged', usedAt, keyId }
}

function associated({ prefix, cookieName }: Place, head: string): Uint8Array {
  return Buffer.from(`coatcheck sealed cookie\0${prefix}\0${cookieName}\0${head}`, 'utf8')
}

/** The content is authentic; what does not fit was written by something else that shares the key. */
function readContent(plain: Uint8Array, usedAt: number): SealedSession | undefined {
  try {
    const { id, created, subject, data } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain))
    const fits = typeof id === 'string' && typeof created === 'number' && typeof data === 'object' && data !== null
    if (!fits || !(subject === undefined || typeof subject === 'string')) return undefined
    return { id, createdAt: created, usedAt, subject, data }
  } catch {
    return undefined
  }
}
