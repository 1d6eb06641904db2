/** What befalls the file while it is in use: locks, damage, an operator. With other processes where they are part of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSessions } from '../../manager.ts'
import { type SqliteOptions, sqliteRecords } from './index.ts'

const child = new URL('./fixtures/process.ts', import.meta.url).pathname
const bytes = new Uint8Array([1, 2, 3])
let folder = ''
let file = ''
let now = 0
const opened: { close(): Promise<void> }[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-outage-'))
  file = join(folder, 'sessions.db')
  now = 1_750_000_000_000
})
afterEach(async () => {
  for (const records of opened.splice(0)) await records.close()
  for (const running of children.splice(0)) running.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function open(options: Partial<SqliteOptions> = {}) {
  const records = sqliteRecords({ file, clock: () => now, ...options })
  opened.push(records)
  return records
}

/** Another process on the file, asked line by line. */
function start(command: string) {
  const running = spawn(execPath, [child, file, command], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(running)
  const lines = createInterface({ input: running.stdout })[Symbol.asyncIterator]()
  const ended = new Promise((resolve) => running.once('close', resolve))
  const hear = async () => (await lines.next()).value
  return {
    hear,
    say: (line: string) => running.stdin.write(`${line}\n`),
    ask(line: string) {
      running.stdin.write(`${line}\n`)
      return hear()
    },
    end() {
      running.stdin.end()
      return ended
    },
  }
}

/** Timers that run when they are told to. */
function timers() {
  const waiting = new Set<() => void>()
  return {
    waiting,
    schedule(callback: () => void) {
      waiting.add(callback)
      return () => void waiting.delete(callback)
    },
    run() {
      for (const callback of [...waiting]) {
        waiting.delete(callback)
        callback()
      }
    },
  }
}

const unavailable = (words: RegExp) =>
  expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE', message: expect.stringMatching(words) })
const damage = () => writeFileSync(file, 'not a database, and long enough to be looked at '.repeat(100))

test('while another process holds the lock, ten visitors wait and everything else goes on', async () => {
  // Far above the limit of a test: a thread that waited for the lock could never tell the other process to let go.
  const records = open({ busyTimeout: 600_000 })
  const holder = start('hold')
  expect(await holder.hear()).toBe('held')
  let done = 0
  const sessions = createSessions({ store: records, clock: () => now })
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
  const { schedule, waiting, run } = timers()
  const records = open({ schedule })
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const results = Promise.allSettled(Array.from({ length: 10 }, (_, count) => records.create(`s${count}`, bytes, 1000)))
  expect(waiting.size).toBe(1)
  let pauses = 0
  for (; waiting.size > 0; pauses += 1) run()
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
  const { schedule, waiting, run } = timers()
  const records = open({ schedule })
  const version = (await records.create('a', bytes, 1000)) as string
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const written = records.update('a', bytes, version, 1000)
  expect((await records.read('a'))?.version).toBe(version)
  expect(records.confirm('a', version)).toBe(true)
  holder.close()
  while (waiting.size > 0) run()
  expect(await written).toBeTypeOf('string')
})

test('a session does not live longer for having waited', async () => {
  const { schedule, run } = timers()
  const records = open({ schedule })
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const created = records.create('a', bytes, 1000)
  now += 400
  holder.close()
  run()
  await created
  expect((await records.read('a'))?.remaining).toBe(600)
})

test('a file that is locked opens when the lock is gone, and who came meanwhile waited for that', async () => {
  const { schedule, waiting, run } = timers()
  const holder = new DatabaseSync(file)
  holder.exec('CREATE TABLE t (x); DROP TABLE t; BEGIN EXCLUSIVE')
  const records = open({ schedule })
  const created = records.create('a', bytes, 1000)
  for (let count = 0; count < 200; count += 1) run()
  expect(waiting.size).toBe(1)
  holder.close()
  while (waiting.size > 0) run()
  expect(await created).toBeTypeOf('string')
})

test('those who wait when the store is closed are told so', async () => {
  const { schedule, waiting } = timers()
  const records = open({ schedule })
  const holder = new DatabaseSync(file)
  holder.exec('BEGIN IMMEDIATE')
  const created = records.create('a', bytes, 1000)
  const closed = records.close()
  await expect(created).rejects.toEqual(unavailable(/was closed/))
  await closed
  expect(waiting.size).toBe(0)
  holder.close()
})

test('a file that was damaged in use is an outage until it is moved away; then sessions start anew', async () => {
  const records = open()
  const version = (await records.create('a', bytes, 60_000)) as string
  await records.close()
  const again = open()
  damage()
  for (let count = 0; count < 5; count += 1) {
    await expect(again.read('a')).rejects.toEqual(unavailable(/damaged/))
    await expect(again.touch('a', 1000)).rejects.toEqual(unavailable(/damaged/))
    expect(again.confirm('a', version)).toBe(false)
    now += 1000
  }
  renameSync(file, `${file}.damaged`)
  now += 1000
  expect(await again.read('a')).toBeUndefined()
  expect(await again.create('b', bytes, 1000)).toBeTypeOf('string')
})

test('a damaged file is followed by its backup without a restart', async () => {
  const records = open()
  await records.create('a', bytes, 600_000)
  await records.close()
  const backup = readFileSync(file)
  const again = open()
  damage()
  await expect(again.read('a')).rejects.toEqual(unavailable(/damaged/))
  writeFileSync(`${file}.backup`, backup)
  renameSync(`${file}.backup`, file)
  now += 1000
  expect((await again.read('a'))?.bytes).toEqual(bytes)
})

test('a file that cannot be used is tried once a second, however many ask', async () => {
  const records = open()
  const content = readFileSync(file)
  damage()
  await expect(records.read('a')).rejects.toEqual(unavailable(/damaged/))
  now += 1000
  await expect(records.read('a')).rejects.toEqual(unavailable(/damaged/))
  writeFileSync(`${file}.new`, content)
  renameSync(`${file}.new`, file)
  now += 999
  for (let count = 0; count < 5; count += 1) await expect(records.read('a')).rejects.toEqual(unavailable(/damaged/))
  now += 1
  expect(await records.read('a')).toBeUndefined()
})

test('a folder that is gone is an outage, and none when it is back', async () => {
  const records = open()
  const version = (await records.create('a', bytes, 600_000)) as string
  renameSync(folder, `${folder}-away`)
  now += 1000
  expect(records.confirm('a', version)).toBe(false)
  await expect(records.read('a')).rejects.toEqual(unavailable(/ENOENT/))
  await expect(records.update('a', bytes, version, 1000)).rejects.toEqual(unavailable(/ENOENT/))
  renameSync(`${folder}-away`, folder)
  now += 1000
  expect((await records.read('a'))?.version).toBe(version)
})

test('a file that was emptied in place is an empty store, not an outage without end', async () => {
  const records = open()
  await records.create('a', bytes, 600_000)
  await records.close()
  const again = open()
  truncateSync(file, 0)
  now += 1000
  await again.read('a').catch(() => {})
  now += 1000
  expect(await again.read('a')).toBeUndefined()
  expect(await again.create('b', bytes, 1000)).toBeTypeOf('string')
})

test('a file that is moved away and comes back brings its sessions back', async () => {
  const records = open()
  const version = (await records.create('a', bytes, 600_000)) as string
  renameSync(file, `${file}.away`)
  now += 1000
  expect(records.confirm('a', version)).toBe(false)
  expect(await records.read('a')).toBeUndefined()
  await records.create('b', bytes, 600_000)
  renameSync(`${file}.away`, file)
  now += 1000
  expect((await records.read('a'))?.version).toBe(version)
  expect(records.confirm('a', version)).toBe(true)
  expect(await records.read('b')).toBeUndefined()
})

test('a file that was moved away holds all that was acknowledged', async () => {
  const records = open()
  for (let count = 0; count < 50; count += 1) await records.create(`s${count}`, bytes, 600_000)
  renameSync(file, `${file}.away`)
  now += 1000
  await records.read('s1')
  const away = open({ file: `${file}.away` })
  for (let count = 0; count < 50; count += 1) expect(await away.read(`s${count}`)).toBeDefined()
})

test('a deleted file, alone or with all that lies beside it, is an empty store that all stores share', async () => {
  for (const names of [[''], ['', '-wal', '-shm'], ['', '-wal', '-shm', '-lock']]) {
    const [one, two] = [open(), open()]
    await one.create('a', bytes, 600_000)
    for (const name of names) rmSync(file + name)
    now += 1000
    expect(await one.read('a')).toBeUndefined()
    await one.create('b', bytes, 600_000)
    expect((await two.read('b'))?.bytes).toEqual(bytes)
    await two.create('c', bytes, 600_000)
    expect((await one.read('c'))?.bytes).toEqual(bytes)
    for (const records of [one, two]) await records.close()
    rmSync(file)
  }
})

test('no store says absent of what is in the file that took the place of its own, not even for a second', async () => {
  const [one, two] = [open(), open()]
  await one.create('a', bytes, 600_000)
  renameSync(file, `${file}.away`)
  expect(await one.read('new')).toBeUndefined()
  const version = (await one.create('new', bytes, 600_000)) as string
  expect(await two.touch('new', 600_000)).toBe(true)
  expect((await two.read('new'))?.version).toBe(version)
  renameSync(`${file}.away`, file)
  expect(await two.delete('a')).toBe(true)
  expect(await one.read('a')).toBeUndefined()
  expect(await one.update('new', bytes, version, 1000)).toBeUndefined()
})

test('a file that was moved away does not split two processes', async () => {
  const records = open({ clock: Date.now })
  const other = start('serve')
  expect(await other.hear()).toBe('open')
  expect(await other.ask('create before')).toBe('true')
  renameSync(file, `${file}.away`)
  expect(await records.read('x')).toBeUndefined()
  await records.create('mine', bytes, 600_000)
  expect(await other.ask('read mine')).toBe('true')
  expect(await other.ask('create theirs')).toBe('true')
  expect(await records.read('theirs')).toBeDefined()
  expect(await records.read('before')).toBeUndefined()
  const third = start('serve')
  expect(await third.hear()).toBe('open')
  for (const id of ['mine', 'theirs']) expect(await third.ask(`delete ${id}`)).toBe('true')
  for (const id of ['mine', 'theirs']) expect(await other.ask(`read ${id}`)).toBe('false')
  await other.end()
  await third.end()
  await records.create('after', bytes, 600_000)
  await records.close()
  expect(await open().read('after')).toBeDefined()
  expect(new DatabaseSync(file).prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
})

test('the log of one process is not taken away by another that closes, though this one opened the file twice', async () => {
  const first = open({ clock: Date.now })
  open({ clock: Date.now })
  const other = start('serve')
  expect(await other.hear()).toBe('open')
  expect(await other.ask('create theirs')).toBe('true')
  await other.end()
  expect(existsSync(`${file}-wal`)).toBe(true)
  await first.create('mine', bytes, 600_000)
  const third = start('serve')
  expect(await third.hear()).toBe('open')
  expect(await third.ask('read mine')).toBe('true')
  await third.end()
})

test('a link is followed, to a file that is not there yet and to another one later', async () => {
  const [first, second] = [join(folder, 'first.db'), join(folder, 'second.db')]
  symlinkSync(first, file)
  const [records, direct] = [open(), open({ file: first })]
  const version = (await records.create('a', bytes, 60_000)) as string
  expect((await direct.read('a'))?.version).toBe(version)
  rmSync(file)
  symlinkSync(second, file)
  expect(await records.delete('b')).toBe(false)
  expect(await records.read('a')).toBeUndefined()
  expect((await direct.read('a'))?.version).toBe(version)
  expect([first, second].map((path) => existsSync(`${path}-wal`))).toEqual([true, true])
})

test('a file that is moved away from behind a link leaves no log to the next one', async () => {
  const target = join(folder, 'target.db')
  symlinkSync(target, file)
  const records = open()
  await records.create('a', bytes, 60_000)
  renameSync(target, `${target}.away`)
  expect(await records.read('b')).toBeUndefined()
  const { size } = statSync(`${target}-wal`)
  await records.create('b', bytes, 60_000)
  expect(statSync(`${target}-wal`).size).toBeGreaterThan(size)
  expect(await open({ file: `${target}.away` }).read('a')).toBeDefined()
  expect(await open({ file: target }).read('b')).toBeDefined()
})
