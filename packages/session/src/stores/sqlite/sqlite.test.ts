import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { processPath, unavailable, useDisk } from './fixtures/disk.ts'
import { sqliteRecords } from './index.ts'

const bytes = new Uint8Array([1, 2, 3])
const disk = useDisk()

test('a record survives closing and opening again, with its version and end', async () => {
  const first = disk.open()
  const version = await first.create('a', bytes, 5000)
  await first.close()
  disk.now += 1000
  expect(await disk.open().read('a')).toEqual({ bytes, version, remaining: 4000 })
})

test('what was acknowledged survives kill -9 in the middle of writes', async () => {
  const writer = spawn(execPath, [processPath, disk.file, 'write', 'k'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged: string[] = []
  const ended = new Promise((resolve) => writer.once('close', resolve))
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === 300) writer.kill('SIGKILL')
  }
  await ended
  expect(writer.signalCode).toBe('SIGKILL')
  const records = disk.open({ clock: Date.now })
  for (const id of acknowledged) {
    const record = await records.read(id)
    expect(record?.bytes.every((byte) => byte === ((Number(id.slice(1)) + 1) & 0xff))).toBe(true)
  }
  expect(disk.sql('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
})

/** Exit codes of processes that run side by side. */
const together = (argumentLists: readonly string[][]) =>
  Promise.all(
    argumentLists.map((list) => {
      const running = spawn(execPath, [processPath, ...list], { stdio: ['ignore', 'inherit', 'inherit'] })
      return new Promise((resolve) => running.once('close', resolve))
    }),
  )

test('several processes write one file at the same time, and no record is lost', async () => {
  const codes = await together(['a', 'b', 'c', 'd'].map((name) => [disk.file, 'fill', name]))
  expect(codes).toEqual([0, 0, 0, 0])
  expect(disk.sql('SELECT count(*) AS count FROM records')).toEqual([{ count: 800 }])
})

test('several processes open the same new file at the same instant, and all of them can', async () => {
  const at = String(Date.now() + 500)
  expect(await together([1, 2, 3, 4].map(() => [disk.file, 'openTogether', at]))).toEqual([0, 0, 0, 0])
  expect(disk.sql('SELECT count(*) AS count FROM records', `${disk.file}19`)).toEqual([{ count: 4 }])
})

test('confirm() sees a deletion by another process at the very next call', async () => {
  const records = disk.open({ clock: Date.now })
  const version = (await records.create('a', bytes, 60_000)) as string
  expect(records.confirm('a', version)).toBe(true)
  expect(spawnSync(execPath, [processPath, disk.file, 'delete', 'a'], { encoding: 'utf8' }).stdout).toBe('true\n')
  expect(records.confirm('a', version)).toBe(false)
})

test('confirm() still holds after another process touched the record or wrote others', async () => {
  const records = disk.open({ clock: Date.now })
  const version = (await records.create('a', bytes, 60_000)) as string
  expect(spawnSync(execPath, [processPath, disk.file, 'touch', 'a'], { encoding: 'utf8' }).stdout).toBe('true\n')
  expect(records.confirm('a', version)).toBe(true)
  spawnSync(execPath, [processPath, disk.file, 'fill', 'b'])
  expect(records.confirm('a', version)).toBe(true)
})

test('confirm() sees an update, a deletion and an end of its own connection and of another', async () => {
  const [one, two] = [disk.open(), disk.open()]
  const first = (await one.create('a', bytes, 1000)) as string
  expect([one.confirm('a', first), two.confirm('a', first)]).toEqual([true, true])
  const second = (await two.update('a', bytes, first, 1000)) as string
  expect([one.confirm('a', first), two.confirm('a', first)]).toEqual([false, false])
  expect([one.confirm('a', second), two.confirm('a', second)]).toEqual([true, true])
  expect(await one.touch('a', 5000)).toBe(true)
  disk.now += 4999
  expect([one.confirm('a', second), two.confirm('a', second)]).toEqual([true, true])
  disk.now += 1
  expect([one.confirm('a', second), two.confirm('a', second)]).toEqual([false, false])
})

test('confirm() agrees with read() over thousands of interleaved steps on two connections', async () => {
  const stores = [disk.open(), disk.open()]
  const versions = new Map<string, string>()
  let seed = 7
  const random = (limit: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % limit
  }
  for (let step = 0; step < 3000; step += 1) {
    const [store, other] = random(2) === 0 ? [stores[0]!, stores[1]!] : [stores[1]!, stores[0]!]
    const id = `s${random(5)}`
    const version = versions.get(id) ?? ''
    const action = random(5)
    if (action === 0) versions.set(id, (await store.create(id, bytes, 50)) ?? version)
    if (action === 1) versions.set(id, (await store.update(id, bytes, version, 50)) ?? version)
    if (action === 2) await store.touch(id, 50)
    if (action === 3) await store.delete(id)
    disk.now += random(20)
    for (const any of [other, store]) {
      const kept = await any.read(id)
      expect(any.confirm(id, versions.get(id) ?? '')).toBe(kept !== undefined && kept.version === versions.get(id))
    }
  }
})

test('expired records leave with later writes, at most a batch at a time, without one long delete', async () => {
  const records = disk.open({ sweepBatch: 10 })
  for (let count = 0; count < 95; count += 1) await records.create(`old${count}`, bytes, 100)
  disk.now += 2000
  const left: number[] = []
  for (let count = 0; count < 11; count += 1) {
    await records.create(`new${count}`, bytes, 10_000)
    left.push(Number(disk.sql("SELECT count(*) AS count FROM records WHERE id LIKE 'old%'")[0]?.count))
  }
  expect(left).toEqual([85, 75, 65, 55, 45, 35, 25, 15, 5, 0, 0])
})

test('whoever listens is told of each expired record once, by the process that removed it', async () => {
  const told: string[] = []
  const [one, two] = [disk.open(), disk.open()]
  const stop = one.onExpire((id, record, endedAt) => told.push(`one ${id} ${record.length} ${endedAt}`))
  two.onExpire((id, record) => told.push(`two ${id} ${record.length}`))
  for (const id of ['a', 'b', 'c']) await one.create(id, bytes, 1000)
  await one.delete('c')
  disk.now += 3000
  await one.create('d', bytes, 1000)
  await two.create('e', bytes, 5000)
  expect(told).toEqual(['one a 3 1001000', 'one b 3 1001000'])
  stop()
  disk.now += 3000
  await one.create('f', bytes, 5000)
  expect(told.length).toBe(2)
})

test('finding expired records and their order uses the index', () => {
  disk.open()
  const plan = disk.sql('EXPLAIN QUERY PLAN SELECT rowid FROM records WHERE ends <= 5 ORDER BY ends LIMIT 3')
  expect(plan.map(({ detail }) => detail)).toEqual(['SEARCH records USING COVERING INDEX records_by_end (ends<?)'])
})

test('the file and its companions can be read by their owner alone, also when the file lay there open to all', async () => {
  writeFileSync(disk.file, '')
  chmodSync(disk.file, 0o666)
  const records = disk.open()
  await records.create('a', bytes, 1000)
  for (const name of [disk.file, `${disk.file}-wal`, `${disk.file}-shm`])
    expect(statSync(name).mode & 0o777).toBe(0o600)
})

test('close() takes the log into the file, is idempotent, and later use is an outage', async () => {
  const records = disk.open()
  const version = (await records.create('a', bytes, 1000)) as string
  await records.close()
  await records.close()
  expect(existsSync(`${disk.file}-wal`)).toBe(false)
  expect(records.confirm('a', version)).toBe(false)
  await expect(records.read('a')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
})

test('the file says its schema', () => {
  disk.open()
  expect(disk.sql('PRAGMA user_version')).toEqual([{ user_version: 1 }])
  expect(disk.sql('PRAGMA application_id')).toEqual([{ application_id: 0x436f436b }])
})

test('a file of a newer schema is refused and left as it is', async () => {
  await disk.open().close()
  disk.sql('PRAGMA user_version = 2')
  expect(() => disk.open()).toThrow(unavailable(/schema 2, and this release knows 1/))
  expect(disk.sql('PRAGMA user_version')).toEqual([{ user_version: 2 }])
})

test('the database of another program is refused and left as it is', () => {
  disk.sql('CREATE TABLE theirs (x)')
  expect(() => disk.open()).toThrow(unavailable(/another program/))
  expect(disk.sql('SELECT name FROM sqlite_schema')).toEqual([{ name: 'theirs' }])
})

test('a file that is no database, or lies in no folder, is an outage with a remedy', () => {
  writeFileSync(disk.file, 'not a database, and long enough to be looked at '.repeat(100))
  expect(() => disk.open()).toThrow(unavailable(/not a SQLite database\. Move it away/))
  expect(() => disk.open({ file: join(disk.folder, 'no', 'sessions.db') })).toThrow(unavailable(/ENOENT/))
})

test('a damaged file is an outage, never an empty store', async () => {
  const first = disk.open()
  for (let count = 0; count < 200; count += 1) await first.create(`s${count}`, new Uint8Array(2000), 60_000)
  await first.close()
  const content = readFileSync(disk.file)
  writeFileSync(disk.file, content.fill(0x5a, 4096))
  await expect(
    (async () => {
      const records = disk.open()
      await records.read('s1')
    })(),
  ).rejects.toEqual(unavailable(/damaged/))
})

test('a lock held by another process is an outage after the busy timeout; reading goes on', async () => {
  const records = disk.open({ busyTimeout: 5 })
  const version = (await records.create('a', bytes, 1000)) as string
  const holder = new DatabaseSync(disk.file)
  holder.exec('BEGIN IMMEDIATE')
  await expect(records.update('a', bytes, version, 1000)).rejects.toEqual(unavailable(/locked by another process/))
  expect((await records.read('a'))?.version).toBe(version)
  expect(records.confirm('a', version)).toBe(true)
  holder.exec('ROLLBACK')
  holder.close()
  expect(await records.update('a', bytes, version, 1000)).toBeTypeOf('string')
})

test('a full file is an outage for new records; what is in it stays and can be deleted', async () => {
  const records = disk.open({ maxBytes: 200_000 })
  let count = 0
  const fill = async () => {
    for (; count < 1000; count += 1) await records.create(`s${count}`, new Uint8Array(2000), 60_000)
  }
  await expect(fill()).rejects.toEqual(unavailable(/is full/))
  expect(count).toBeGreaterThan(20)
  expect((await records.read('s0'))?.bytes.length).toBe(2000)
  for (const id of ['s0', 's1', 's2', 's3']) expect(await records.delete(id)).toBe(true)
  expect(await records.create('again', new Uint8Array(2000), 1000)).toBeTypeOf('string')
})

test('what a deleted record held is overwritten in the file', async () => {
  const records = disk.open()
  await records.create('a', Buffer.from('very-private-'.repeat(100)), 1000)
  await records.delete('a')
  await records.close()
  expect(readFileSync(disk.file).includes('very-private-')).toBe(false)
})

test('options that are no whole numbers are refused', () => {
  expect(() => disk.open({ busyTimeout: -1 })).toThrow(/busyTimeout/)
  expect(() => disk.open({ sweepBatch: 0 })).toThrow(/sweepBatch/)
})

test.each([
  ['no options', undefined],
  ['the path alone', 'sessions.db'],
  ['no file', {}],
  ['a file that is a number', { file: 3 }],
  ['an option that is none', { file: ':memory:', busytimeout: 1 }],
])('wrong options are told as such: %s', (_, options) => {
  expect(() => sqliteRecords(options as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
})
