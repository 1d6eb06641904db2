/** The file: its schema, its settings, who may read it. */
import { chmodSync, closeSync, fstatSync, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isBusy, storeFailure, unusable } from './failure.ts'
import { indexTables } from './index-entries.ts'

/** Kept in the file as `user_version`. A release that writes a new one comes after one that reads it. */
export const schemaVersion = 1
/** Kept in the file as `application_id`, so that no other program's database is taken for ours: "CoCk". */
const applicationId = 0x436f436b
const pageSize = 4096

/** `ends`: milliseconds since 1970. `bytes` stands last, so that the small columns are read without it. */
const tables = `
  CREATE TABLE records (
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    ends INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX records_by_id ON records (id);
  CREATE INDEX records_by_end ON records (ends);
`

/** Tokens that were accepted once, by their hash. Files of before have no such table; the schema is the same otherwise. */
const onceTable = `
  CREATE TABLE IF NOT EXISTS once (token TEXT NOT NULL PRIMARY KEY, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS once_by_end ON once (ends);
`

export interface FileOptions {
  readonly file: string
  readonly busyTimeout: number
  readonly maxBytes: number
}

/** @throws SessionError `ERR_STORE_UNAVAILABLE` */
export function openFile(options: FileOptions): DatabaseSync {
  const path = resolve(options.file)
  let database: DatabaseSync | undefined
  try {
    keepPrivate(path)
    database = new DatabaseSync(path)
    database.exec(`PRAGMA busy_timeout = ${options.busyTimeout}`)
    prepareSchema(database, path)
    applySettings(database, path, options)
    return database
  } catch (error) {
    database?.close()
    throw storeFailure(path, error)
  }
}

/** The file is made, or made, readable by its owner alone before anything is in it; SQLite gives its companions the same mode. */
function keepPrivate(path: string): void {
  const descriptor = openSync(path, 'a', 0o600)
  try {
    if ((fstatSync(descriptor).mode & 0o077) !== 0) chmodSync(path, 0o600)
  } finally {
    closeSync(descriptor)
  }
}

/** Looked at and made in one transaction: another process may be opening the same new file. */
function prepareSchema(database: DatabaseSync, path: string): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    if (checkSchema(database, path) !== schemaVersion) {
      database.exec(`${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`)
    }
    database.exec(onceTable + indexTables)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** 0 for a file that is still empty. */
function checkSchema(database: DatabaseSync, path: string): number {
  const found = pragma(database, 'user_version')
  const empty = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()!.count === 0
  if (empty && found === 0) return 0
  if (pragma(database, 'application_id') !== applicationId) {
    throw unusable(path, 'is the database of another program. It was left as it is. Name another file.')
  }
  if (found !== schemaVersion) {
    throw unusable(
      path,
      `has schema ${found}, and this release knows ${schemaVersion}. It was left as it is. ` +
        'Use the release that wrote it, or another file (sessions start anew).',
    )
  }
  return schemaVersion
}

/**
 * SQLite does not wait for the lock that changes the journal of a new file, so that of processes which open one at the
 * same moment all but the first would fail; the wait is made here.
 */
function useLog(database: DatabaseSync, busyTimeout: number): unknown {
  for (let waited = 0; ; waited += lockPoll) {
    try {
      return pragma(database, 'journal_mode = WAL')
    } catch (error) {
      if (!isBusy(error) || waited >= busyTimeout) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockPoll)
    }
  }
}
const lockPoll = 5

function applySettings(database: DatabaseSync, path: string, { busyTimeout, maxBytes }: FileOptions): void {
  if (useLog(database, busyTimeout) !== 'wal') {
    throw unusable(path, 'cannot have a write-ahead log where it lies. Put it on a local disk.')
  }
  // NORMAL: a commit survives the death of the process; the last ones may be lost when the machine loses power.
  database.exec(`
    PRAGMA synchronous = NORMAL;
    PRAGMA secure_delete = ON;
    PRAGMA journal_size_limit = 16777216;
    PRAGMA max_page_count = ${Math.max(Math.floor(maxBytes / pageSize), 16)};
  `)
}

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0]
}
