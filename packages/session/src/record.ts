/**
 * The layout of a record, version 1; what its fields mean stands in `docs/reference/formats.md`. Only bytes are moved
 * here: nothing is opened, and nothing that is read here can be trusted before the content opened, which authenticates
 * all of it.
 */

/** How the content is sealed. */
export type RecordKind = 'none' | 'keys' | 'ticket'

export interface RecordHeader {
  readonly kind: RecordKind
  /** Which prefix the record belongs to: 4 bytes. */
  readonly prefixTag: Uint8Array
  /** The key of the installation that it was made with; empty: none. */
  readonly keyId: string
  /** 16 random bytes, new with each data key. */
  readonly salt: Uint8Array
  /** Counts writes. */
  readonly counter: number
  /** 8 random bytes, new with each write: two different records with one counter are told apart. */
  readonly writeId: Uint8Array
  /** Milliseconds since 1970, as the next two. */
  readonly createdAt: number
  readonly rotatedAt: number
  /** When the newest secret was first brought, while an older one is still good; 0 before. */
  readonly broughtAt: number
  /** The newest secret first; a second one is the secret before, after a rotation by age. */
  readonly slots: readonly Slot[]
  /** The newest secret sealed under the one before, until it was brought; else empty. */
  readonly pending: Uint8Array
  /** Sealed metadata. */
  readonly metadata: Uint8Array
}

/** One secret that opens the record. */
export interface Slot {
  /** SHA-256 of id and secret. */
  readonly hash: Uint8Array
  /** The data key, sealed; empty where there is none. */
  readonly wrapped: Uint8Array
}

export interface RecordParts {
  readonly header: RecordHeader
  /** The header as it stands in the record: associated data of the content. */
  readonly headerBytes: Uint8Array
  /** Sealed content. */
  readonly content: Uint8Array
}

const format = 1
const kinds: readonly RecordKind[] = ['none', 'keys', 'ticket']
const prefixTagLength = 4
const saltLength = 16
const writeIdLength = 8
const hashLength = 32
/** Nonce, data key or secret, tag. */
const wrappedLength = 60
const pendingLength = 44
const maxCounter = 0xffffffff

/** Readers by format byte: the present format and, after it has changed, the one before. */
const readers: ReadonlyMap<number, (bytes: Uint8Array) => RecordParts | undefined> = new Map([[format, readFormat1]])

/** `undefined` for what is no record of a format that this release reads. Never throws. */
export function readRecord(bytes: Uint8Array): RecordParts | undefined {
  return bytes.length === 0 ? undefined : readers.get(bytes[0]!)?.(bytes)
}

/** The header alone, as it is to stand before the content. */
export function writeHeader(header: RecordHeader): Uint8Array {
  const keyId = new TextEncoder().encode(header.keyId)
  const writer = createWriter(headerLength(header, keyId))
  writer.byte(format)
  writer.byte(kinds.indexOf(header.kind))
  writer.bytes(header.prefixTag)
  writer.byte(keyId.length)
  writer.bytes(keyId)
  writer.bytes(header.salt)
  writer.uint32(header.counter)
  writer.bytes(header.writeId)
  for (const time of [header.createdAt, header.rotatedAt, header.broughtAt]) writer.time(time)
  writer.byte(header.slots.length)
  for (const { hash, wrapped } of header.slots) {
    writer.bytes(hash)
    writer.bytes(wrapped)
  }
  writer.byte(header.pending.length)
  writer.bytes(header.pending)
  writer.uint16(header.metadata.length)
  writer.bytes(header.metadata)
  return writer.written
}

function headerLength({ slots, pending, metadata }: RecordHeader, keyId: Uint8Array): number {
  const fixed = 2 + prefixTagLength + 1 + saltLength + 4 + writeIdLength + 3 * 8 + 1 + 1 + 2
  const slotBytes = slots.reduce((sum, { hash, wrapped }) => sum + hash.length + wrapped.length, 0)
  return fixed + keyId.length + slotBytes + pending.length + metadata.length
}

/** The counter after this one; it starts again after 2^32 writes, where the write id still tells records apart. */
export function nextCounter(counter: number): number {
  return counter === maxCounter ? 0 : counter + 1
}

function readFormat1(bytes: Uint8Array): RecordParts | undefined {
  const reader = createReader(bytes, 1)
  const kind = kinds[reader.byte()]
  if (kind === undefined) return undefined
  const header: RecordHeader = {
    kind,
    prefixTag: reader.bytes(prefixTagLength),
    keyId: readKeyId(reader),
    salt: reader.bytes(saltLength),
    counter: reader.uint32(),
    writeId: reader.bytes(writeIdLength),
    createdAt: reader.time(),
    rotatedAt: reader.time(),
    broughtAt: reader.time(),
    slots: readSlots(reader, kind),
    pending: reader.bytes(reader.byte()),
    metadata: reader.bytes(reader.uint16()),
  }
  if (reader.failed() || !isSound(header)) return undefined
  return { header, headerBytes: bytes.subarray(0, reader.position()), content: bytes.subarray(reader.position()) }
}

function readKeyId(reader: Reader): string {
  const bytes = reader.bytes(reader.byte())
  return String.fromCharCode(...bytes.subarray(0, 33))
}

function readSlots(reader: Reader, kind: RecordKind): Slot[] {
  const count = Math.min(reader.byte(), 3)
  const slots: Slot[] = []
  for (let index = 0; index < count; index += 1) {
    slots.push({ hash: reader.bytes(hashLength), wrapped: reader.bytes(kind === 'none' ? 0 : wrappedLength) })
  }
  return slots
}

function isSound({ keyId, slots, pending }: RecordHeader): boolean {
  if (!/^[A-Za-z0-9_-]{0,32}$/.test(keyId)) return false
  if (pending.length !== 0 && (pending.length !== pendingLength || slots.length !== 2)) return false
  return slots.length === 1 || slots.length === 2
}

interface Reader {
  byte(): number
  uint16(): number
  uint32(): number
  time(): number
  bytes(length: number): Uint8Array
  position(): number
  /** True once something was asked for beyond the end; everything read since is empty. */
  failed(): boolean
}

function createReader(source: Uint8Array, start: number): Reader {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  let at = start
  let failed = false
  const take = (length: number): number => {
    if (at + length > source.length) failed = true
    if (failed) return -1
    at += length
    return at - length
  }
  const number = (length: number, read: (from: number) => number): number => {
    const from = take(length)
    return from === -1 ? 0 : read(from)
  }
  return {
    byte: () => number(1, (from) => view.getUint8(from)),
    uint16: () => number(2, (from) => view.getUint16(from)),
    uint32: () => number(4, (from) => view.getUint32(from)),
    time: () => number(8, (from) => view.getUint32(from) * 2 ** 32 + view.getUint32(from + 4)),
    bytes(length) {
      const from = take(length)
      return from === -1 ? new Uint8Array(0) : source.subarray(from, from + length)
    },
    position: () => at,
    failed: () => failed,
  }
}

function createWriter(length: number) {
  const written = new Uint8Array(length)
  const view = new DataView(written.buffer)
  let at = 0
  return {
    written,
    byte(value: number): void {
      view.setUint8(at, value)
      at += 1
    },
    uint16(value: number): void {
      view.setUint16(at, value)
      at += 2
    },
    uint32(value: number): void {
      view.setUint32(at, value)
      at += 4
    },
    /** Milliseconds as an unsigned number of 64 bits; those of JavaScript have 53. */
    time(value: number): void {
      view.setUint32(at, Math.floor(value / 2 ** 32))
      view.setUint32(at + 4, value % 2 ** 32)
      at += 8
    },
    bytes(value: Uint8Array): void {
      written.set(value, at)
      at += value.length
    },
  }
}
