import { expect, test } from 'vitest'
import { createConnection } from './connection.ts'
import { unavailable, useDisk } from './fixtures/disk.ts'

const disk = useDisk()

/** A connection that is open, one second after it was opened; the test closes it. */
function open() {
  const connection = createConnection({ path: disk.file, maxBytes: 1e9, sweepBatch: 1, listeners: new Set() })
  const first = connection.use(disk.now)
  disk.now += 999
  return { connection, first }
}

const failure = (errcode: number) => Object.assign(new Error('it is a test'), { code: 'ERR_SQLITE_ERROR', errcode })

test.each([
  ['SQLITE_ERROR', 1],
  ['SQLITE_READONLY', 8],
  ['SQLITE_READONLY_DBMOVED', 1032],
  ['SQLITE_IOERR', 10],
  ['SQLITE_IOERR_READ', 266],
  ['SQLITE_CORRUPT', 11],
  ['SQLITE_CORRUPT_INDEX', 779],
  ['SQLITE_CANTOPEN', 14],
  ['SQLITE_NOTADB', 26],
])('after %s the file is let go of, and its path is opened anew, a second after the last time', (_, errcode) => {
  const { connection, first } = open()
  connection.failed(failure(errcode))
  expect(connection.peek(disk.now)).toBeUndefined()
  expect(() => connection.use(disk.now)).toThrow(unavailable(/./))
  disk.now += 1
  const second = connection.use(disk.now)
  expect([second === first, first.database.isOpen, second.database.isOpen]).toEqual([false, false, true])
  connection.close()
})

test.each([
  ['SQLITE_BUSY', 5],
  ['SQLITE_BUSY_SNAPSHOT', 517],
  ['SQLITE_LOCKED', 6],
  ['SQLITE_NOMEM', 7],
  ['SQLITE_INTERRUPT', 9],
  ['SQLITE_FULL', 13],
  ['SQLITE_CONSTRAINT', 19],
])('after %s the file stays open: opening it anew would change nothing', (_, errcode) => {
  const { connection, first } = open()
  connection.failed(failure(errcode))
  expect(connection.use(disk.now)).toBe(first)
  connection.close()
})
