import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteRecords } from './index.ts'

let folder: string
let file: string
let now: number
const open: { close(): Promise<void> }[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-index-'))
  file = join(folder, 'sessions.db')
  now = 1_700_000_000_000
})
afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
  rmSync(folder, { recursive: true })
})

function records() {
  const store = sqliteRecords({ file, clock: () => now })
  open.push(store)
  return store
}
const session = (id: string) => ({ id, createdAt: 1 })
const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)

test('an entry stays for 10 s after its end, and no longer; those of other names leave on the way', async () => {
  const store = records()
  await store.enter('ann', session('a'), 1000)
  await store.enter('bob', session('b'), 1000)
  now += 10_999
  expect(ids(await store.entered('ann'))).toEqual(['a'])
  now += 1
  expect(await store.entered('ann')).toEqual([])
  await store.enter('eve', session('c'), 1000)
  const database = new DatabaseSync(file)
  expect(database.prepare('SELECT id FROM entries').all()).toEqual([{ id: 'c' }])
  database.close()
})

test('above the bound the one that would end first is put out, and named', async () => {
  const store = records()
  const database = new DatabaseSync(file)
  const fill = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10000) '
  database.exec(`${fill} INSERT INTO entries SELECT 'ann', 's' || i, 1, ${now} + 60000 + i FROM n`)
  database.close()
  expect(await store.enter('ann', session('new'), 600_000)).toEqual(['s1'])
  expect(await store.entered('ann')).toHaveLength(10_000)
})

test('a mark is gone after 60 s, and processes share entries and marks', async () => {
  const [one, other] = [records(), records()]
  await one.enter('ann', session('a'), 1000)
  await one.markEnded('ann')
  expect(ids(await other.entered('ann'))).toEqual(['a'])
  now += 59_999
  expect(await other.endedAt('ann')).toBe(1_700_000_000_000)
  now += 1
  expect(await other.endedAt('ann')).toBeUndefined()
})

test('a file of before, without these tables, gets them', async () => {
  await records().create('r', Uint8Array.of(1), 60_000)
  const database = new DatabaseSync(file)
  database.exec('DROP TABLE entries; DROP TABLE marks; DROP TABLE once')
  database.close()
  const store = records()
  await store.enter('ann', session('a'), 1000)
  expect(await store.acceptOnce('token', now + 1000)).toBe(true)
  expect(await store.read('r')).toBeDefined()
})
