/** The extra abilities, for stores that have them: confirming, and telling of ends. */
import assert from 'node:assert/strict'
import { isConfirming, isExpiring, type RecordStore } from '../store.ts'
import { bytes, created, id, otherId, type StoreRule, ttl } from './rule.ts'

export const abilityRules: readonly StoreRule[] = [
  {
    name: 'confirm(), where there is one, is true only for the present version of a living record',
    async check({ store, wait }) {
      if (!isConfirming(store)) return
      assert.equal(store.confirm(id, '1'), false)
      const version = await created(store)
      assert.equal(store.confirm(id, version), true)
      const next = await store.update(id, bytes(4), version, ttl)
      assert.equal(store.confirm(id, version), false)
      assert.equal(store.confirm(id, next!), true)
      await store.touch(id, ttl)
      assert.equal(store.confirm(id, next!), true)
      await wait(ttl + 1)
      assert.equal(store.confirm(id, next!), false)
    },
  },
  {
    name: 'confirm(), where there is one, is false as soon as the record is deleted',
    async check({ store }) {
      if (!isConfirming(store)) return
      const version = await created(store)
      await store.delete(id)
      assert.equal(store.confirm(id, version), false)
      await created(store)
      assert.equal(store.confirm(id, version), false)
    },
  },
  {
    name: 'onExpire(), where there is one, tells once of each record that reached its end, and of no other',
    async check({ store, wait }) {
      if (!isExpiring(store)) return
      const told: string[] = []
      const stop = store.onExpire((ended, content, endedAt) => {
        assert.deepEqual(Uint8Array.from(content), bytes(1, 2, 3))
        assert.ok(endedAt > 0)
        told.push(ended)
      })
      await created(store)
      await created(store, otherId)
      await store.delete(otherId)
      await wait(ttl + 1)
      await settle(store, () => told.length > 0)
      assert.deepEqual(told, [id])
      stop()
      await created(store)
      await wait(ttl + 1)
      await settle(store, () => false)
      assert.deepEqual(told, [id])
    },
  },
]

/** Records that have ended may leave with the operations that follow. */
async function settle(store: RecordStore, done: () => boolean): Promise<void> {
  for (let index = 0; index < 50 && !done(); index += 1) {
    await store.create(`later-${index}`, bytes(1, 2, 3), ttl)
    await store.delete(`later-${index}`)
  }
}
