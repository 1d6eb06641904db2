/** What is done with one record in the open file, at one time. Each returns at once or throws what SQLite reports. */
import type { SessionId, StoredRecord } from '../../store.ts'
import type { OpenDatabase } from './connection.ts'

export function readRow({ statements }: OpenDatabase, id: SessionId, now: number): StoredRecord | undefined {
  const row = statements.read(id, now)
  return row && { bytes: row.bytes, version: row.version, remaining: row.ends - now }
}

/** The new version; `undefined` when the id is taken. */
export function createRow(
  { statements, known, sweep }: OpenDatabase,
  id: SessionId,
  bytes: Uint8Array,
  ends: number,
  now: number,
): string | undefined {
  sweep(now)
  const row = { version: statements.newVersion(), ends }
  if (!statements.create(id, row, bytes, now)) return undefined
  known.note(id, row)
  return row.version
}

/** The new version; `undefined` when the record is gone or has another version than this one. */
export function updateRow(
  { statements, known, sweep }: OpenDatabase,
  id: SessionId,
  bytes: Uint8Array,
  version: string,
  ends: number,
  now: number,
): string | undefined {
  sweep(now)
  const row = { version: statements.newVersion(), ends }
  if (!statements.update(id, row, bytes, version, now)) return undefined
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
