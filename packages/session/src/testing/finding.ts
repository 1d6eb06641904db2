/** Finding sessions without their tickets, for stores that can: by a name, and all of them. */
import assert from 'node:assert/strict'
import { isIndexing, isListing, type ListedRecord, type Listing } from '../store.ts'
import { bytes, created, id, otherId, type StoreRule, ttl } from './rule.ts'

export const findingRules: readonly StoreRule[] = [
  {
    name: 'enter(), where there is one, enters sessions under a name, oldest first, and moves their ends',
    async check({ store, now }) {
      if (!isIndexing(store)) return
      assert.deepEqual(await store.entered('subject:ann'), [])
      assert.deepEqual(await store.enter('subject:ann', { id: otherId, createdAt: 2 }, ttl), [])
      await store.enter('subject:ann', { id, createdAt: 1 }, ttl)
      await store.enter('subject:bob', { id: 'C', createdAt: 1 }, ttl)
      await store.enter('subject:ann', { id, createdAt: 1 }, 2 * ttl)
      const entries = await store.entered('subject:ann')
      assert.deepEqual(
        entries.map((entry) => [entry.id, entry.createdAt]),
        [
          [id, 1],
          [otherId, 2],
        ],
      )
      const [moved, as] = entries.map(({ endsAt }) => endsAt - now())
      assert.ok(moved! <= 2 * ttl && moved! > 2 * ttl - 2_000, `${moved} ms are left`)
      assert.ok(as! <= ttl && as! > ttl - 2_000, `${as} ms are left`)
    },
  },
  {
    name: 'leave(), where there is one, takes out the one, and what is not there is fine',
    async check({ store }) {
      if (!isIndexing(store)) return
      await store.enter('subject:ann', { id, createdAt: 1 }, ttl)
      await store.enter('subject:ann', { id: otherId, createdAt: 2 }, ttl)
      await store.leave('subject:ann', { id, createdAt: 1 })
      await store.leave('subject:ann', { id, createdAt: 1 })
      await store.leave('subject:nobody', { id, createdAt: 1 })
      assert.deepEqual(
        (await store.entered('subject:ann')).map((entry) => entry.id),
        [otherId],
      )
    },
  },
  {
    name: 'markEnded(), where there is one, is known by its time, under its name alone',
    async check({ store, now }) {
      if (!isIndexing(store)) return
      assert.equal(await store.endedAt('subject:ann'), undefined)
      const before = now()
      await store.markEnded('subject:ann')
      const at = await store.endedAt('subject:ann')
      assert.ok(at !== undefined && Math.abs(at - before) < 2_000, `${at} is not ${before}`)
      assert.equal(await store.endedAt('subject:bob'), undefined)
      await store.markEnded('subject:ann')
      const again = await store.endedAt('subject:ann')
      assert.ok(again! > at, `${again} is not after ${at}`)
    },
  },
  {
    name: 'list(), where there is one, gives each living record, its beginning and the time that is left',
    async check({ store, wait }) {
      if (!isListing(store)) return
      assert.deepEqual([...(await listed(store)).keys()], [])
      await store.create('ended', bytes(1), 5_000)
      await wait(5_001)
      for (let index = 0; index < 1_200; index += 1) await store.create(`r-${index}`, bytes(index % 256), ttl)
      await created(
        store,
        id,
        Uint8Array.from({ length: 5_000 }, (_, index) => index % 251),
      )
      await created(store, otherId)
      await store.delete(otherId)
      const all = await listed(store)
      assert.equal(all.size, 1_201)
      const { beginning, size, remaining } = all.get(id)!
      assert.deepEqual([beginning.length, beginning[2_047], size], [2_048, 2_047 % 251, 5_000])
      assert.ok(remaining <= ttl && remaining > ttl - 20_000, `${remaining} ms are left`)
      assert.deepEqual(Uint8Array.from(all.get('r-7')!.beginning), bytes(7))
    },
  },
]

async function listed(store: Listing): Promise<Map<string, ListedRecord>> {
  const all = new Map<string, ListedRecord>()
  for await (const batch of store.list()) for (const record of batch) all.set(record.id, record)
  return all
}
