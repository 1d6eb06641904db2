/** A file that was moved, deleted or replaced while it is in use, by an operator or by other processes. */
import { existsSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { useDisk } from './fixtures/disk.ts'

const bytes = new Uint8Array([1, 2, 3])
const disk = useDisk()

test('a file that is moved away and comes back brings its sessions back', async () => {
  const records = disk.open()
  const version = (await records.create('a', bytes, 600_000)) as string
  renameSync(disk.file, `${disk.file}.away`)
  disk.now += 1000
  expect(records.confirm('a', version)).toBe(false)
  expect(await records.read('a')).toBeUndefined()
  await records.create('b', bytes, 600_000)
  renameSync(`${disk.file}.away`, disk.file)
  disk.now += 1000
  expect((await records.read('a'))?.version).toBe(version)
  expect(records.confirm('a', version)).toBe(true)
  expect(await records.read('b')).toBeUndefined()
})

test('a file that was moved away holds all that was acknowledged', async () => {
  const records = disk.open()
  for (let count = 0; count < 50; count += 1) await records.create(`s${count}`, bytes, 600_000)
  renameSync(disk.file, `${disk.file}.away`)
  disk.now += 1000
  await records.read('s1')
  const away = disk.open({ file: `${disk.file}.away` })
  for (let count = 0; count < 50; count += 1) expect(await away.read(`s${count}`)).toBeDefined()
})

test('a deleted file, alone or with all that lies beside it, is an empty store that all stores share', async () => {
  for (const names of [[''], ['', '-wal', '-shm'], ['', '-wal', '-shm', '-lock']]) {
    const [one, two] = [disk.open(), disk.open()]
    await one.create('a', bytes, 600_000)
    for (const name of names) rmSync(disk.file + name)
    disk.now += 1000
    expect(await one.read('a')).toBeUndefined()
    await one.create('b', bytes, 600_000)
    expect((await two.read('b'))?.bytes).toEqual(bytes)
    await two.create('c', bytes, 600_000)
    expect((await one.read('c'))?.bytes).toEqual(bytes)
    for (const records of [one, two]) await records.close()
    rmSync(disk.file)
  }
})

test('no store says absent of what is in the file that took the place of its own, not even for a second', async () => {
  const [one, two] = [disk.open(), disk.open()]
  await one.create('a', bytes, 600_000)
  renameSync(disk.file, `${disk.file}.away`)
  expect(await one.read('new')).toBeUndefined()
  const version = (await one.create('new', bytes, 600_000)) as string
  expect(await two.touch('new', 600_000)).toBe(true)
  expect((await two.read('new'))?.version).toBe(version)
  renameSync(`${disk.file}.away`, disk.file)
  expect(await two.delete('a')).toBe(true)
  expect(await one.read('a')).toBeUndefined()
  expect(await one.update('new', bytes, version, 1000)).toBeUndefined()
})

test('a file that was moved away does not split two processes', async () => {
  const records = disk.open({ clock: Date.now })
  const other = disk.start('serve')
  expect(await other.hear()).toBe('open')
  expect(await other.ask('create before')).toBe('true')
  renameSync(disk.file, `${disk.file}.away`)
  expect(await records.read('x')).toBeUndefined()
  await records.create('mine', bytes, 600_000)
  expect(await other.ask('read mine')).toBe('true')
  expect(await other.ask('create theirs')).toBe('true')
  expect(await records.read('theirs')).toBeDefined()
  expect(await records.read('before')).toBeUndefined()
  const third = disk.start('serve')
  expect(await third.hear()).toBe('open')
  for (const id of ['mine', 'theirs']) expect(await third.ask(`delete ${id}`)).toBe('true')
  for (const id of ['mine', 'theirs']) expect(await other.ask(`read ${id}`)).toBe('false')
  await other.end()
  await third.end()
  await records.create('after', bytes, 600_000)
  await records.close()
  expect(await disk.open().read('after')).toBeDefined()
  expect(new DatabaseSync(disk.file).prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
})

test('the log of one process is not taken away by another that closes, though this one opened the file twice', async () => {
  const first = disk.open({ clock: Date.now })
  disk.open({ clock: Date.now })
  const other = disk.start('serve')
  expect(await other.hear()).toBe('open')
  expect(await other.ask('create theirs')).toBe('true')
  await other.end()
  expect(existsSync(`${disk.file}-wal`)).toBe(true)
  await first.create('mine', bytes, 600_000)
  const third = disk.start('serve')
  expect(await third.hear()).toBe('open')
  expect(await third.ask('read mine')).toBe('true')
  await third.end()
})

test('a link is followed, to a file that is not there yet and to another one later', async () => {
  const [first, second] = [join(disk.folder, 'first.db'), join(disk.folder, 'second.db')]
  symlinkSync(first, disk.file)
  const [records, direct] = [disk.open(), disk.open({ file: first })]
  const version = (await records.create('a', bytes, 60_000)) as string
  expect((await direct.read('a'))?.version).toBe(version)
  rmSync(disk.file)
  symlinkSync(second, disk.file)
  expect(await records.delete('b')).toBe(false)
  expect(await records.read('a')).toBeUndefined()
  expect((await direct.read('a'))?.version).toBe(version)
  expect([first, second].map((path) => existsSync(`${path}-wal`))).toEqual([true, true])
})

test('a file that is moved away from behind a link leaves no log to the next one', async () => {
  const target = join(disk.folder, 'target.db')
  symlinkSync(target, disk.file)
  const records = disk.open()
  await records.create('a', bytes, 60_000)
  renameSync(target, `${target}.away`)
  expect(await records.read('b')).toBeUndefined()
  const { size } = statSync(`${target}-wal`)
  await records.create('b', bytes, 60_000)
  expect(statSync(`${target}-wal`).size).toBeGreaterThan(size)
  expect(await disk.open({ file: `${target}.away` }).read('a')).toBeDefined()
  expect(await disk.open({ file: target }).read('b')).toBeDefined()
})
