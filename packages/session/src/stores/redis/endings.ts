/**
 * Records that ended a short while ago, by this gateway or by what it heard of others. A failover may bring one back that
 * the old server had ended already and the new one never heard of: so it is refused here, and ended again when another
 * server answers.
 */
import type { SessionId } from '../../store.ts'

/** Milliseconds for which an end is kept in mind. */
const kept = 60_000
const maxKept = 65_536
/** Sent at the same time. */
const batchSize = 100

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
  const endings = new Map<SessionId, { readonly at: number; readonly isTaken: boolean }>()
  let repeating = false

  function prune(): void {
    for (const [id, { at }] of endings) {
      if (now() - at < kept && endings.size <= maxKept) return
      endings.delete(id)
    }
  }

  async function repeatAll(): Promise<void> {
    prune()
    const ids = [...endings.keys()]
    for (let from = 0; from < ids.length; from += batchSize) {
      const still = ids.slice(from, from + batchSize).filter(has)
      await Promise.allSettled(still.map(end))
    }
  }

  function note(id: SessionId, isTaken: boolean): void {
    // Again at the end, which is in the order of time.
    endings.delete(id)
    endings.set(id, { at: now(), isTaken })
    prune()
  }

  function has(id: SessionId): boolean {
    const ending = endings.get(id)
    return ending !== undefined && !ending.isTaken && now() - ending.at < kept
  }

  return {
    add: (id) => note(id, false),
    heard(id) {
      if (!endings.has(id)) note(id, false)
    },
    has,
    forget(id) {
      if (endings.has(id)) note(id, true)
    },
    repeat() {
      if (repeating || endings.size === 0) return
      repeating = true
      void repeatAll().finally(() => {
        repeating = false
      })
    },
  }
}
