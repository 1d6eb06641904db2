/** What is written is read again as it was, and by nothing but its id. */
import assert from 'node:assert/strict'
import { bytes, created, id, otherId, type StoreRule, ttl } from './rule.ts'

export const keepingRules: readonly StoreRule[] = [
  {
    name: 'read() gives nothing for an id that was never written',
    async check({ store }) {
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'read() gives back the bytes, the version and the time that is left',
    async check({ store, wait }) {
      const version = await created(store)
      await wait(10_000)
      const stored = await store.read(id)
      assert.deepEqual(Uint8Array.from(stored!.bytes), bytes(1, 2, 3))
      assert.equal(stored!.version, version)
      assert.ok(
        stored!.remaining <= ttl - 10_000 && stored!.remaining > ttl - 12_000,
        `${stored!.remaining} ms are left`,
      )
    },
  },
  {
    name: 'every byte value and 64 KB come back as they were',
    async check({ store }) {
      const large = Uint8Array.from({ length: 65_536 }, (_, index) => index % 256)
      await created(store, id, large)
      await created(store, otherId, bytes())
      const stored = await store.read(id)
      // Not deepEqual: to print how 65,536 numbers differ takes half a minute.
      assert.ok(
        Buffer.compare(stored!.bytes, large) === 0,
        `${stored!.bytes.length} bytes came back, and are not the same`,
      )
      assert.equal((await store.read(otherId))!.bytes.length, 0)
    },
  },
  {
    name: 'what a caller does to its array afterwards does not reach the record',
    async check({ store }) {
      const mine = bytes(1, 2, 3)
      const version = await created(store, id, mine)
      mine[0] = 99
      const changed = bytes(4, 5)
      await store.update(id, changed, version, ttl)
      changed[0] = 99
      assert.deepEqual(Uint8Array.from((await store.read(id))!.bytes), bytes(4, 5))
    },
  },
  {
    name: 'records do not touch one another',
    async check({ store }) {
      await created(store)
      const version = await created(store, otherId, bytes(7))
      await store.update(otherId, bytes(8), version, ttl)
      await store.delete(id)
      assert.equal(await store.read(id), undefined)
      assert.deepEqual(Uint8Array.from((await store.read(otherId))!.bytes), bytes(8))
    },
  },
]
