/**
 * The connection to the file that the path names, whatever becomes of the one that was opened first: a file that was
 * moved away, deleted or replaced is noticed, a damaged one is let go of, and the path is opened anew.
 */
import type { SessionError } from '../../errors.ts'
import { type Confirmations, createConfirmations } from './confirm.ts'
import { isBroken, isBusy, storeFailure, unusable } from './failure.ts'
import { isInPlace, type OpenFile, openFile, placeOf, releaseFile, takeLogIn, withOpeningLock } from './file.ts'
import { type IndexStatements, prepareIndex } from './index-entries.ts'
import { prepareStatements, type Statements } from './statements.ts'
import { createSweeper, type Listeners, type Sweep } from './sweeper.ts'

/** Milliseconds between two looks whether the path still names the open file. */
const checkEvery = 1000
/** Milliseconds between two attempts to open a file that could not be used. */
const reopenEvery = 1000

/** What works on the open file. */
export interface OpenDatabase extends OpenFile {
  readonly statements: Statements
  readonly index: IndexStatements
  readonly known: Confirmations
  readonly sweep: Sweep
}

export interface Connection {
  /**
   * The file that the path names.
   *
   * @throws SessionError `ERR_STORE_UNAVAILABLE`; what SQLite reports (SQLITE_BUSY) while others hold what opening needs
   */
  use(now: number): OpenDatabase
  /** The same where it is open and in place; nothing is opened. */
  peek(now: number): OpenDatabase | undefined
  /** Looks at once. True when the path names another file, or none, by now. */
  moved(now: number): boolean
  /** An operation on it failed. */
  failed(error: unknown): void
  /** It was open once, however long ago. */
  readonly wasOpen: boolean
  close(): void
}

export interface ConnectionOptions {
  readonly path: string
  readonly maxBytes: number
  readonly sweepBatch: number
  readonly listeners: Listeners
}

export function createConnection({ path, maxBytes, sweepBatch, listeners }: ConnectionOptions): Connection {
  let current: OpenDatabase | undefined
  /** It can be used; when not, it is held until the path can be opened, so that its identity is nobody else's. */
  let usable = false
  let failure: SessionError | undefined
  let wasOpen = false
  let closed = false
  let checkedAt = 0
  let openedAt = 0

  function moved(now: number): boolean {
    if (current === undefined || !usable) return true
    usable = isInPlace(path, current)
    checkedAt = now
    return !usable
  }

  function open(): OpenDatabase {
    const place = placeOf(path)
    return withOpeningLock(place, () => {
      const before = current
      current = undefined
      if (before !== undefined) releaseFile(before)
      const file = openFile(place, maxBytes)
      try {
        const statements = prepareStatements(file.database)
        const sweep = createSweeper(statements, sweepBatch, listeners)
        const index = prepareIndex(file.database, sweepBatch)
        return { ...file, statements, index, known: createConfirmations(statements), sweep }
      } catch (error) {
        file.database.close()
        throw error
      }
    })
  }

  function reopen(now: number): OpenDatabase {
    if (closed) throw unusable(path, 'was closed.')
    if (failure !== undefined && isWithin(reopenEvery, openedAt, now)) throw failure
    try {
      current = open()
    } catch (error) {
      if (isBusy(error)) throw error
      openedAt = now
      failure = storeFailure(path, error)
      throw failure
    }
    usable = wasOpen = true
    failure = undefined
    openedAt = checkedAt = now
    return current
  }

  const peek = (now: number) => (usable && (isWithin(checkEvery, checkedAt, now) || !moved(now)) ? current : undefined)

  return {
    use: (now) => peek(now) ?? reopen(now),
    peek,
    moved,
    failed(error) {
      if (!isBroken(error)) return
      usable = false
      failure = storeFailure(path, error)
    },
    get wasOpen() {
      return wasOpen
    },
    close() {
      closed = true
      usable = false
      if (current === undefined) return
      takeLogIn(current.database)
      current.database.close()
      current = undefined
    },
  }
}

/** Also false when the clock was set back, so that nothing is put off for longer. */
function isWithin(period: number, since: number, now: number): boolean {
  const passed = now - since
  return passed >= 0 && passed < period
}
