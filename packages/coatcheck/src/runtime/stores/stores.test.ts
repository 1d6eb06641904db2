import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaults, type MemoryStoreSpec, type StoreSpec } from '@coatcheck/model'
import type { RecordStore } from '@coatcheck/session'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stateFolder } from '../../state/state-folder.ts'
import { createStores } from './stores.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-stores-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const state = () => stateFolder(join(folder, 'state'), {}, '/')
const memory: MemoryStoreSpec = { kind: 'memory', name: 'main', maxSessions: 10, maxBytes: 10_000 }
const sqlite: StoreSpec = { kind: 'sqlite', name: 'main', file: undefined }

test('a store whose settings are the same is kept, with its sessions', async () => {
  const stores = createStores(state())
  const first = await stores.prepare([memory])
  const records = first.records('main') as RecordStore
  await records.create('id', new Uint8Array(1), 1000)
  const second = await stores.prepare([{ ...memory }])
  await first.release()
  expect(await records.read('id')).toBeDefined()
  expect(second.records('main')).toBe(first.records('main'))
})

test('a store whose settings changed is another one', async () => {
  const stores = createStores(state())
  const [one, other] = [await stores.prepare([memory]), await stores.prepare([{ ...memory, maxSessions: 20 }])]
  expect(one.records('main')).not.toBe(other.records('main'))
})

test('SQLite lies in the state folder, which is made for it alone', async () => {
  const stores = createStores(state())
  await stores.prepare([memory, { kind: 'sealed-cookie', name: 'cookie', maxParts: 3 }])
  expect(readdirSync(folder)).toEqual([])
  const prepared = await stores.prepare([sqlite])
  expect(readdirSync(join(folder, 'state'))).toContain('sessions-main.db')
  await prepared.release()
  await stores.close()
})

test('a relative file of SQLite lies in the state folder, never where the program was started', async () => {
  const stores = createStores(state())
  const prepared = await stores.prepare([{ ...sqlite, file: 'mine.db' }])
  expect(readdirSync(join(folder, 'state'))).toContain('mine.db')
  expect(readdirSync(process.cwd())).not.toContain('mine.db')
  await prepared.release()
})

test('an absolute file of SQLite lies where it says, and no state folder is made for it', async () => {
  const stores = createStores(state())
  const prepared = await stores.prepare([{ ...sqlite, file: join(folder, 'mine.db') }])
  expect(readdirSync(folder)).toContain('mine.db')
  expect(readdirSync(folder)).not.toContain('state')
  await prepared.release()
})

test('a sealed cookie keeps no records', async () => {
  const prepared = await createStores(state()).prepare([{ kind: 'sealed-cookie', name: 'main', maxParts: 3 }])
  expect(prepared.records('main')).toBeUndefined()
})

test('what was opened beside a store that cannot be opened is closed again', async () => {
  const stores = createStores(state())
  const impossible: StoreSpec = { kind: 'sqlite', name: 'other', file: '/proc/no/such.db' }
  await expect(stores.prepare([sqlite, impossible])).rejects.toThrow()
  ;(await stores.prepare([memory])).commit()
  expect(stores.status()).toEqual([{ name: 'main', kind: 'memory', state: 'up', reason: undefined, full: false }])
})

/** Timers that are run by hand. */
function handTiming() {
  const waiting = new Set<() => void>()
  const schedule = (callback: () => void) => {
    waiting.add(callback)
    return () => void waiting.delete(callback)
  }
  return {
    timing: { clock: () => 0, schedule },
    async run() {
      for (const callback of waiting) {
        waiting.delete(callback)
        callback()
      }
      for (let turn = 0; turn < 5; turn++) await undefined
    },
    waiting,
  }
}

test('a store is down from a failure to the first look that succeeds, and only a change is news', async () => {
  const { timing, run } = handTiming()
  const changes: string[] = []
  const stores = createStores(state(), { timing, changed: () => void changes.push(stores.status()[0]!.state) })
  const prepared = await stores.prepare([memory])
  prepared.commit()
  for (let failure = 0; failure < 3; failure++) prepared.failed('main', new Error('it is a test'))
  expect(stores.status()).toEqual([
    { name: 'main', kind: 'memory', state: 'down', reason: 'it is a test', full: false },
  ])
  await run()
  expect(stores.status()).toEqual([{ name: 'main', kind: 'memory', state: 'up', reason: undefined, full: false }])
  expect(changes).toEqual(['up', 'down', 'up'])
})

test('a store that a reload replaced is up under its old name, whatever becomes of the one before', async () => {
  const { timing } = handTiming()
  const changes: string[] = []
  const stores = createStores(state(), { timing, changed: () => void changes.push(stores.status()[0]!.state) })
  const before = await stores.prepare([memory])
  before.commit()
  before.failed('main', new Error('it is a test'))
  ;(await stores.prepare([{ ...memory, maxSessions: 20 }])).commit()
  expect(stores.status()[0]?.state).toBe('up')
  before.failed('main', new Error('it is a test'))
  expect(changes).toEqual(['up', 'down', 'up'])
})

test('a store that is released is looked at no more', async () => {
  const { timing, waiting } = handTiming()
  const stores = createStores(state(), { timing })
  const prepared = await stores.prepare([memory])
  prepared.commit()
  prepared.failed('main', new Error('it is a test'))
  expect(waiting.size).toBe(1)
  await prepared.release()
  expect(waiting.size).toBe(0)
})

/** A Redis whose URL lies in a file. That nobody answers there does not matter. */
function redisOfFile(url: string): StoreSpec {
  const path = join(folder, 'redis.url')
  writeFileSync(path, url)
  const deployment = { kind: 'url', url: { from: 'file', path } } as const
  const { timeouts, cache } = defaults.redis
  const rest = { auth: undefined, tls: undefined, timeouts, cache, durability: undefined }
  return { kind: 'redis', name: 'main', deployment, ...rest }
}

test.each([
  ['with another password is the same store', 'redis://shop:two@127.0.0.1:1', true],
  ['with another user is another store', 'redis://other:one@127.0.0.1:1', false],
  ['with another server is another store', 'redis://shop:one@127.0.0.1:2', false],
])('a URL that lies elsewhere and comes back %s', async (_, url, same) => {
  const stores = createStores(state())
  const one = await stores.prepare([redisOfFile('redis://shop:one@127.0.0.1:1')])
  const other = await stores.prepare([redisOfFile(url)])
  expect(one.records('main') === other.records('main')).toBe(same)
  await stores.close()
})

test('a URL that is none opens nothing', async () => {
  const stores = createStores(state())
  const refused = stores.prepare([sqlite, redisOfFile('http://127.0.0.1:1')])
  await expect(refused).rejects.toMatchObject({ code: 'store-url-invalid' })
  await stores.close()
})
