/** A file that was damaged, or whose folder is gone, and how the store comes back without a restart. */
import { readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { unavailable, useDisk } from './fixtures/disk.ts'

const bytes = new Uint8Array([1, 2, 3])
const disk = useDisk()
const damage = () => writeFileSync(disk.file, 'not a database, and long enough to be looked at '.repeat(100))

test('a file that was damaged in use is an outage until it is moved away; then sessions start anew', async () => {
  const records = disk.open()
  const version = (await records.create('a', bytes, 60_000)) as string
  await records.close()
  const again = disk.open()
  damage()
  for (let count = 0; count < 5; count += 1) {
    await expect(again.read('a')).rejects.toEqual(unavailable(/damaged/))
    await expect(again.touch('a', 1000)).rejects.toEqual(unavailable(/damaged/))
    expect(again.confirm('a', version)).toBe(false)
    disk.now += 1000
  }
  renameSync(disk.file, `${disk.file}.damaged`)
  disk.now += 1000
  expect(await again.read('a')).toBeUndefined()
  expect(await again.create('b', bytes, 1000)).toBeTypeOf('string')
})

test('a damaged file is followed by its backup without a restart', async () => {
  const records = disk.open()
  await records.create('a', bytes, 600_000)
  await records.close()
  const backup = readFileSync(disk.file)
  const again = disk.open()
  damage()
  await expect(again.read('a')).rejects.toEqual(unavailable(/damaged/))
  writeFileSync(`${disk.file}.backup`, backup)
  renameSync(`${disk.file}.backup`, disk.file)
  disk.now += 1000
  expect((await again.read('a'))?.bytes).toEqual(bytes)
})

test('a file that cannot be used is tried once a second, however many ask', async () => {
  const records = disk.open()
  const content = readFileSync(disk.file)
  damage()
  await expect(records.read('a')).rejects.toEqual(unavailable(/damaged/))
  disk.now += 1000
  await expect(records.read('a')).rejects.toEqual(unavailable(/damaged/))
  writeFileSync(`${disk.file}.new`, content)
  renameSync(`${disk.file}.new`, disk.file)
  disk.now += 999
  for (let count = 0; count < 5; count += 1) await expect(records.read('a')).rejects.toEqual(unavailable(/damaged/))
  disk.now += 1
  expect(await records.read('a')).toBeUndefined()
})

test('a folder that is gone is an outage, and none when it is back', async () => {
  const records = disk.open()
  const version = (await records.create('a', bytes, 600_000)) as string
  renameSync(disk.folder, `${disk.folder}-away`)
  disk.now += 1000
  expect(records.confirm('a', version)).toBe(false)
  await expect(records.read('a')).rejects.toEqual(unavailable(/ENOENT/))
  await expect(records.update('a', bytes, version, 1000)).rejects.toEqual(unavailable(/ENOENT/))
  renameSync(`${disk.folder}-away`, disk.folder)
  disk.now += 1000
  expect((await records.read('a'))?.version).toBe(version)
})

test('a file that was emptied in place is an empty store, not an outage without end', async () => {
  const records = disk.open()
  await records.create('a', bytes, 600_000)
  await records.close()
  const again = disk.open()
  truncateSync(disk.file, 0)
  disk.now += 1000
  await again.read('a').catch(() => {})
  disk.now += 1000
  expect(await again.read('a')).toBeUndefined()
  expect(await again.create('b', bytes, 1000)).toBeTypeOf('string')
})
