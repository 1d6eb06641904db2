/**
 * Records in one SQLite file: they survive a restart, and all processes of a machine share them. Node ≥ 22.13, through
 * `node:sqlite`.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { SessionError } from '../../errors.ts'
import type { AcceptingOnce, Confirming, Expiring, Indexing, ListedRecord, Listing, RecordStore } from '../../store.ts'
import { createConfirmations } from './confirm.ts'
import { storeFailure } from './failure.ts'
import { sqliteIndex } from './index-entries.ts'
import { openFile } from './schema.ts'
import { prepareStatements, type Statements } from './statements.ts'
import { createSweeper } from './sweeper.ts'

export interface SqliteOptions {
  /** Path of the file; its folder must exist. Made with mode 0600; beside it lie `-wal` and `-shm` while it is in use. */
  readonly file: string
  /** The time in milliseconds since 1970. All processes that share the file must agree on it. @defaultValue `Date.now` */
  readonly clock?: () => number
  /** Milliseconds to wait for the lock of another process; this thread waits too. @defaultValue 1000 */
  readonly busyTimeout?: number
  /** The size that the file may grow to; a full one refuses new records as an outage. @defaultValue 4 GiB */
  readonly maxBytes?: number
  /** The most expired records that one write removes on its way. @defaultValue 32 */
  readonly sweepBatch?: number
}

/**
 * Opens or makes the file.
 *
 * Written with a write-ahead log and `synchronous = NORMAL`: what was acknowledged survives the death of the process
 * (`kill -9`), and the last moments may be lost when the machine loses power. Expired records leave with the writes that
 * follow, a few at a time, and are told of then.
 *
 * @throws SessionError `ERR_INVALID_OPTION`; `ERR_STORE_UNAVAILABLE` when the file cannot be opened, is damaged, belongs
 * to another program or to a newer release
 */
export function sqliteRecords(
  options: SqliteOptions,
): RecordStore & Confirming & Expiring & AcceptingOnce & Indexing & Listing {
  const { clock = Date.now, busyTimeout = 1000, maxBytes = 4 * 1024 ** 3, sweepBatch = 32 } = options
  checkOptions({ busyTimeout, maxBytes, sweepBatch })
  const path = resolve(options.file)
  const database = openFile({ file: path, busyTimeout, maxBytes })
  const statements = prepareStatements(database)
  const known = createConfirmations(statements)
  const { sweep, onExpire } = createSweeper(statements, sweepBatch)
  let open = true

  function attempt<Result>(action: (now: number) => Result): Promise<Result> {
    try {
      return Promise.resolve(action(clock()))
    } catch (error) {
      return Promise.reject(storeFailure(path, error))
    }
  }

  return {
    read: (id) =>
      attempt((now) => {
        const row = statements.read(id, now)
        if (row === undefined) return undefined
        return { bytes: row.bytes, version: row.version, remaining: row.ends - now }
      }),
    create: (id, bytes, ttl) =>
      attempt((now) => {
        sweep(now)
        const row = { version: statements.newVersion(), ends: endOf(now, ttl) }
        if (!statements.create(id, row, bytes, now)) return undefined
        known.note(id, row)
        return row.version
      }),
    update: (id, bytes, version, ttl) =>
      attempt((now) => {
        sweep(now)
        const row = { version: statements.newVersion(), ends: endOf(now, ttl) }
        if (!statements.update(id, row, bytes, version, now)) return undefined
        known.note(id, row)
        return row.version
      }),
    touch: (id, ttl) =>
      attempt((now) => {
        sweep(now)
        known.forget(id)
        return statements.touch(id, endOf(now, ttl), now)
      }),
    delete: (id) =>
      attempt((now) => {
        known.forget(id)
        return statements.delete(id, now)
      }),
    confirm: (id, version) => open && known.confirm(id, version, clock()),
    onExpire,
    acceptOnce: (token, until) =>
      attempt((now) => {
        if (until <= now) return false
        const hash = createHash('sha256').update(token).digest('base64url')
        return statements.acceptOnce(hash, endOf(now, until - now), now, sweepBatch)
      }),
    ...sqliteIndex(database, attempt, sweepBatch),
    async *list() {
      for (let after = ''; ; ) {
        const rows = await attempt((now) => statements.list(after, now, listBatch).map((row) => listed(row, now)))
        if (rows.length === 0) return
        after = rows.at(-1)!.id
        yield rows
      }
    },
    close() {
      if (!open) return Promise.resolve()
      open = false
      return attempt(() => {
        try {
          statements.checkpoint()
        } finally {
          database.close()
        }
      })
    },
  }
}

/** Records that a list gives at a time: so long the thread is held. */
const listBatch = 500

function listed(row: ReturnType<Statements['list']>[number], now: number): ListedRecord {
  const { id, ends, beginning, size } = row
  return { id, beginning, size, remaining: ends - now }
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
