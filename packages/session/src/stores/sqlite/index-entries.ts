/** An index in the same file: sessions by name, pruned on every write and read. */
import type { DatabaseSync } from 'node:sqlite'
import type { IndexEntry, Indexing } from '../../store.ts'

/** Files of before have no such tables; the schema is the same otherwise. Times are milliseconds since 1970. */
export const indexTables = `
  CREATE TABLE IF NOT EXISTS entries (
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    PRIMARY KEY (name, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_by_end ON entries (ends);
  CREATE TABLE IF NOT EXISTS marks (name TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

/** Milliseconds that an entry stays after its end: a touch of its record may be on its way. */
const stays = 10_000
/** Milliseconds that the end of all sessions under a name is kept in mind. */
const markedFor = 60_000
/** Entries under one name. */
const maxEntered = 10_000

/** Runs an action at the time of the store; what it throws becomes a rejection. */
type Attempt = <Result>(action: (now: number) => Result) => Promise<Result>

/** @param sweepBatch the most entries of other names that one write removes on its way */
export function sqliteIndex(database: DatabaseSync, attempt: Attempt, sweepBatch: number): Indexing {
  const enter = database.prepare(
    'INSERT INTO entries VALUES (?, ?, ?, ?) ON CONFLICT (name, id) DO UPDATE SET created = excluded.created, ends = excluded.ends',
  )
  const prune = database.prepare('DELETE FROM entries WHERE name = ? AND ends <= ?')
  const sweep = database.prepare(
    'DELETE FROM entries WHERE (name, id) IN (SELECT name, id FROM entries WHERE ends <= ? ORDER BY ends LIMIT ?)',
  )
  const count = database.prepare('SELECT count(*) AS count FROM entries WHERE name = ?')
  const putOut = database.prepare(
    'DELETE FROM entries WHERE name = ?1 AND id IN (SELECT id FROM entries WHERE name = ?1 ORDER BY ends LIMIT ?2) RETURNING id',
  )
  const leave = database.prepare('DELETE FROM entries WHERE name = ? AND id = ?')
  const entered = database.prepare(
    'SELECT id, created AS createdAt, ends AS endsAt FROM entries WHERE name = ? AND ends > ? ORDER BY created',
  )
  const mark = database.prepare('INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at')
  const sweepMarks = database.prepare('DELETE FROM marks WHERE at <= ?')
  const marked = database.prepare('SELECT at FROM marks WHERE name = ? AND at > ?')

  return {
    enter: (name, { id, createdAt }, ttl) =>
      attempt((now) => {
        prune.run(name, now - stays)
        sweep.run(now - stays, sweepBatch)
        enter.run(name, id, Math.round(createdAt), Math.min(Math.ceil(now + ttl), Number.MAX_SAFE_INTEGER))
        const over = (count.get(name)!.count as number) - maxEntered
        return over <= 0 ? [] : putOut.all(name, over).map((row) => row.id as string)
      }),
    leave: (name, { id }) => attempt(() => void leave.run(name, id)),
    entered: (name) => attempt((now) => entered.all(name, now - stays) as unknown as IndexEntry[]),
    markEnded: (name) =>
      attempt((now) => {
        sweepMarks.run(now - markedFor)
        mark.run(name, now)
      }),
    endedAt: (name) => attempt((now) => marked.get(name, now - markedFor)?.at as number | undefined),
  }
}
