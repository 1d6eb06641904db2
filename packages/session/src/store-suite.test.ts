import { expect, test } from 'vitest'
import type { RecordStore } from './store.ts'
import { memoryRecords } from './stores/memory/index.ts'
import { recordStoreSuite } from './testing/index.ts'

type Memory = ReturnType<typeof memoryRecords>

/** Stores with one fault each. */
const faults: [fault: string, faulty: (memory: Memory) => Partial<RecordStore> & Record<string, unknown>][] = [
  ['reads null where there is nothing', (m) => ({ read: async (id: string) => (await m.read(id)) ?? (null as never) })],
  [
    'reads what has ended',
    (m) => {
      const kept = new Map<string, Awaited<ReturnType<RecordStore['read']>>>()
      return {
        async read(id) {
          const stored = await m.read(id)
          if (stored !== undefined) kept.set(id, stored)
          return stored ?? kept.get(id)
        },
      }
    },
  ],
  ['forgets a byte', (m) => ({ create: (id, bytes, ttl) => m.create(id, bytes.subarray(0, 60_000), ttl) })],
  [
    'creates over what is there',
    (m) => ({ create: (id, bytes, ttl) => m.delete(id).then(() => m.create(id, bytes, ttl)) }),
  ],
  [
    'updates whatever the version is',
    (m) => ({ update: async (id, bytes, _, ttl) => m.update(id, bytes, (await m.read(id))?.version ?? '', ttl) }),
  ],
  [
    'brings back by an update what is gone',
    (m) => ({
      update: async (id, bytes, version, ttl) =>
        (await m.read(id)) ? m.update(id, bytes, version, ttl) : m.create(id, bytes, ttl),
    }),
  ],
  [
    'brings back by a touch what is gone',
    (m) => ({
      touch: async (id, ttl) => (await m.touch(id, ttl)) || (await m.create(id, new Uint8Array(3), ttl)) !== undefined,
    }),
  ],
  ['says that it touched, and did not', () => ({ touch: async () => true })],
  ['keeps what it should delete', () => ({ delete: async () => true })],
  ['does not say what it deleted', (m) => ({ delete: (id) => m.delete(id).then(() => true) })],
  ['confirms everything', () => ({ confirm: () => true })],
  ['tells of no end', () => ({ onExpire: () => () => undefined })],
  ['accepts what it accepted before', () => ({ acceptOnce: async () => true })],
  ['accepts what is over', (m) => ({ acceptOnce: (token: string) => m.acceptOnce(token, Number.MAX_SAFE_INTEGER) })],
  ['finds nobody', () => ({ entered: async () => [] })],
  ['forgets that all of a person ended', () => ({ endedAt: async () => undefined })],
  ['lists nothing', () => ({ async *list() {} })],
  ['cannot be closed twice', () => ({ close: closedOnce() })],
]

function closedOnce() {
  let closed = false
  return async () => {
    if (closed) throw new Error('closed already')
    closed = true
  }
}

async function broken(faulty: (memory: Memory) => object): Promise<string[]> {
  const names: string[] = []
  const open = (clock: () => number) => {
    const memory = memoryRecords({ clock })
    return { ...memory, ...faulty(memory) } as RecordStore
  }
  for (const { name, run } of recordStoreSuite({ open })) await run().catch(() => names.push(name))
  return names
}

test.each(faults)('a store that %s does not pass', async (_fault, faulty) => {
  expect(await broken(faulty)).not.toEqual([])
})

test('a store without a fault passes, and every rule has a name of its own', async () => {
  expect(await broken(() => ({}))).toEqual([])
  const names = recordStoreSuite({ open: () => memoryRecords() }).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
