/** What is in the file: its schema and its settings. */
import type { DatabaseSync } from 'node:sqlite'
import { unusable } from './failure.ts'
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

/** Tokens that were accepted once, by their hash. */
const onceTable = `
  CREATE TABLE IF NOT EXISTS once (token TEXT NOT NULL PRIMARY KEY, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS once_by_end ON once (ends);
`

/** Files of before have none of these; the schema is the same otherwise. The last of them comes with the others. */
const laterTables = onceTable + indexTables
const lastTable = 'marks'

/** Makes the tables of a new file, and checks those of an old one. @throws SessionError, or what SQLite reports */
export function prepareDatabase(database: DatabaseSync, path: string, maxBytes: number): void {
  // Looked at without a lock first: a file that is in use opens while another process writes.
  if (checkSchema(database, path) !== schemaVersion || !hasTable(database, lastTable)) makeSchema(database, path)
  if (pragma(database, 'journal_mode = WAL') !== 'wal') {
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

/** Looked at and made in one transaction. */
function makeSchema(database: DatabaseSync, path: string): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    if (checkSchema(database, path) !== schemaVersion) {
      database.exec(`${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`)
    }
    database.exec(laterTables)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

function hasTable(database: DatabaseSync, name: string): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined
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

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0]
}
