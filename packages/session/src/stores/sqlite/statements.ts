/** Every statement the store runs, prepared once. Each one is a transaction of its own. */
import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { listedBytes } from '../../store.ts'

/** What is kept of a record besides its bytes. */
export interface Row {
  readonly version: string
  /** Milliseconds since 1970. */
  readonly ends: number
}

export type Statements = ReturnType<typeof prepareStatements>

export function prepareStatements(database: DatabaseSync) {
  const read = database.prepare('SELECT version, ends, bytes FROM records WHERE id = ? AND ends > ?')
  const look = database.prepare('SELECT version, ends FROM records WHERE id = ?')
  // An expired record that was not swept yet does not hold its id.
  const create = database.prepare(
    `INSERT INTO records (id, version, ends, bytes) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
     SET version = excluded.version, ends = excluded.ends, bytes = excluded.bytes WHERE records.ends <= ?`,
  )
  const update = database.prepare(
    'UPDATE records SET version = ?, ends = ?, bytes = ? WHERE id = ? AND version = ? AND ends > ?',
  )
  const touch = database.prepare('UPDATE records SET ends = ? WHERE id = ? AND ends > ?')
  const remove = database.prepare('DELETE FROM records WHERE id = ? AND ends > ?')
  const batch = 'DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE ends <= ? ORDER BY ends LIMIT ?)'
  const sweep = database.prepare(batch)
  const sweepAndTell = database.prepare(`${batch} RETURNING id, bytes, ends`)
  const accept = database.prepare(
    'INSERT INTO once (token, ends) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET ends = excluded.ends WHERE once.ends <= ?',
  )
  const sweepOnce = database.prepare(
    'DELETE FROM once WHERE token IN (SELECT token FROM once WHERE ends <= ? ORDER BY ends LIMIT ?)',
  )
  const list = database.prepare(
    `SELECT id, ends, substr(bytes, 1, ${listedBytes}) AS beginning, length(bytes) AS size FROM records
     WHERE id > ? AND ends > ? ORDER BY id LIMIT ?`,
  )
  const dataVersion = database.prepare('PRAGMA data_version')
  const newVersion = versions()
  return {
    newVersion,
    read: (id: string, now: number) => read.get(id, now) as (Row & { bytes: Uint8Array }) | undefined,
    look: (id: string) => look.get(id) as Row | undefined,
    create: (id: string, row: Row, bytes: Uint8Array, now: number) =>
      create.run(id, row.version, row.ends, bytes, now).changes === 1,
    update: (id: string, row: Row, bytes: Uint8Array, version: string, now: number) =>
      update.run(row.version, row.ends, bytes, id, version, now).changes === 1,
    touch: (id: string, ends: number, now: number) => touch.run(ends, id, now).changes === 1,
    delete: (id: string, now: number) => remove.run(id, now).changes === 1,
    /** How many were removed. */
    sweep: (now: number, limit: number) => Number(sweep.run(now, limit).changes),
    /** The same, and what they were. */
    sweepAndTell: (now: number, limit: number) =>
      sweepAndTell.all(now, limit) as { id: string; bytes: Uint8Array; ends: number }[],
    acceptOnce(token: string, ends: number, now: number, limit: number): boolean {
      sweepOnce.run(now, limit)
      return accept.run(token, ends, now).changes === 1
    },
    /** In the order of their ids, those behind `after`. */
    list: (after: string, now: number, limit: number) =>
      list.all(after, now, limit) as { id: string; ends: number; beginning: Uint8Array; size: number }[],
    /** Changes when another connection, of this or another process, committed. */
    dataVersion: () => dataVersion.get()!.data_version as number,
  }
}

/** Versions that no other process, and no later run of this one, gives out: a random beginning and a counter. */
function versions(): () => string {
  const beginning = randomBytes(9).toString('base64url')
  let count = 0
  return () => `${beginning}.${(count++).toString(36)}`
}
