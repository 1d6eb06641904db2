/** Opening and writing sealed sessions: idle timeout, lifetime and limits of size. */
import { countCookies } from '../../cookie-parts.ts'
import { SessionError } from '../../errors.ts'
import type { Keyring } from '../../keyring.ts'
import {
  applyChanges,
  type Changes,
  changesNoData,
  freezeData,
  type Opened,
  type Saved,
  type SessionStore,
  type StoredSession,
  type StoreSettings,
} from '../../session-store.ts'
import { openSession, type SealedSession, sealSession } from './codec.ts'

/** What sealed sessions are opened and written with. */
export interface Sealer {
  readonly ring: Keyring
  readonly maxParts: number
  readonly settings: StoreSettings
}

interface OpenSealed extends StoredSession {
  readonly usedAt: number
}

export function sealedSessions(sealer: Sealer): SessionStore {
  return {
    revokes: false,
    open: (value, now) => open(sealer, value, now),
    use: (session, now) => isDue(sealer, session as OpenSealed, now),
    async create(id, changes, _visitor, now) {
      const { subject } = changes
      const data = applyChanges(undefined, changes)
      return write(sealer, { id, createdAt: now, usedAt: now, subject, data }, false)
    },
    save: async (session, changes, now) => save(sealer, session as OpenSealed, changes, now),
    end: () => Promise.resolve(),
    endUnseen: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function isIdle({ settings }: Sealer, { usedAt }: { usedAt: number }, now: number): boolean {
  return now - usedAt >= settings.timeouts.idle
}

function hasEnded(sealer: Sealer, session: SealedSession, now: number): boolean {
  return isIdle(sealer, session, now) || now - session.createdAt >= sealer.settings.timeouts.lifetime
}

/** The cookie says when it was used, so it is written again for its use, once per tenth of the idle timeout. */
function isDue({ settings }: Sealer, { usedAt }: OpenSealed, now: number): boolean {
  return now - usedAt >= settings.timeouts.idle / 10
}

function open(sealer: Sealer, value: string, now: number): Opened {
  const opened = openSession(sealer.ring, sealer.settings, value)
  if (!('problem' in opened)) return hasEnded(sealer, opened, now) ? rejected('unknown') : toStored(opened)
  if (opened.problem !== 'unknown-key') return rejected(opened.problem)
  // A key that was retired long enough ago takes its sessions along; one that is missing is an outage of them.
  if (isIdle(sealer, opened, now)) return rejected('unknown')
  throw new SessionError(
    'ERR_KEY_UNKNOWN',
    `A sealed cookie "${sealer.settings.cookieName}" names key "${opened.keyId}", which is not among "keys", so ` +
      'its session cannot be read. Give all gateways the same keys, and leave a retired one in the list for one idle timeout.',
  )
}

function rejected(reason: 'unknown' | 'malformed' | 'damaged'): Opened {
  return { kind: 'rejected', reason }
}

function save(sealer: Sealer, before: OpenSealed, changes: Changes, now: number): Saved {
  if (hasEnded(sealer, before, now)) return { kind: 'lost', state: 'ended' }
  const rotated = changes.rotate || changes.subject !== undefined
  const changed = rotated || !changesNoData(before, changes)
  const kept: Saved = { kind: 'saved', session: before, value: undefined, rotated: false }
  if (!changed && !isDue(sealer, before, now)) return kept
  const subject = changes.subject ?? before.subject
  try {
    return write(sealer, { ...before, usedAt: now, subject, data: applyChanges(before, changes) }, rotated)
  } catch (error) {
    // A touch alone may be pushed over a limit by a longer key id: the browser keeps what it has.
    if (!changed) return kept
    throw error
  }
}

function write(sealer: Sealer, session: SealedSession, rotated: boolean): Saved {
  const value = sealSession(sealer.ring, sealer.settings, session)
  checkSize(sealer, value.length)
  // What is handed on is what the next request will read, and shares nothing with the values that were set.
  const again = openSession(sealer.ring, sealer.settings, value) as SealedSession
  return { kind: 'saved', session: toStored(again), value, rotated }
}

function checkSize({ maxParts, settings }: Sealer, length: number): void {
  countCookies(settings.cookieName, length, maxParts)
  if (length <= settings.maxBytes) return
  throw new SessionError(
    'ERR_SESSION_TOO_LARGE',
    `The session would take ${length} bytes sealed; maxBytes is ${settings.maxBytes}. Nothing was written. ` +
      'Keep less in the session, or raise maxBytes.',
  )
}

function toStored({ id, createdAt, usedAt, subject, data }: SealedSession): OpenSealed {
  return { kind: 'open', id, createdAt, usedAt, subject, data: freezeData(data) }
}
