/** An index in the same file: sessions by name, pruned on every write and read. */
import type { DatabaseSync } from 'node:sqlite'
import type { IndexEntry, IndexedSession, SessionId } from '../../store.ts'

/** Times are milliseconds since 1970. */
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

export type IndexStatements = ReturnType<typeof prepareIndex>

/** @param sweepBatch the most entries of other names that one write removes on its way */
export function prepareIndex(database: DatabaseSync, sweepBatch: number) {
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
  const mark = database.prepare(
    'INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = max(excluded.at, marks.at + 1)',
  )
  const sweepMarks = database.prepare('DELETE FROM marks WHERE at <= ?')
  const marked = database.prepare('SELECT at FROM marks WHERE name = ? AND at > ?')

  return {
    /** The sessions that had to make room. */
    enter(name: string, { id, createdAt }: IndexedSession, ends: number, now: number): readonly SessionId[] {
      prune.run(name, now - stays)
      sweep.run(now - stays, sweepBatch)
      enter.run(name, id, Math.round(createdAt), ends)
      const over = (count.get(name)!.count as number) - maxEntered
      return over <= 0 ? [] : putOut.all(name, over).map((row) => row.id as SessionId)
    },
    leave: (name: string, id: SessionId) => void leave.run(name, id),
    entered: (name: string, now: number) => entered.all(name, now - stays) as unknown as readonly IndexEntry[],
    mark(name: string, now: number): void {
      sweepMarks.run(now - markedFor)
      mark.run(name, now)
    },
    markedAt: (name: string, now: number) => marked.get(name, now - markedFor)?.at as number | undefined,
  }
}
