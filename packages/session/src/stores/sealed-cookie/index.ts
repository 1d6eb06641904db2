/**
 * Sessions kept in the cookie itself, sealed: nothing is stored on a server, and nothing can be revoked there. After
 * `end()` the browser forgets the cookie, but a copy of it stays good until its idle timeout or lifetime is over, and so
 * do copies from before a rotation. Of two requests that change a session at the same time, the later answer wins.
 */
import type { SealingKey } from '../../api.ts'
import { countCookies, maxCookieParts } from '../../cookie-parts.ts'
import { SessionError } from '../../errors.ts'
import { createKeyring, type Keyring } from '../../keyring.ts'
import {
  applyChanges,
  type Changes,
  freezeData,
  isUnchanged,
  type Opened,
  type Saved,
  type SealedCookieStore,
  type SessionStore,
  type StoredSession,
  type StoreSettings,
} from '../../session-store.ts'
import { newId } from '../../ticket.ts'
import { openSession, type SealedSession, sealSession } from './codec.ts'

export interface SealedCookieOptions {
  /** The first one seals, all of them open. Leave a retired key in the list for one idle timeout. */
  readonly keys: readonly SealingKey[]
  /**
   * Cookies of 4096 bytes that one session may be split over, 1 to 16. Raise it together with the limit for request
   * headers: three make 12 KB of the 16 KB that Node takes.
   *
   * @defaultValue 3
   */
  readonly maxParts?: number
}

/**
 * For `createSessions({ store: sealedCookies({ keys }) })`. `revokes` is `false`: it cannot end a session on the server.
 *
 * @throws SessionError `ERR_INVALID_OPTION`
 */
export function sealedCookies({ keys, maxParts = 3 }: SealedCookieOptions): SealedCookieStore {
  if (!Number.isInteger(maxParts) || maxParts < 1 || maxParts > maxCookieParts) {
    throw new SessionError('ERR_INVALID_OPTION', `Option "maxParts" is ${maxParts}; it must be 1 to ${maxCookieParts}.`)
  }
  const ring = createKeyring(keys)
  return {
    kind: 'sealed-cookie',
    revokes: false,
    maxParts,
    sessions: (settings) => sealedSessions(ring, maxParts, settings),
  }
}

interface OpenSealed extends StoredSession {
  readonly usedAt: number
}

function sealedSessions(ring: Keyring, maxParts: number, settings: StoreSettings): SessionStore {
  const { timeouts } = settings
  const touchAfter = timeouts.idle / 10

  function open(value: string, now: number): Opened {
    const opened = openSession(ring, settings, value)
    const hasEnded = now - opened.usedAt >= timeouts.idle
    if (!('problem' in opened)) {
      return hasEnded || now - opened.createdAt >= timeouts.lifetime ? rejected('unknown') : toStored(opened)
    }
    if (opened.problem !== 'unknown-key') return rejected(opened.problem)
    // A key that was retired long enough ago takes its sessions along; one that is missing is an outage of them.
    if (hasEnded) return rejected('unknown')
    throw new SessionError(
      'ERR_KEY_UNKNOWN',
      `A sealed cookie "${settings.cookieName}" names a key that is not among "keys", so its session cannot be read. ` +
        'Give all gateways the same keys, and leave a retired one in the list for one idle timeout.',
    )
  }

  function write(before: StoredSession | undefined, changes: Changes, now: number): Saved {
    const session: SealedSession = {
      id: before?.id ?? newId(),
      createdAt: before?.createdAt ?? now,
      usedAt: now,
      subject: changes.subject ?? before?.subject,
      data: applyChanges(before, changes),
    }
    const value = sealSession(ring, settings, session)
    checkSize(value.length)
    const rotated = before !== undefined && (changes.rotate || changes.subject !== undefined)
    return { kind: 'saved', session: toStored(openAgain(value)), value, rotated }
  }

  /** What is handed on is what the next request will read, and shares nothing with the caller's values. */
  function openAgain(value: string): SealedSession {
    return openSession(ring, settings, value) as SealedSession
  }

  function checkSize(length: number): void {
    countCookies(settings.cookieName, length, maxParts)
    if (length <= settings.maxBytes) return
    throw new SessionError(
      'ERR_SESSION_TOO_LARGE',
      `The sealed session has ${length} bytes, and maxBytes is ${settings.maxBytes}. Keep less in it, or raise maxBytes.`,
    )
  }

  return {
    revokes: false,
    open,
    use: (session, now) => now - (session as OpenSealed).usedAt >= touchAfter,
    async save(session, changes, _visitor, now) {
      if (session === undefined || !isUnchanged(changes)) return write(session, changes, now)
      try {
        return write(session, changes, now)
      } catch {
        // Only a touch, which a longer key id may push over a limit: the browser keeps what it has.
        return { kind: 'saved', session, value: undefined, rotated: false }
      }
    },
    end: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function toStored({ id, createdAt, usedAt, subject, data }: SealedSession): OpenSealed {
  return { kind: 'open', id, createdAt, usedAt, subject, data: freezeData(data) }
}

function rejected(reason: 'unknown' | 'malformed' | 'damaged'): Opened {
  return { kind: 'rejected', reason }
}
