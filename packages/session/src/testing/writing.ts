/** `create` and `update`: of those that come together one succeeds, and nothing comes back. */
import assert from 'node:assert/strict'
import { bytes, created, id, type StoreRule, ttl } from './rule.ts'

export const writingRules: readonly StoreRule[] = [
  {
    name: 'create() refuses an id that is taken, and leaves its record alone',
    async check({ store }) {
      const version = await created(store)
      assert.equal(await store.create(id, bytes(9), ttl), undefined)
      const stored = await store.read(id)
      assert.equal(stored!.version, version)
      assert.deepEqual(Uint8Array.from(stored!.bytes), bytes(1, 2, 3))
    },
  },
  {
    name: 'create() takes an id again whose record was deleted or has ended',
    async check({ store, wait }) {
      const first = await created(store)
      await store.delete(id)
      const second = await created(store)
      await wait(ttl + 1)
      const third = await created(store)
      assert.equal(new Set([first, second, third]).size, 3, 'a version never comes back')
    },
  },
  {
    name: 'update() replaces the bytes and the version, and sets the end anew',
    async check({ store, wait }) {
      const version = await created(store)
      await wait(30_000)
      const next = await store.update(id, bytes(4), version, ttl)
      assert.ok(next !== undefined && next !== version)
      await wait(45_000)
      const stored = await store.read(id)
      assert.equal(stored!.version, next)
      assert.deepEqual(Uint8Array.from(stored!.bytes), bytes(4))
    },
  },
  {
    name: 'update() refuses a record that is newer than the one that was read',
    async check({ store }) {
      const version = await created(store)
      const next = await store.update(id, bytes(4), version, ttl)
      assert.equal(await store.update(id, bytes(5), version, ttl), undefined)
      assert.deepEqual(Uint8Array.from((await store.read(id))!.bytes), bytes(4))
      assert.equal((await store.read(id))!.version, next)
    },
  },
  {
    name: 'of many updates from one version exactly one succeeds',
    async check({ store }) {
      const version = await created(store)
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => store.update(id, bytes(index), version, ttl)),
      )
      const won = answers.filter((answer) => answer !== undefined)
      assert.equal(won.length, 1)
      const stored = await store.read(id)
      assert.equal(stored!.version, won[0])
      assert.equal(stored!.bytes[0], answers.indexOf(won[0]))
    },
  },
  {
    name: 'of many creates under one id exactly one succeeds',
    async check({ store }) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => store.create(id, bytes(index), ttl)))
      const won = answers.filter((answer) => answer !== undefined)
      assert.equal(won.length, 1)
      assert.equal((await store.read(id))!.bytes[0], answers.indexOf(won[0]))
    },
  },
  {
    name: 'update() refuses a record that was deleted meanwhile, and does not bring it back',
    async check({ store }) {
      const version = await created(store)
      await store.delete(id)
      assert.equal(await store.update(id, bytes(4), version, ttl), undefined)
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'update() refuses a record that has ended, and does not bring it back',
    async check({ store, wait }) {
      const version = await created(store)
      await wait(ttl + 1)
      assert.equal(await store.update(id, bytes(4), version, ttl), undefined)
      assert.equal(await store.read(id), undefined)
    },
  },
  {
    name: 'update() with the version of a former record under the same id is refused',
    async check({ store }) {
      const former = await created(store)
      await store.delete(id)
      const present = await created(store)
      assert.equal(await store.update(id, bytes(4), former, ttl), undefined)
      assert.equal((await store.read(id))!.version, present)
    },
  },
]
