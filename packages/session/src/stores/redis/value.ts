/**
 * The value under the key of a record: a version, then the record.
 *
 * The version is a format byte, a counter of 6 bytes that every write moves, and 8 random bytes: after a failover that
 * lost writes, two different seventh writes do not pass for one another, and a write that was sent twice knows its own.
 */
import { randomBytes } from 'node:crypto'
import { SessionError } from '../../errors.ts'
import type { StoredRecord } from '../../store.ts'

const format = 1
const counterBytes = 6
/** Bytes before the record. */
export const versionLength = 15

/** Larger ones are not written, and not read: they are none of ours. */
export const maxValueLength = 16 * 1024 * 1024

/** A version as it stands in the value. */
export type VersionBytes = Buffer

/** @param before the version that is replaced; none for a new record */
export function newVersion(before?: VersionBytes): VersionBytes {
  const version = Buffer.allocUnsafe(versionLength)
  version[0] = format
  // After 2⁴⁸ writes of one session it stays; the random bytes tell them apart.
  const counter = before === undefined ? 0 : counterOf(before)
  version.writeUIntBE(Math.min(counter + 1, 2 ** 48 - 1), 1, counterBytes)
  randomBytes(versionLength - 1 - counterBytes).copy(version, 1 + counterBytes)
  return version
}

export function formatVersion(version: VersionBytes): string {
  return version.toString('base64url')
}

/** `undefined` for what is no version. */
export function parseVersion(version: string): VersionBytes | undefined {
  const bytes = Buffer.from(version, 'base64url')
  return bytes.length === versionLength && bytes[0] === format && formatVersion(bytes) === version ? bytes : undefined
}

/** Whether `version` was written before `known`: then something was lost in between. */
export function goesBack(version: string, known: string): boolean {
  const [one, other] = [parseVersion(version), parseVersion(known)]
  return one !== undefined && other !== undefined && counterOf(one) < counterOf(other)
}

function counterOf(version: VersionBytes): number {
  return version.readUIntBE(1, counterBytes)
}

/** @throws SessionError `ERR_SESSION_TOO_LARGE` */
export function writeValue(version: VersionBytes, bytes: Uint8Array): Buffer {
  const length = versionLength + bytes.length
  if (length <= maxValueLength) return Buffer.concat([version, bytes], length)
  throw new SessionError(
    'ERR_SESSION_TOO_LARGE',
    `A record of ${bytes.length} bytes was not written: a value in Redis may have ${maxValueLength}. Keep less in it.`,
  )
}

/** `undefined` for what is not ours. */
export function readValue(value: Buffer): Pick<StoredRecord, 'bytes' | 'version'> | undefined {
  if (value.length < versionLength || value[0] !== format) return undefined
  return { version: formatVersion(value.subarray(0, versionLength)), bytes: value.subarray(versionLength) }
}
