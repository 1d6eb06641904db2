/** What is done with one record in the open file, at one time. Each returns at once or throws what SQLite reports. */
import type { ListedRecord, SessionId, StoredRecord } from '../../store.ts'
import type { OpenDatabase } from './connection.ts'
import type { Row } from './statements.ts'

/** Records that a list gives at a time: so long the thread is held. */
const listBatch = 500

export function readRow({ statements }: OpenDatabase, id: SessionId, now: number): StoredRecord | undefined {
  const row = statements.read(id, now)
  return row && { bytes: row.bytes, version: row.version, remaining: row.ends - now }
}

/** The new version; `undefined` when the id is taken. */
export function createRow(
  database: OpenDatabase,
  id: SessionId,
  bytes: Uint8Array,
  ends: number,
  now: number,
): string | undefined {
  return writeRow(database, id, ends, now, (row) => database.statements.create(id, row, bytes, now))
}

/** The new version; `undefined` when the record is gone or has another version than this one. */
export function updateRow(
  database: OpenDatabase,
  id: SessionId,
  bytes: Uint8Array,
  version: string,
  ends: number,
  now: number,
): string | undefined {
  return writeRow(database, id, ends, now, (row) => database.statements.update(id, row, bytes, version, now))
}

/** Makes room, and notes the new version when it was written. */
function writeRow(
  { statements, known, sweep }: OpenDatabase,
  id: SessionId,
  ends: number,
  now: number,
  write: (row: Row) => boolean,
): string | undefined {
  sweep(now)
  const row = { version: statements.newVersion(), ends }
  if (!write(row)) return undefined
  known.note(id, row)
  return row.version
}

export function touchRow(
  { statements, known, sweep }: OpenDatabase,
  id: SessionId,
  ends: number,
  now: number,
): boolean {
  sweep(now)
  known.forget(id)
  return statements.touch(id, ends, now)
}

export function deleteRow({ statements, known }: OpenDatabase, id: SessionId, now: number): boolean {
  known.forget(id)
  return statements.delete(id, now)
}

/** `true` for the first who brings this token, of which `hash` is kept until its time is over. */
export function acceptRow(
  { statements }: OpenDatabase,
  hash: string,
  until: number,
  sweepBatch: number,
  now: number,
): boolean {
  if (until <= now) return false
  return statements.acceptOnce(hash, Math.min(Math.ceil(until), Number.MAX_SAFE_INTEGER), now, sweepBatch)
}

/** Those behind the id `after`, in the order of their ids. */
export function listRows({ statements }: OpenDatabase, after: SessionId, now: number): readonly ListedRecord[] {
  const rows = statements.list(after, now, listBatch)
  return rows.map(({ id, beginning, size, ends }) => ({ id, beginning, size, remaining: ends - now }))
}
