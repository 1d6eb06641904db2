/**
 * Records in one SQLite file: they survive a restart, and all processes of a machine share them. Node ≥ 22.13, through
 * `node:sqlite`.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { sessionDefaults } from '../../defaults.ts'
import { checkObject, checkUntil, invalid, shown } from '../../invalid-option.ts'
import { members } from '../../members.ts'
import { foregroundTimer, type Schedule } from '../../schedule.ts'
import type { AcceptingOnce, Confirming, Expiring, Indexing, Listing, RecordStore } from '../../store.ts'
import { type Connection, createConnection, type OpenDatabase } from './connection.ts'
import { isBusy, storeFailure, unusable } from './failure.ts'
import { acceptRow, createRow, deleteRow, listRows, readRow, touchRow, updateRow } from './operations.ts'
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

const optionNames = members<keyof SqliteOptions>({
  file: true,
  clock: true,
  busyTimeout: true,
  maxBytes: true,
  sweepBatch: true,
  schedule: true,
})

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
export function sqliteRecords(
  options: SqliteOptions,
): RecordStore & Confirming & Expiring & AcceptingOnce & Indexing & Listing {
  checkObject('The options of sqliteRecords()', options, optionNames)
  const { sqlite } = sessionDefaults
  const { busyTimeout = sqlite.busyTimeout, maxBytes = sqlite.maxBytes, sweepBatch = sqlite.sweepBatch } = options
  const { clock = Date.now, schedule = foregroundTimer } = options
  checkOptions(options, { busyTimeout, maxBytes, sweepBatch })
  const path = resolve(options.file)
  const listeners = new Set<Parameters<Expiring['onExpire']>[0]>()
  const connection = createConnection({ path, maxBytes, sweepBatch, listeners })
  openUnlessLocked(connection, clock())
  const lines = createLines(connection, path, busyTimeout, schedule)
  // From when it was asked for: waiting does not lengthen a session.
  const endOf = (ttl: number) => Math.min(Math.ceil(clock() + ttl), Number.MAX_SAFE_INTEGER)

  function attempt<Result>(line: WaitingLine, action: Action<Result>): Promise<Result> {
    return line.run(() => attemptNow(connection, action, clock()))
  }

  return {
    read: (id) => attempt(lines.reads, (database, now) => readRow(database, id, now)),
    create(id, bytes, ttl) {
      const ends = endOf(ttl)
      return attempt(lines.writes, (database, now) => createRow(database, id, bytes, ends, now))
    },
    update(id, bytes, version, ttl) {
      const ends = endOf(ttl)
      return attempt(lines.writes, (database, now) => updateRow(database, id, bytes, version, ends, now))
    },
    touch(id, ttl) {
      const ends = endOf(ttl)
      return attempt(lines.writes, (database, now) => touchRow(database, id, ends, now))
    },
    delete: (id) => attempt(lines.writes, (database, now) => deleteRow(database, id, now)),
    confirm(id, version) {
      const now = clock()
      return connection.peek(now)?.known.confirm(id, version, now) === true
    },
    onExpire(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async acceptOnce(token, until) {
      checkUntil(until)
      const hash = createHash('sha256').update(token).digest('base64url')
      return attempt(lines.writes, (database, now) => acceptRow(database, hash, until, sweepBatch, now))
    },
    enter(name, session, ttl) {
      const ends = endOf(ttl)
      return attempt(lines.writes, ({ index }, now) => index.enter(name, session, ends, now))
    },
    leave: (name, { id }) => attempt(lines.writes, ({ index }) => index.leave(name, id)),
    entered: (name) => attempt(lines.reads, ({ index }, now) => index.entered(name, now)),
    markEnded: (name) => attempt(lines.writes, ({ index }, now) => index.mark(name, now)),
    endedAt: (name) => attempt(lines.reads, ({ index }, now) => index.markedAt(name, now)),
    async *list() {
      for (let after = ''; ; ) {
        const rows = await attempt(lines.reads, (database, now) => listRows(database, after, now))
        if (rows.length === 0) return
        after = rows.at(-1)!.id
        yield rows
      }
    },
    async close() {
      for (const line of [lines.reads, lines.writes]) line.stop(unusable(path, 'was closed.'))
      connection.close()
    },
  }
}

type Action<Result> = (database: OpenDatabase, now: number) => Result

/** Once, and again where it found nothing in a file that is the store no longer. */
function attemptNow<Result>(connection: Connection, action: Action<Result>, now: number): Result {
  try {
    const result = action(connection.use(now), now)
    if (!isNothing(result) || !connection.moved(now)) return result
    return action(connection.use(now), now)
  } catch (error) {
    connection.failed(error)
    throw error
  }
}

function isNothing(result: unknown): boolean {
  return result === undefined || result === false || (Array.isArray(result) && result.length === 0)
}

/** Two lines, since a writer does not keep others from reading. */
function createLines(connection: Connection, path: string, busyTimeout: number, schedule: Schedule) {
  const waiting = {
    limit: () => (connection.wasOpen ? busyTimeout : Math.max(busyTimeout, openTimeout)),
    failure: (error: unknown) => storeFailure(path, error),
    schedule,
  }
  return { reads: createWaitingLine(waiting), writes: createWaitingLine(waiting) }
}

/** A lock passes: whoever needs the file first waits for it, and the thread does not. */
function openUnlessLocked(connection: Connection, now: number): void {
  try {
    connection.use(now)
  } catch (error) {
    if (!isBusy(error)) throw error
  }
}

function checkOptions({ file }: SqliteOptions, numbers: Readonly<Record<string, number>>): void {
  if (typeof file !== 'string' || file === '') {
    throw invalid(`Option "file" of the SQLite store is ${shown(file)}. Nothing was opened. Give the path of a file.`)
  }
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isSafeInteger(value) && value >= (name === 'busyTimeout' ? 0 : 1)) continue
    throw invalid(`Option "${name}" of the SQLite store is ${shown(value)}. Nothing was opened. Give a whole number.`)
  }
}
