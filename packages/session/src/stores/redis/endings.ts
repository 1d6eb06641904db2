/**
 * Records that ended a short while ago, by this gateway or by what it heard of others. A failover may bring one back that
 * the old server had ended already and the new one never heard of: so it is refused here, and ended again when another
 * server answers.
 */
import { createRecent } from '../../recent.ts'
import type { SessionId } from '../../store.ts'

/** Milliseconds for which an end is kept in mind. */
const kept = 60_000
const most = 65_536

export interface Endings {
  /** It was ended here. */
  add(id: SessionId): void
  /** Another one told that it ended; those who end it again tell it anew, which does not keep it in mind for longer. */
  heard(id: SessionId): void
  has(id: SessionId): boolean
  /** The id was taken by a new record; that the one before it ended may still be heard, and is no end of this one. */
  forget(id: SessionId): void
  /** Ends all of them again. What fails is tried again the next time. */
  repeat(): void
}

/** @param now milliseconds of a clock that is never set */
export function createEndings(now: () => number, end: (id: SessionId) => Promise<unknown>): Endings {
  const endings = createRecent<SessionId, 'ended' | 'taken'>({
    now,
    kept,
    most,
    again: (id, is) => (is === 'ended' ? end(id) : undefined),
  })
  return {
    add: (id) => endings.note(id, 'ended'),
    heard(id) {
      if (!endings.holds(id)) endings.note(id, 'ended')
    },
    has: (id) => endings.get(id) === 'ended',
    forget(id) {
      if (endings.holds(id)) endings.note(id, 'taken')
    },
    repeat: endings.repeat,
  }
}
