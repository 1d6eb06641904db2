/** Accepting something once, for stores that can. */
import assert from 'node:assert/strict'
import { isAcceptingOnce } from '../store.ts'
import { created, id, type StoreRule, ttl } from './rule.ts'

export const onceRules: readonly StoreRule[] = [
  {
    name: 'acceptOnce(), where there is one, accepts each token once',
    async check({ store, now }) {
      if (!isAcceptingOnce(store)) return
      assert.equal(await store.acceptOnce('token', now() + ttl), true)
      assert.equal(await store.acceptOnce('token', now() + ttl), false)
      assert.equal(await store.acceptOnce('token', now() + 2 * ttl), false)
      assert.equal(await store.acceptOnce('other token', now() + ttl), true)
      assert.equal(await store.acceptOnce('', now() + ttl), true)
      assert.equal(await store.acceptOnce('ü'.repeat(100_000), now() + ttl), true)
    },
  },
  {
    name: 'of many who bring one token to acceptOnce() at once exactly one is let in',
    async check({ store, now }) {
      if (!isAcceptingOnce(store)) return
      const answers = await Promise.all(Array.from({ length: 50 }, () => store.acceptOnce('token', now() + ttl)))
      assert.equal(answers.filter((accepted) => accepted).length, 1)
    },
  },
  {
    name: 'acceptOnce() accepts nothing that is over, and keeps nothing for longer',
    async check({ store, now, wait }) {
      if (!isAcceptingOnce(store)) return
      assert.equal(await store.acceptOnce('token', now() - ttl), false)
      assert.equal(await store.acceptOnce('token', now() + ttl), true)
      await wait(ttl - 5_000)
      assert.equal(await store.acceptOnce('token', now() + 3 * ttl), false)
      await wait(5_001)
      assert.equal(await store.acceptOnce('token', now() + 3 * ttl), true)
    },
  },
  {
    name: 'acceptOnce() refuses a time that is none, and accepts nothing then',
    async check({ store, now }) {
      if (!isAcceptingOnce(store)) return
      for (const until of [Number.NaN, undefined as unknown as number, '1' as unknown as number]) {
        await assert.rejects(store.acceptOnce('token', until), { code: 'ERR_INVALID_OPTION' })
      }
      assert.equal(await store.acceptOnce('token', now() + ttl), true)
      assert.equal(await store.acceptOnce('for ever', Number.POSITIVE_INFINITY), true)
      assert.equal(await store.acceptOnce('for ever', now() + ttl), false)
    },
  },
  {
    name: 'tokens that were accepted and records do not touch one another',
    async check({ store, now }) {
      if (!isAcceptingOnce(store)) return
      await created(store)
      assert.equal(await store.acceptOnce(id, now() + ttl), true)
      await store.delete(id)
      assert.equal(await store.acceptOnce(id, now() + ttl), false)
      assert.equal(await store.read(id), undefined)
    },
  },
]
