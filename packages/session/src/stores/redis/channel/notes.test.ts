import * as fc from 'fast-check'
import { assert, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createNotes, ended, type Notes } from './notes.ts'

const id = 'AAAAAAAAAAAAAAAAAAAAAA'
const later = 1000

function read(notes: Notes, version: string | undefined, endsAt = later): void {
  notes.read(id, notes.begin(id), version, endsAt)
}

describe('a note', () => {
  test('is made of a reply during which nothing was heard', () => {
    const notes = createNotes()
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
    read(notes, 'v1')
    expect(notes.confirm(id, 'v1', 0)).toBe(true)
    expect(notes.confirm(id, 'v2', 0)).toBe(false)
  })

  test('holds until the record ends, by the clock that it was made with', () => {
    const notes = createNotes()
    read(notes, 'v1', 500)
    expect(notes.confirm(id, 'v1', 499)).toBe(true)
    expect(notes.confirm(id, 'v1', 500)).toBe(false)
  })

  test('is not made when a message of another version overtook the reply', () => {
    const notes = createNotes()
    const look = notes.begin(id)
    notes.heard(id, 'v2')
    notes.read(id, look, 'v1', later)
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
    const next = notes.begin(id)
    notes.heard(id, 'v3')
    notes.read(id, next, 'v3', later)
    expect(notes.confirm(id, 'v3', 0)).toBe(true)
  })

  test('is not made of what a read tells that was answered after a write of our own', () => {
    const notes = createNotes()
    const look = notes.begin(id)
    notes.wrote(id, notes.begin(id), 'v2', later)
    notes.read(id, look, 'v1', later)
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
    expect(notes.confirm(id, 'v2', 0)).toBe(false)
  })

  test('is not made of a late message and a late reply that agree, after a write of our own', () => {
    const notes = createNotes()
    const look = notes.begin(id)
    notes.wrote(id, notes.begin(id), 'v2', later)
    notes.heard(id, 'v1')
    notes.read(id, look, 'v1', later)
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
  })

  test('survives the message of the same version, which is our own write coming back', () => {
    const notes = createNotes()
    notes.wrote(id, notes.begin(id), 'v2', later)
    notes.heard(id, 'v2')
    expect(notes.confirm(id, 'v2', 0)).toBe(true)
    notes.heard(id, 'v3')
    expect(notes.confirm(id, 'v2', 0)).toBe(false)
  })

  test('is gone from the moment that an end is asked for, and reads under way make no new one', () => {
    const notes = createNotes()
    read(notes, 'v1')
    const look = notes.begin(id)
    const end = notes.beginEnd(id)
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
    notes.read(id, look, 'v1', later)
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
    notes.wrote(id, end, ended, 0)
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
  })

  test('is gone when it is not known what became of a write', () => {
    const notes = createNotes()
    read(notes, 'v1')
    notes.failed(id, notes.begin(id))
    expect(notes.confirm(id, 'v1', 0)).toBe(false)
  })

  test('ends when the last answer says so, earlier or later than before', () => {
    const notes = createNotes()
    read(notes, 'v1', 500)
    read(notes, 'v1', 900)
    expect(notes.confirm(id, 'v1', 899)).toBe(true)
    read(notes, 'v1', 100)
    expect(notes.confirm(id, 'v1', 100)).toBe(false)
  })

  test('is forgotten by clear(), and what was under way makes none', () => {
    const notes = createNotes()
    read(notes, 'v1')
    const looks = [notes.begin(id), notes.begin(id)] as const
    notes.clear()
    notes.read(id, looks[0], 'v1', later)
    notes.wrote(id, looks[1], 'v2', later)
    expect([notes.confirm(id, 'v1', 0), notes.confirm(id, 'v2', 0)]).toEqual([false, false])
    read(notes, 'v2')
    expect(notes.confirm(id, 'v2', 0)).toBe(true)
  })
})

test('notes are bounded: the oldest is dropped, also one that waits for its reply', () => {
  const notes = createNotes(2)
  const look = notes.begin('a')
  notes.read('b', notes.begin('b'), 'v1', later)
  notes.read('c', notes.begin('c'), 'v1', later)
  notes.heard('a', 'v2')
  notes.read('a', look, 'v1', later)
  expect(['a', 'b', 'c'].map((name) => notes.confirm(name, 'v1', 0))).toEqual([false, true, true])
})

test('what is not there leaves no note behind', () => {
  const notes = createNotes(2)
  read(notes, 'v1')
  for (let index = 0; index < 100; index += 1) {
    notes.read(`absent-${index}`, notes.begin(`absent-${index}`), undefined, 0)
  }
  expect(notes.confirm(id, 'v1', 0)).toBe(true)
})

/**
 * One record in a store whose messages come in order over one connection, and whose replies come at any later time. What
 * is confirmed must be no older than what the last message told.
 */
test('whatever the order of replies and messages, nothing is confirmed that a message or our own reply has overruled', () => {
  const step = fc.oneof(
    fc.constant('read' as const),
    fc.constant('write' as const),
    fc.constant('foreign' as const),
    fc.constant('message' as const),
    fc.nat(5).map((index) => ({ reply: index })),
  )
  assert(
    property(fc.array(step, { maxLength: 40 }), (steps) => {
      const notes = createNotes()
      let present = 0
      const messages: number[] = []
      const replies: (() => void)[] = []
      let least = 0
      const versions = () => Array.from({ length: present + 1 }, (_, index) => index)
      for (const what of steps) {
        if (what === 'read') {
          const [look, seen] = [notes.begin(id), present]
          replies.push(() => notes.read(id, look, `${seen}`, later))
        } else if (what === 'write' || what === 'foreign') {
          present += 1
          messages.push(present)
          if (what === 'foreign') continue
          const [look, written] = [notes.begin(id), present]
          replies.push(() => {
            notes.wrote(id, look, `${written}`, later)
            least = Math.max(least, written)
          })
        } else if (what === 'message') {
          const version = messages.shift()
          if (version === undefined) continue
          notes.heard(id, `${version}`)
          least = Math.max(least, version)
        } else {
          const [reply] = replies.splice(what.reply, 1)
          reply?.()
        }
        const confirmed = versions().filter((version) => notes.confirm(id, `${version}`, 0))
        expect(confirmed.length).toBeLessThanOrEqual(1)
        for (const version of confirmed) expect(version).toBeGreaterThanOrEqual(least)
      }
    }),
    { numRuns: 2000 },
  )
})
