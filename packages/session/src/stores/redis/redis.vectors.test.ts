import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keysUnder } from './keys.ts'
import { at, openRecords, type TestRecords } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'
import { formatVersion, goesBack, parseVersion, readValue, versionLength, writeValue } from './value.ts'

interface Vectors {
  readonly values: readonly {
    name: string
    prefix: string
    id: string
    key: string
    counter: number
    writeId: string
    record: string
    value: string
    version: string
    channel: string
    message: string
  }[]
  readonly ends: readonly { id: string; message: string }[]
  readonly foreign: readonly string[]
}
const vectors = JSON.parse(readFileSync(new URL('../../vectors/redis.json', import.meta.url), 'utf8')) as Vectors

let server: TestStandalone
beforeAll(async () => {
  server = await testStandalone()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

/** Runs a command whose last argument is binary. */
function setBinary(key: string, hex: string): void {
  const lua = `local bytes = string.gsub(ARGV[1], '..', function (two) return string.char(tonumber(two, 16)) end)
    return redis.call('SET', KEYS[1], bytes, 'PX', 60000)`
  server.command('EVAL', lua, '1', key, hex)
}

async function open(prefix: string): Promise<TestRecords> {
  return openRecords(prefix, at(server.port))
}

test.each(vectors.values)('the vector of $name is read and written so', async (vector) => {
  const version = parseVersion(vector.version)!
  expect(writeValue(version, Buffer.from(vector.record, 'hex')).toString('hex')).toBe(vector.value)
  const found = readValue(Buffer.from(vector.value, 'hex'))!
  expect([found.version, Buffer.from(found.bytes).toString('hex')]).toEqual([vector.version, vector.record])
  expect([version.readUIntBE(1, 6), version.subarray(7).toString('hex')]).toEqual([vector.counter, vector.writeId])
  const keys = keysUnder(vector.prefix)
  expect([keys.record(vector.id), keys.changed]).toEqual([vector.key, vector.channel])
})

test.each(vectors.values)('the vector of $name is found in a server, and its message is understood', async (vector) => {
  setBinary(vector.key, vector.value)
  const records = await open(vector.prefix)
  const found = (await records.read(vector.id))!
  expect([found.version, Buffer.from(found.bytes).toString('hex')]).toEqual([vector.version, vector.record])
  server.command('PUBLISH', vector.channel, vector.message)
  await until('the message came', () => records.told.includes(vector.message))
  expect(records.confirm(vector.id, vector.version)).toBe(true)
  const next = await records.update(vector.id, Buffer.of(1), found.version, 60_000)
  expect(goesBack(vector.version, next!)).toBe(true)
  await records.close()
})

test.each(vectors.ends)('the message $message is sent for an end', async ({ id, message }) => {
  const [one, other] = [await open('shop'), await open('shop')]
  await one.create(id, Buffer.of(1), 60_000)
  await one.delete(id)
  await until('the message came', () => other.told.includes(message))
  await one.close()
  await other.close()
})

test.each(vectors.foreign)('the value %j is none', (hex) => {
  expect(readValue(Buffer.from(hex, 'hex'))).toBeUndefined()
})

test('a version has as many bytes as the reference says', () => {
  expect(versionLength).toBe(15)
  expect(formatVersion(Buffer.alloc(15))).toHaveLength(20)
})
