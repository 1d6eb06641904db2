/** Records in this process: gone with it, and seen by it alone. */
import { sessionDefaults } from '../../defaults.ts'
import { SessionError } from '../../errors.ts'
import { checkFunction, checkObject, invalid, shown } from '../../invalid-option.ts'
import { members } from '../../members.ts'
import {
  type AcceptingOnce,
  type Confirming,
  type Expiring,
  type Indexing,
  type ListedRecord,
  type Listing,
  listedBytes,
  type RecordStore,
  type SessionId,
} from '../../store.ts'
import { createExpiry, type Expires } from './expiry.ts'
import { createNames } from './names.ts'
import { createOnce } from './once.ts'

export interface MemoryOptions {
  /** Records kept at most, and as many tokens that were accepted. @defaultValue 100,000 */
  readonly maxEntries?: number
  /** Bytes of all records together. @defaultValue 268,435,456 (256 MiB) */
  readonly maxBytes?: number
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly clock?: () => number
}

export interface MemoryRecords extends RecordStore, Confirming, Expiring, AcceptingOnce, Indexing, Listing {
  /** Records kept now, those included that have ended and were not met yet. */
  readonly size: number
  /** Bytes of their contents. */
  readonly bytes: number
}

const optionNames = members<keyof MemoryOptions>({ maxEntries: true, maxBytes: true, clock: true })

interface Entry extends Expires {
  readonly id: SessionId
  bytes: Uint8Array
  version: string
}

/** Ended records that one operation may put out: what is left is put out by the next ones. */
const sweepSteps = 16
/** Records that a list gives at a time. */
const listBatch = 500

/**
 * A record store in memory, bounded in entries and bytes.
 *
 * When it is full, no session is put out for a new one: `create`, and `update` where it needs more room, reject with
 * `ERR_STORE_UNAVAILABLE` until others have ended.
 *
 * @throws SessionError `ERR_INVALID_OPTION` for a bound that is not a positive number
 */
export function memoryRecords(options: MemoryOptions = {}): MemoryRecords {
  checkObject('The options of memoryRecords()', options, optionNames)
  const { memory } = sessionDefaults
  const { maxEntries = memory.maxEntries, maxBytes = memory.maxBytes, clock = Date.now } = options
  checkBound('maxEntries', maxEntries)
  checkBound('maxBytes', maxBytes)
  checkFunction('memoryRecords: "clock"', clock)
  const entries = new Map<SessionId, Entry>()
  const expiry = createExpiry<Entry>()
  const listeners = new Set<Parameters<Expiring['onExpire']>[0]>()
  const once = createOnce(maxEntries, clock)
  const { clear: clearNames, ...names } = createNames(clock)
  let bytesKept = 0
  let versions = 0

  function living(id: SessionId, now: number): Entry | undefined {
    const entry = entries.get(id)
    return entry !== undefined && now < entry.endsAt ? entry : undefined
  }
  function forget(entry: Entry): void {
    entries.delete(entry.id)
    bytesKept -= entry.bytes.length
  }
  function expire(entry: Entry): void {
    forget(entry)
    for (const listener of listeners) listener(entry.id, entry.bytes, entry.endsAt)
  }
  function sweep(now: number): void {
    for (let step = 0; step < sweepSteps; step += 1) {
      const entry = expiry.takeEnded(now, sweepSteps)
      if (entry === undefined) return
      expire(entry)
    }
  }
  /** An ended one that the sweep has not met. */
  function makeRoomFor(id: SessionId): void {
    const ended = entries.get(id)
    if (ended === undefined) return
    expiry.discard(ended)
    expire(ended)
  }
  function nextVersion(): string {
    versions += 1
    return String(versions)
  }

  return {
    async read(id) {
      const now = clock()
      sweep(now)
      const entry = living(id, now)
      return entry && { bytes: entry.bytes, version: entry.version, remaining: entry.endsAt - now }
    },
    async create(id, bytes, ttl) {
      const now = clock()
      sweep(now)
      if (living(id, now) !== undefined) return undefined
      makeRoomFor(id)
      if (entries.size >= maxEntries) throw full('maxEntries', maxEntries)
      if (bytesKept + bytes.length > maxBytes) throw full('maxBytes', maxBytes)
      const entry: Entry = { id, bytes: bytes.slice(), version: nextVersion(), endsAt: now + ttl, gone: false }
      entries.set(id, entry)
      expiry.add(entry)
      bytesKept += bytes.length
      return entry.version
    },
    async update(id, bytes, version, ttl) {
      const now = clock()
      sweep(now)
      const entry = living(id, now)
      if (entry === undefined || entry.version !== version) return undefined
      const growth = bytes.length - entry.bytes.length
      if (growth > 0 && bytesKept + growth > maxBytes) throw full('maxBytes', maxBytes)
      bytesKept += growth
      entry.bytes = bytes.slice()
      entry.version = nextVersion()
      entry.endsAt = now + ttl
      return entry.version
    },
    async touch(id, ttl) {
      const now = clock()
      sweep(now)
      const entry = living(id, now)
      if (entry === undefined) return false
      entry.endsAt = now + ttl
      return true
    },
    async delete(id) {
      const now = clock()
      const entry = living(id, now)
      if (entry === undefined) return false
      expiry.discard(entry)
      forget(entry)
      sweep(now)
      return true
    },
    confirm(id, version) {
      const entry = entries.get(id)
      return entry !== undefined && entry.version === version && clock() < entry.endsAt
    },
    onExpire(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    acceptOnce: once.acceptOnce,
    ...names,
    async *list() {
      const ids = [...entries.keys()]
      for (let from = 0; from < ids.length; from += listBatch) {
        const now = clock()
        const batch = ids.slice(from, from + listBatch).map((id) => living(id, now))
        yield batch.flatMap((entry) => (entry === undefined ? [] : [listed(entry, now)]))
      }
    },
    async close() {
      once.clear()
      clearNames()
      for (const entry of entries.values()) expiry.discard(entry)
      entries.clear()
      listeners.clear()
      bytesKept = 0
    },
    get size() {
      return entries.size
    },
    get bytes() {
      return bytesKept
    },
  }
}

function listed({ id, bytes, endsAt }: Entry, now: number): ListedRecord {
  return { id, beginning: bytes.slice(0, listedBytes), size: bytes.length, remaining: endsAt - now }
}

function checkBound(name: string, value: number): void {
  if (typeof value === 'number' && value > 0) return
  throw invalid(
    `memoryRecords: "${name}" is ${shown(value)}, which bounds nothing. Nothing was made. Give a number above 0.`,
  )
}

function full(bound: string, value: number): SessionError {
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `The memory store is full (${bound} ${value}). No living session was put out for a new one; ` +
      `raise ${bound}, shorten the timeouts, or use a store that keeps sessions on disk.`,
    { notExecuted: true },
  )
}
