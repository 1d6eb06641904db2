/**
 * Says without a query, most of the time, whether a record is still what was read: as long as no other connection
 * committed, what this one saw last is what the file holds.
 */
import type { Row, Statements } from './statements.ts'

/** Beyond this the notes are thrown away and made again; each costs one query. */
const maxNotes = 65_536

interface Note extends Row {
  /** The data version under which it was true. */
  readonly seen: number
}

export interface Confirmations {
  /** After a write of our own, which does not move the data version. */
  note(id: string, row: Row): void
  forget(id: string): void
  confirm(id: string, version: string, now: number): boolean
}

export function createConfirmations(statements: Statements): Confirmations {
  const notes = new Map<string, Note>()
  let seen = statements.dataVersion()

  function keep(id: string, row: Row): Note {
    if (notes.size >= maxNotes) notes.clear()
    const note = { version: row.version, ends: row.ends, seen }
    notes.set(id, note)
    return note
  }

  function current(id: string): Note | undefined {
    seen = statements.dataVersion()
    const note = notes.get(id)
    if (note?.seen === seen) return note
    const row = statements.look(id)
    if (row !== undefined) return keep(id, row)
    notes.delete(id)
    return undefined
  }

  return {
    note: keep,
    forget: (id) => notes.delete(id),
    confirm(id, version, now) {
      try {
        const note = current(id)
        return note !== undefined && note.version === version && note.ends > now
      } catch {
        // Not confirmed; the read that follows says why.
        return false
      }
    },
  }
}
