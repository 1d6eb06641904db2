/** Ends: at their time, moved by `touch`, by `delete`, and with the store. */
import assert from 'node:assert/strict'
import { bytes, created, id, type StoreRule, ttl } from './rule.ts'

export const endingRules: readonly StoreRule[] = [
  {
    name: 'a record is there until its end and not after',
    async check({ store, wait }) {
      await created(store)
      await wait(ttl - 5_000)
      assert.notEqual(await store.read(id), undefined)
      await wait(5_001)
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'touch() moves the end and changes neither bytes nor version',
    async check({ store, wait }) {
      const version = await created(store)
      await wait(50_000)
      assert.equal(await store.touch(id, ttl), true)
      await wait(50_000)
      const stored = await store.read(id)
      assert.equal(stored!.version, version)
      assert.deepEqual(Uint8Array.from(stored!.bytes), bytes(1, 2, 3))
      await wait(10_001)
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'touch() can bring the end nearer',
    async check({ store, wait }) {
      await created(store)
      assert.equal(await store.touch(id, 5_000), true)
      await wait(5_001)
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'touch() refuses what was never there, was deleted or has ended, and brings nothing back',
    async check({ store, wait }) {
      assert.equal(await store.touch(id, ttl), false)
      await created(store)
      await store.delete(id)
      assert.equal(await store.touch(id, ttl), false)
      assert.equal(await store.read(id), undefined)
      await created(store)
      await wait(ttl + 1)
      assert.equal(await store.touch(id, ttl), false)
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'delete() says whether there was something to delete',
    async check({ store, wait }) {
      assert.equal(await store.delete(id), false)
      await created(store)
      assert.equal(await store.delete(id), true)
      assert.equal(await store.delete(id), false)
      assert.equal(await store.read(id), undefined)
      await created(store)
      await wait(ttl + 1)
      assert.equal(await store.delete(id), false)
    },
  },
  {
    name: 'many records that have ended are gone, and make room without being asked for',
    async check({ store, wait }) {
      for (let index = 0; index < 200; index += 1) await store.create(`ended-${index}`, bytes(index), ttl)
      await wait(ttl + 1)
      for (let index = 0; index < 200; index += 1) await created(store, `living-${index}`)
      for (let index = 0; index < 200; index += 1) {
        assert.equal(await store.read(`ended-${index}`), undefined)
        assert.notEqual(await store.read(`living-${index}`), undefined)
      }
    },
  },
  {
    name: 'close() may be called twice',
    async check({ store }) {
      await store.close()
      await store.close()
    },
  },
]
