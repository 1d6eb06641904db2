/**
 * Idle timeouts without a write per request (rule 3): a session is touched at most once per tenth of its idle timeout,
 * and what was used since then is made good by a trailing touch, so that its end is exact.
 */
import { backgroundTimer, type Schedule } from './schedule.ts'
import type { Timeouts } from './session-store.ts'
import type { RecordStore, SessionId } from './store.ts'

/** How long one session lives, as known here. Shared by everything here that holds this session. */
export interface Life {
  readonly id: SessionId
  /** When its lifetime ends; milliseconds since 1970, as all of these. */
  readonly lastsUntil: number
  /** When the store drops it. */
  endsAt: number
  /** When it was last touched or written, or that was tried. */
  touchedAt: number
  usedAt: number
  /** Among those that a trailing touch may be owed to. */
  tracked: boolean
  /** Who it belongs to, for the index. */
  subject: string | undefined
  providerSession: string | undefined
}

export interface Touches {
  /** The life of a session that was just read, and ends in `remaining` milliseconds. */
  read(id: SessionId, createdAt: number, remaining: number, now: number): Life
  /** The life of a session that was just written, to end in `ttl` milliseconds. Nothing is owed any more. */
  written(id: SessionId, createdAt: number, ttl: number, now: number): Life
  /** Takes note of a use. True when a touch is due now. */
  use(life: Life, now: number): boolean
  /** Moves the end in the store. `false` when the session is gone. Rejects when the store fails; then it stays owed. */
  touch(life: Life, now: number): Promise<boolean>
  /** The session is gone. */
  forget(id: SessionId): void
  /** Writes what is owed. Rejects with the first failure, after all were tried. */
  close(): Promise<void>
}

/** Lives that are kept in mind at most; beyond it, the oldest is touched at once. */
const maxTracked = 100_000
/** Touches under way at the same time. */
const batchSize = 100
const maxDelay = 2 ** 31 - 1

/** @param moved told of each touch that moved the end of a session */
export function createTouches(
  records: Pick<RecordStore, 'touch'>,
  { idle, lifetime }: Timeouts,
  clock: () => number,
  schedule: Schedule = backgroundTimer,
  moved: (life: Life) => void = () => {},
): Touches {
  const period = idle / 10
  const endOf = (life: Life) => Math.min(life.usedAt + idle, life.lastsUntil)
  const isOwed = (life: Life, now: number) => endOf(life) > life.endsAt && now < life.endsAt
  const tracking = createTracking(sweep)

  async function touch(life: Life, now: number): Promise<boolean> {
    const before = life.endsAt
    life.endsAt = endOf(life)
    // Before the answer, so that requests meanwhile do not touch too, and an outage is not asked at each of them.
    life.touchedAt = now
    tracking.add(life)
    try {
      const touched = await records.touch(life.id, Math.max(life.endsAt - now, 1))
      if (touched) moved(life)
      return touched
    } catch (error) {
      life.endsAt = before
      throw error
    }
  }

  /** Failures are not lost: what could not be touched is owed until the next round. */
  async function touchAll(lives: readonly Life[]): Promise<PromiseRejectedResult | undefined> {
    let failure: PromiseRejectedResult | undefined
    for (let from = 0; from < lives.length; from += batchSize) {
      const batch = lives.slice(from, from + batchSize).map((life) => touch(life, clock()))
      failure ??= (await Promise.allSettled(batch)).find((result) => result.status === 'rejected')
    }
    return failure
  }

  function createTracking(onTime: () => void) {
    const lives = new Map<SessionId, Life>()
    let callOff: (() => void) | undefined
    function remove(life: Life): void {
      life.tracked = false
      lives.delete(life.id)
    }
    return {
      lives,
      remove,
      add(life: Life): void {
        const known = lives.get(life.id)
        if (known !== undefined && known !== life) {
          known.usedAt = Math.max(known.usedAt, life.usedAt)
          return
        }
        life.tracked = true
        lives.set(life.id, life)
        callOff ??= schedule(onTime, Math.min(period, maxDelay))
        if (lives.size > maxTracked) {
          const [oldest] = lives.values()
          remove(oldest!)
          if (isOwed(oldest!, clock())) void touchAll([oldest!])
        }
      },
      /** The time is over; `restart` when there is anything left to wait for. */
      stop(restart: boolean): void {
        callOff?.()
        callOff = restart && lives.size > 0 ? schedule(onTime, Math.min(period, maxDelay)) : undefined
      },
    }
  }

  function sweep(): void {
    const now = clock()
    const quiet = [...tracking.lives.values()].filter((life) => now - life.touchedAt >= period)
    for (const life of quiet) tracking.remove(life)
    tracking.stop(true)
    void touchAll(quiet.filter((life) => isOwed(life, now)))
  }

  function createLife(id: SessionId, createdAt: number, remaining: number, now: number): Life {
    const lastsUntil = createdAt + lifetime
    const endsAt = Math.min(now + remaining, lastsUntil)
    const touchedAt = Math.min(endsAt - idle, now)
    return {
      id,
      lastsUntil,
      endsAt,
      touchedAt,
      usedAt: 0,
      tracked: false,
      subject: undefined,
      providerSession: undefined,
    }
  }

  return {
    read(id, createdAt, remaining, now) {
      const known = tracking.lives.get(id)
      if (known === undefined) return createLife(id, createdAt, remaining, now)
      known.endsAt = Math.min(now + remaining, known.lastsUntil)
      // Another gateway may have touched it since.
      known.touchedAt = Math.max(known.touchedAt, Math.min(known.endsAt - idle, now))
      return known
    },
    written(id, createdAt, ttl, now) {
      const life = tracking.lives.get(id) ?? createLife(id, createdAt, ttl, now)
      life.endsAt = Math.min(now + ttl, life.lastsUntil)
      life.touchedAt = now
      life.usedAt = now
      tracking.add(life)
      return life
    },
    use(life, now) {
      life.usedAt = now
      if (endOf(life) <= life.endsAt) return false
      // Also where a touch is due: should it not come to that, it is owed.
      if (!life.tracked) tracking.add(life)
      return now - life.touchedAt >= period
    },
    touch,
    forget(id) {
      const life = tracking.lives.get(id)
      if (life !== undefined) tracking.remove(life)
    },
    async close() {
      const now = clock()
      const failure = await touchAll([...tracking.lives.values()].filter((life) => isOwed(life, now)))
      tracking.lives.clear()
      tracking.stop(false)
      if (failure !== undefined) throw failure.reason
    },
  }
}
