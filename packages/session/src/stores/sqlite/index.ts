/**
 * Records in one SQLite file: they survive a restart, and all processes of a machine share them. Node ≥ 22.13, through
 * `node:sqlite`.
 */
import { resolve } from 'node:path'
import { SessionError } from '../../errors.ts'
import type { Confirming, Expiring, RecordStore } from '../../store.ts'
import type { Schedule } from '../../touches.ts'
import { type Connection, createConnection, type Records } from './connection.ts'
import { isBusy, storeFailure, unusable } from './failure.ts'
import { createWaitingLine, type WaitingLine } from './waiting.ts'

export interface SqliteOptions {
  /**
   * Path of the file; its folder must exist. Made with mode 0600; beside it lie `-wal` and `-shm` while it is in use, and
   * an empty `-lock`.
   */
  readonly file: string
  /** The time in milliseconds since 1970. All processes that share the file must agree on it. @defaultValue `Date.now` */
  readonly clock?: () => number
  /**
   * Milliseconds that an operation waits for the lock of another process; others go on meanwhile. The first opening waits
   * up to 5000.
   *
   * @defaultValue 1000
   */
  readonly busyTimeout?: number
  /** The size that the file may grow to; a full one refuses new records as an outage. @defaultValue 4 GiB */
  readonly maxBytes?: number
  /** The most expired records that one write removes on its way. @defaultValue 32 */
  readonly sweepBatch?: number
  /** Calls back when a lock is to be tried again; returns how to call it off. @defaultValue `setTimeout` */
  readonly schedule?: Schedule
}

/** Milliseconds that operations wait for the first opening: it takes longer than any write, and others may be at it. */
const openTimeout = 5000

/**
 * Opens or makes the file.
 *
 * Written with a write-ahead log and `synchronous = NORMAL`: what was acknowledged survives the death of the process
 * (`kill -9`), and the last moments may be lost when the machine loses power. Expired records leave with the writes that
 * follow, a few at a time, and are told of then.
 *
 * The store is what the path names. A file that was moved away or deleted is noticed within a second, and before any
 * record is called absent: then a new one is made, as at the start; a file that was put there is the store from then on.
 * After damage the path is opened anew, once a second at most, until that succeeds.
 *
 * @throws SessionError `ERR_INVALID_OPTION`; `ERR_STORE_UNAVAILABLE` when the file cannot be opened, is damaged, belongs
 * to another program or to a newer release. Not when it is locked: operations wait for that
 */
export function sqliteRecords(options: SqliteOptions): RecordStore & Confirming & Expiring {
  const { clock = Date.now, busyTimeout = 1000, maxBytes = 4 * 1024 ** 3, sweepBatch = 32, schedule = timer } = options
  checkOptions({ busyTimeout, maxBytes, sweepBatch })
  const path = resolve(options.file)
  const listeners = new Set<Parameters<Expiring['onExpire']>[0]>()
  const connection = createConnection({ path, maxBytes, sweepBatch, listeners })
  openUnlessLocked(connection, clock())
  const waiting = {
    limit: () => (connection.wasOpen ? busyTimeout : Math.max(busyTimeout, openTimeout)),
    failure: (error: unknown) => storeFailure(path, error),
    schedule,
  }
  // Two, since a writer does not keep others from reading.
  const [reads, writes] = [createWaitingLine(waiting), createWaitingLine(waiting)]

  function attempt<Result>(line: WaitingLine, action: (records: Records, now: number) => Result): Promise<Result> {
    return line.run(() => {
      const now = clock()
      try {
        const result = action(connection.use(now), now)
        if ((result !== undefined && result !== false) || !connection.moved(now)) return result
        // Absent from a file that is the store no longer.
        return action(connection.use(now), now)
      } catch (error) {
        connection.failed(error)
        throw error
      }
    })
  }

  return {
    read: (id) =>
      attempt(reads, ({ statements }, now) => {
        const row = statements.read(id, now)
        if (row === undefined) return undefined
        return { bytes: row.bytes, version: row.version, remaining: row.ends - now }
      }),
    create(id, bytes, ttl) {
      const ends = endOf(clock(), ttl)
      return attempt(writes, ({ statements, known, sweep }, now) => {
        sweep(now)
        const row = { version: statements.newVersion(), ends }
        if (!statements.create(id, row, bytes, now)) return undefined
        known.note(id, row)
        return row.version
      })
    },
    update(id, bytes, version, ttl) {
      const ends = endOf(clock(), ttl)
      return attempt(writes, ({ statements, known, sweep }, now) => {
        sweep(now)
        const row = { version: statements.newVersion(), ends }
        if (!statements.update(id, row, bytes, version, now)) return undefined
        known.note(id, row)
        return row.version
      })
    },
    touch(id, ttl) {
      const ends = endOf(clock(), ttl)
      return attempt(writes, ({ statements, known, sweep }, now) => {
        sweep(now)
        known.forget(id)
        return statements.touch(id, ends, now)
      })
    },
    delete: (id) =>
      attempt(writes, ({ statements, known }, now) => {
        known.forget(id)
        return statements.delete(id, now)
      }),
    confirm(id, version) {
      const now = clock()
      return connection.peek(now)?.known.confirm(id, version, now) === true
    },
    onExpire(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      for (const line of [reads, writes]) line.stop(unusable(path, 'was closed.'))
      connection.close()
    },
  }
}

/** A lock passes: whoever needs the file first waits for it, and the thread does not. */
function openUnlessLocked(connection: Connection, now: number): void {
  try {
    connection.use(now)
  } catch (error) {
    if (!isBusy(error)) throw error
  }
}

/** Keeps the process alive, unlike most timers here: somebody waits for the answer. */
function timer(callback: () => void, milliseconds: number): () => void {
  const started = setTimeout(callback, milliseconds)
  return () => clearTimeout(started)
}

/** A whole number of milliseconds, and one that SQLite and JavaScript both keep exactly. */
function endOf(now: number, ttl: number): number {
  return Math.min(Math.ceil(now + ttl), Number.MAX_SAFE_INTEGER)
}

function checkOptions(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isSafeInteger(value) && value >= (name === 'busyTimeout' ? 0 : 1)) continue
    throw new SessionError(
      'ERR_INVALID_OPTION',
      `Option "${name}" of the SQLite store is ${value}; give a whole number.`,
    )
  }
}
