/** What the rules of the suite share: a store, a clock to move, and a first record. */
import assert from 'node:assert/strict'
import type { RecordStore } from '../store.ts'

export interface Bench {
  readonly store: RecordStore
  /** The clock of the store. */
  now(): number
  /** Waits until the store sees that so much time has passed. */
  wait(milliseconds: number): Promise<void>
}

export interface StoreRule {
  readonly name: string
  /** Rejects when the rule is broken. */
  check(bench: Bench): Promise<void>
}

export const bytes = (...values: number[]) => Uint8Array.from(values)
export const ttl = 60_000
export const id = 'AAAAAAAAAAAAAAAAAAAAAA'
export const otherId = 'BBBBBBBBBBBBBBBBBBBBBA'

/** The version of a record that was just created. */
export async function created(store: RecordStore, name = id, content = bytes(1, 2, 3)): Promise<string> {
  const version = await store.create(name, content, ttl)
  assert.equal(typeof version, 'string', 'create() returns the version of the new record')
  return version!
}
