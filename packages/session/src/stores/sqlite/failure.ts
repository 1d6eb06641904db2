/** What SQLite reports, as an outage of the store with a message that says what to do. */
import { type FailedWrite, SessionError } from '../../errors.ts'

/** Primary result codes (https://www.sqlite.org/rescode.html) that ask something of an operator. */
const remedies: ReadonlyMap<number, string> = new Map([
  [5, 'is locked by another process for longer than the busy timeout. Look for a program that holds it open.'],
  [6, 'is locked by another process for longer than the busy timeout. Look for a program that holds it open.'],
  [8, 'cannot be written. Give the user of this process the right to write the file and its folder.'],
  [10, 'could not be read or written by the operating system. Check the disk.'],
  [11, 'is damaged. Move it away (sessions start anew), or put a backup in its place.'],
  [13, 'is full: the disk, or the size that the store may have (maxBytes of sqliteRecords(); 4 GiB). Make room.'],
  [14, 'cannot be opened. Its folder must exist, and this process must be allowed to write there.'],
  [26, 'is damaged or not a SQLite database. Move it away (sessions start anew), or name another file.'],
])

/** Any error of an operation as `ERR_STORE_UNAVAILABLE`; one of ours stays as it is. After SQLITE_IOERR a write may have been done. */
export function storeFailure(path: string, error: unknown): SessionError {
  if (error instanceof SessionError) return error
  const { errcode, code, message } = error as { errcode?: number; code?: string; message?: string }
  const remedy = errcode === undefined ? undefined : remedies.get(errcode & 0xff)
  const what = remedy ?? `failed: ${code ?? ''} ${message ?? String(error)}`.trimEnd()
  return unusable(path, what, { cause: error, notExecuted: remedy !== undefined && (errcode! & 0xff) !== 10 })
}

/** Another connection holds the lock (SQLITE_BUSY). */
export function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return errcode !== undefined && (errcode & 0xff) === 5
}

/**
 * Nothing more is to be expected of the open file, and much of opening it anew once an operator has been there:
 * SQLITE_ERROR (the tables are gone), READONLY, IOERR, CORRUPT, CANTOPEN, NOTADB.
 */
export function isBroken(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return errcode !== undefined && brokenCodes.has(errcode & 0xff)
}

const brokenCodes: ReadonlySet<number> = new Set([1, 8, 10, 11, 14, 26])

/** @param options whether a write that failed so may have been done all the same; as a rule it was not */
export function unusable(path: string, what: string, options: ErrorOptions & FailedWrite = {}): SessionError {
  return new SessionError('ERR_STORE_UNAVAILABLE', `The session file "${path}" ${what}`, {
    notExecuted: true,
    ...options,
  })
}
