/**
 * The suite that every record store has to pass, for the stores of this package and for other people's. Plain functions
 * on `node:assert`, so that any test runner of any runtime can run them:
 *
 * ```ts
 * for (const { name, run } of recordStoreSuite({ open: (clock) => myRecords({ clock }) })) test(name, run)
 * ```
 */
import assert from 'node:assert/strict'
import {
  isAcceptingOnce,
  isClocked,
  isConfirming,
  isExpiring,
  isIndexing,
  isListing,
  type ListedRecord,
  type Listing,
  type RecordStore,
} from '../store.ts'

export interface StoreCase {
  /** States the rule. */
  readonly name: string
  /** Opens a store of its own, and closes it. Rejects when the rule is broken. */
  run(): Promise<void>
}

export interface StoreSuiteOptions {
  /**
   * Opens a store in which none of the ids of the suite is taken.
   *
   * @param clock milliseconds since 1970; moves only when the suite moves it
   */
  open(clock: () => number): RecordStore | Promise<RecordStore>
  /**
   * Waits until the store sees that `milliseconds` have passed, where it does not take the clock it was given.
   *
   * @defaultValue the clock of the suite is moved, and that is all
   */
  wait?(milliseconds: number): Promise<void>
}

interface Bench {
  readonly store: RecordStore
  /** The clock of the store. */
  now(): number
  wait(milliseconds: number): Promise<void>
}

/** The cases, in no order that matters. */
export function recordStoreSuite(options: StoreSuiteOptions): readonly StoreCase[] {
  return cases.map(({ name, check }) => ({ name, run: () => withStore(options, check) }))
}

async function withStore(options: StoreSuiteOptions, check: (bench: Bench) => Promise<void>): Promise<void> {
  let now = 1_700_000_000_000
  const store = await options.open(() => now)
  const wait = async (milliseconds: number) => {
    now += milliseconds
    await options.wait?.(milliseconds)
  }
  try {
    await check({ store, now: () => (isClocked(store) ? store.now() : now), wait })
  } finally {
    await store.close()
  }
}

const bytes = (...values: number[]) => Uint8Array.from(values)
const ttl = 60_000
const id = 'AAAAAAAAAAAAAAAAAAAAAA'
const otherId = 'BBBBBBBBBBBBBBBBBBBBBA'

async function created(store: RecordStore, name = id, content = bytes(1, 2, 3)): Promise<string> {
  const version = await store.create(name, content, ttl)
  assert.equal(typeof version, 'string', 'create() returns the version of the new record')
  return version!
}

const cases: readonly { name: string; check: (bench: Bench) => Promise<void> }[] = [
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
      assert.deepEqual(Uint8Array.from((await store.read(id))!.bytes), large)
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

/** Records that have ended may leave with the operations that follow. */
async function settle(store: RecordStore, done: () => boolean): Promise<void> {
  for (let index = 0; index < 50 && !done(); index += 1) {
    await store.create(`later-${index}`, bytes(1, 2, 3), ttl)
    await store.delete(`later-${index}`)
  }
}
