/**
 * The file on the disk: which one it is, who may read it, what lies beside it. One process at a time opens it, so that
 * nobody takes the log of a file that lay there before for that of the new one.
 */
import { chmodSync, closeSync, existsSync, openSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { unusable } from './failure.ts'
import { prepareDatabase } from './schema.ts'

/** Device and inode: the same as long as somebody holds the file open, wherever it was moved. `undefined`: no file. */
export type FileIdentity = string | undefined

export interface OpenFile {
  readonly database: DatabaseSync
  /** Where it lay when it was opened. */
  readonly place: string
  readonly identity: FileIdentity
  /** Of the log and its index, which lie beside it. */
  readonly companions: readonly FileIdentity[]
}

const companionsOf = (place: string) => [`${place}-wal`, `${place}-shm`]

export function identify(path: string): FileIdentity {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/** Does the path still name the file that was opened? */
export function isInPlace(path: string, file: OpenFile): boolean {
  try {
    return identify(path) === file.identity
  } catch {
    // Opening it says why.
    return false
  }
}

/** Where a path leads: beside that, not beside a link, lies what belongs to the file. */
export function placeOf(path: string): string {
  try {
    return existsSync(path) ? realpathSync(path) : resolve(dirname(path), readlinkSync(path))
  } catch {
    // No link.
    return path
  }
}

/**
 * Does `work` while no other process does it for this place. The lock is a database of its own beside the file, empty,
 * so that it ends with the process that holds it.
 *
 * @throws what SQLite reports (SQLITE_BUSY) when another process is at it
 */
export function withOpeningLock<Result>(place: string, work: () => Result): Result {
  const lockPath = `${place}-lock`
  keepPrivate(lockPath)
  const lock = new DatabaseSync(lockPath)
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return work()
  } finally {
    lock.close()
  }
}

/** Opens or makes the file. Under the opening lock. @throws SessionError, or what the file system or SQLite reports */
export function openFile(place: string, maxBytes: number): OpenFile {
  if (!existsSync(place)) removeCompanions(place)
  keepPrivate(place)
  const identity = identify(place)
  const database = new DatabaseSync(place)
  try {
    prepareDatabase(database, place, maxBytes)
    if (identity !== identify(place)) throw unusable(place, 'was replaced while it was opened. It is opened again.')
    return { database, place, identity, companions: companionsOf(place).map(identify) }
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Lets go of a file so that its path can be opened anew. Of one that was moved away, what is in its log is taken into
 * it first, and its companions leave the place to those of the next file. Under the opening lock.
 */
export function releaseFile(file: OpenFile): void {
  const { database, place, companions } = file
  try {
    if (!isInPlace(place, file)) {
      takeLogIn(database)
      removeCompanions(place, companions)
    }
  } finally {
    database.close()
  }
}

/** Takes what is in the log into the file, as far as other processes let it. */
export function takeLogIn(database: DatabaseSync): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // A log that stays is read by whoever opens the file next; a damaged file has nothing to gain.
  }
}

/** All of them, or those that are still the ones of this list. */
function removeCompanions(place: string, only?: readonly FileIdentity[]): void {
  for (const [index, companion] of companionsOf(place).entries()) {
    if (only === undefined || identify(companion) === only[index]) rmSync(companion, { force: true })
  }
}

/**
 * Readable by its owner alone before anything is in it; SQLite gives the companions the same mode. A file that is there
 * is not opened for this: closing it would take away the locks that another connection of this process has on it.
 */
function keepPrivate(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  else if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
}
