/** What a lock on the file does to those who want to write, and what goes on meanwhile. */
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createTimers } from '../../fixtures/timers.ts'
import { createSessions } from '../../manager.ts'
import { unavailable, useDisk } from './fixtures/disk.ts'

const bytes = new Uint8Array([1, 2, 3])
const disk = useDisk()

test('while another process holds the lock, ten visitors wait and everything else goes on', async () => {
  // Far above the limit of a test: a thread that waited for the lock could never tell the other process to let go.
  const records = disk.open({ busyTimeout: 600_000 })
  const holder = disk.start('hold')
  expect(await holder.hear()).toBe('held')
  let done = 0
  const sessions = createSessions({ store: records, clock: () => disk.now })
  const visitors = Array.from({ length: 10 }, async () => {
    const session = await sessions.open({})
    session.signIn('ann')
    const commit = await session.commit()
    done += 1
    return commit.setCookie.length
  })
  for (let count = 0; count < 10; count += 1) expect(await holder.ask(`alive ${count}`)).toBe(`alive ${count}`)
  expect(done).toBe(0)
  holder.say('release')
  expect(await Promise.all(visitors)).toEqual(Array(10).fill(1))
  await sessions.close()
})

test('a lock that stays is an outage for each visitor after the busy timeout, and nothing is written later', async () => {
  const timers = createTimers()
  const records = disk.open({ schedule: timers.schedule })
  const holder = new DatabaseSync(disk.file)
  holder.exec('BEGIN IMMEDIATE')
  const results = Promise.allSettled(Array.from({ length: 10 }, (_, count) => records.create(`s${count}`, bytes, 1000)))
  expect(timers.waiting).toBe(1)
  let pauses = 0
  for (; timers.waiting > 0; pauses += 1) timers.next()
  expect(pauses).toBeGreaterThan(50)
  for (const result of await results) {
    expect(result).toEqual({ status: 'rejected', reason: unavailable(/locked by another process/) })
  }
  holder.exec('ROLLBACK')
  expect(holder.prepare('SELECT count(*) AS count FROM records').get()).toEqual({ count: 0 })
  holder.close()
  expect(await records.create('s0', bytes, 1000)).toBeTypeOf('string')
})

test('reading goes on while writers wait', async () => {
  const timers = createTimers()
  const records = disk.open({ schedule: timers.schedule })
  const version = (await records.create('a', bytes, 1000)) as string
  const holder = new DatabaseSync(disk.file)
  holder.exec('BEGIN IMMEDIATE')
  const written = records.update('a', bytes, version, 1000)
  expect((await records.read('a'))?.version).toBe(version)
  expect(records.confirm('a', version)).toBe(true)
  holder.close()
  while (timers.waiting > 0) timers.next()
  expect(await written).toBeTypeOf('string')
})

test('a session does not live longer for having waited', async () => {
  const timers = createTimers()
  const records = disk.open({ schedule: timers.schedule })
  const holder = new DatabaseSync(disk.file)
  holder.exec('BEGIN IMMEDIATE')
  const created = records.create('a', bytes, 1000)
  disk.now += 400
  holder.close()
  timers.next()
  await created
  expect((await records.read('a'))?.remaining).toBe(600)
})

test('a file that is locked opens when the lock is gone, and who came meanwhile waited for that', async () => {
  const timers = createTimers()
  const holder = new DatabaseSync(disk.file)
  holder.exec('CREATE TABLE t (x); DROP TABLE t; BEGIN EXCLUSIVE')
  const records = disk.open({ schedule: timers.schedule })
  const created = records.create('a', bytes, 1000)
  for (let count = 0; count < 200; count += 1) timers.next()
  expect(timers.waiting).toBe(1)
  holder.close()
  while (timers.waiting > 0) timers.next()
  expect(await created).toBeTypeOf('string')
})

test('those who wait when the store is closed are told so', async () => {
  const timers = createTimers()
  const records = disk.open({ schedule: timers.schedule })
  const holder = new DatabaseSync(disk.file)
  holder.exec('BEGIN IMMEDIATE')
  const created = records.create('a', bytes, 1000)
  const closed = records.close()
  await expect(created).rejects.toEqual(unavailable(/was closed/))
  await closed
  expect(timers.waiting).toBe(0)
  holder.close()
})
