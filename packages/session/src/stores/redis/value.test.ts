import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatVersion,
  goesBack,
  maxValueLength,
  newVersion,
  parseVersion,
  readValue,
  versionLength,
  writeValue,
} from './value.ts'

test('a value gives back the version and the record it was made of', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const version = newVersion()
      const found = readValue(writeValue(version, bytes))
      expect(found?.version).toBe(formatVersion(version))
      expect(Uint8Array.from(found!.bytes)).toEqual(bytes)
    }),
  )
})

test('anything else reads as none: too short, another format', () => {
  const value = writeValue(newVersion(), Uint8Array.of(1, 2, 3))
  for (let length = 0; length < versionLength; length += 1) expect(readValue(value.subarray(0, length))).toBeUndefined()
  expect(readValue(value.subarray(0, versionLength))?.bytes.length).toBe(0)
  value[0] = 2
  expect(readValue(value)).toBeUndefined()
  expect(readValue(Buffer.from('{"user":"somebody else, in JSON"}'))).toBeUndefined()
})

test('no two writes have the same version, even of the same counter', () => {
  const before = newVersion()
  const versions = Array.from({ length: 1000 }, () => formatVersion(newVersion(before)))
  expect(new Set(versions).size).toBe(1000)
  for (const version of versions) {
    expect(goesBack(formatVersion(before), version)).toBe(true)
    expect(goesBack(version, formatVersion(before))).toBe(false)
    expect(goesBack(version, versions[0]!)).toBe(false)
  }
})

test('the counter stays at its end instead of starting anew', () => {
  const last = newVersion()
  last.fill(0xff, 1, 7)
  expect(newVersion(last).subarray(1, 7)).toEqual(last.subarray(1, 7))
})

test('a version is parsed only from what formatting gives', () => {
  const version = newVersion()
  expect(parseVersion(formatVersion(version))).toEqual(version)
  for (const other of ['', '1', '-', formatVersion(version).slice(1), `${formatVersion(version)}A`, 'A'.repeat(20)]) {
    expect([other, parseVersion(other)]).toEqual([other, undefined])
  }
  fc.assert(
    fc.property(fc.string(), (text) => parseVersion(text) === undefined || formatVersion(parseVersion(text)!) === text),
  )
})

test('a record that is too large is not written', () => {
  const most = new Uint8Array(maxValueLength - versionLength)
  expect(writeValue(newVersion(), most).length).toBe(maxValueLength)
  expect(() => writeValue(newVersion(), new Uint8Array(most.length + 1))).toThrow(
    expect.objectContaining({ code: 'ERR_SESSION_TOO_LARGE' }),
  )
})
