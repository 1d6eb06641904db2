/**
 * The seam between sessions and what keeps them. A store knows a key, bytes, a version and a time; it knows neither
 * tickets nor seals nor cookies.
 */

/** Name of a record: the public id of its session. Safe to log. */
export type SessionId = string

export interface StoredRecord {
  /** The record as it was written. */
  readonly bytes: Uint8Array
  /** Changes with every `create` and `update`, not with `touch`. Opaque. */
  readonly version: string
  /** Milliseconds until the store drops it; > 0. */
  readonly remaining: number
}

/**
 * Keeps records by id.
 *
 * Rejects only when the store itself fails (`ERR_STORE_UNAVAILABLE`, with what it knows of a write that failed); what is absent, expired or damaged is
 * `undefined`. Times are milliseconds that remain, so that clocks of gateways do not matter.
 */
export interface RecordStore {
  /** Absent, expired, damaged: all `undefined`. */
  read(id: SessionId): Promise<StoredRecord | undefined>
  /**
   * The new version; `undefined` when the id is taken.
   *
   * @param within milliseconds that the caller waits. A store that takes note of it fails by then, and can say whether the write
   * was begun (`FailedWrite`)
   */
  create(id: SessionId, bytes: Uint8Array, ttl: number, within?: number): Promise<string | undefined>
  /** Compare and set: the new version; `undefined` when the record is gone or newer. Never resurrects. */
  update(id: SessionId, bytes: Uint8Array, version: string, ttl: number, within?: number): Promise<string | undefined>
  /** Moves the end. `false` when gone; never resurrects. */
  touch(id: SessionId, ttl: number): Promise<boolean>
  /** `false` when it was not there, which is fine. */
  delete(id: SessionId): Promise<boolean>
  /** Frees what the store holds open. Idempotent. */
  close(): Promise<void>
}

/**
 * An extra ability: the store can say at once, without waiting, whether a record that was read is still what it keeps.
 * Opened sessions are cached only over stores that have it.
 */
export interface Confirming {
  /** True only when the record is still there, not expired, and still has this version. False means: read again. */
  confirm(id: SessionId, version: string): boolean
}

/** An extra ability: the store tells of records that reached their end, soon after they did. */
export interface Expiring {
  /**
   * Calls `listener` once for each of them, with the record as it was and the time of its end in milliseconds since
   * 1970. Returns how to stop.
   */
  onExpire(listener: (id: SessionId, bytes: Uint8Array, endedAt: number) => void): () => void
}

/** An extra ability: the store tells what it hears of changes, so that what was made of a record can be let go. */
export interface Changing {
  /**
   * Calls `listener` with the id of a record and its version from now on, which is `undefined` when it ended; also for
   * writes of this process. Without an id: nothing that was read before may be served any more, not even in an outage,
   * since another server answers, or what it kept was lost. Returns how to stop.
   */
  onChange(listener: (id?: SessionId, version?: string) => void): () => void
}

/** An extra ability: the store keeps copies on other servers, any of which may take over without what it has not got yet. */
export interface Replicating {
  /**
   * Whether every server that has to have this version of a record has it, so that it is not lost with one of them. `false`
   * also when the record is gone, or newer. Counts as a use: the record ends in `ttl` milliseconds.
   *
   * Rejects with `ERR_STORE_UNAVAILABLE`: then it is not known.
   */
  replicated(id: SessionId, version: string, ttl: number): Promise<boolean>
}

/** An extra ability: the store says how long it takes at most. */
export interface Timed {
  /** Milliseconds after which an operation fails; also what one request waits for all that it asks of the store. */
  readonly timeout: number
}

/** An extra ability: the store has a clock, and all who share it go by it, whatever their own clocks say. */
export interface Clocked {
  /** Milliseconds since 1970; the clock of this machine as long as the store was not heard of. */
  now(): number
}

/** An extra ability: something may be accepted once, by whoever of those that share the store comes first. */
export interface AcceptingOnce {
  /**
   * `true` for the first who brings the token, `false` for everybody else until its time is over, and from then on for
   * everybody, since it is good no longer. What is kept of a token is a hash.
   *
   * Rejects with `ERR_STORE_UNAVAILABLE`, and `ERR_INVALID_OPTION` where `until` is no number: then it must not be accepted.
   *
   * @param until when the token is good no longer, in milliseconds since 1970, by the clock of the store
   */
  acceptOnce(token: string, until: number): Promise<boolean>
}

/** A session as an index names it. */
export interface IndexedSession {
  readonly id: SessionId
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

export interface IndexEntry extends IndexedSession {
  /** When it ends by the last that the index heard, in milliseconds since 1970 by the clock of the store. */
  readonly endsAt: number
}

/**
 * An extra ability: sessions are found by a name, as a hash of who signed in. Bounded, and pruned by the ends of its entries;
 * whoever finds an entry looks at the record before it believes it.
 *
 * A name is 1 to 128 letters, digits, `_`, `-` or `:`. All reject with `ERR_STORE_UNAVAILABLE`.
 */
export interface Indexing {
  /**
   * Enters a session under a name, to end in `ttl` milliseconds, or moves the end of its entry. Gives the sessions whose
   * entries had to make room, those that would have ended first: they are found no longer, and are to be ended.
   */
  enter(name: string, session: IndexedSession, ttl: number): Promise<readonly SessionId[]>
  leave(name: string, session: IndexedSession): Promise<void>
  /** The entries that have not ended, or not for 10 seconds, oldest session first. */
  entered(name: string): Promise<readonly IndexEntry[]>
  /** Notes, for 60 seconds, that all sessions under the name are ended from now on backwards. */
  markEnded(name: string): Promise<void>
  /**
   * When that was noted last, in milliseconds since 1970 by the clock of the store, and later than the time before;
   * `undefined`: not within 60 seconds.
   */
  endedAt(name: string): Promise<number | undefined>
}

/** What a list tells of a record. */
export interface ListedRecord {
  readonly id: SessionId
  /** The first 2048 bytes of the record, in which everything but its content lies. */
  readonly beginning: Uint8Array
  /** Bytes of the whole record. */
  readonly size: number
  /** Milliseconds until the store drops it; > 0. */
  readonly remaining: number
}

/** An extra ability: the store gives everything that it keeps, a little at a time and in no order. */
export interface Listing {
  /**
   * A record that is there from the beginning to the end is given, perhaps twice; one that comes or goes meanwhile may or may
   * not be. Rejects with `ERR_STORE_UNAVAILABLE`: then it does not go on.
   */
  list(): AsyncIterable<readonly ListedRecord[]>
}

/** Stores that share one connection. Whoever keeps records under a prefix asks for the store of that prefix. */
export interface PrefixedStores {
  /**
   * The store for one prefix; `close` of it lets go of what this prefix needed, and leaves the connection to the others.
   *
   * @throws SessionError `ERR_INVALID_OPTION` for a prefix that is none
   */
  under(prefix: string): RecordStore
}

export function isConfirming(store: RecordStore): store is RecordStore & Confirming {
  return 'confirm' in store && typeof store.confirm === 'function'
}

export function isExpiring(store: RecordStore): store is RecordStore & Expiring {
  return 'onExpire' in store && typeof store.onExpire === 'function'
}

export function isChanging(store: RecordStore): store is RecordStore & Changing {
  return 'onChange' in store && typeof store.onChange === 'function'
}

export function isReplicating(store: RecordStore): store is RecordStore & Replicating {
  return 'replicated' in store && typeof store.replicated === 'function'
}

export function isTimed(store: RecordStore): store is RecordStore & Timed {
  return 'timeout' in store && typeof store.timeout === 'number'
}

export function isClocked(store: RecordStore): store is RecordStore & Clocked {
  return 'now' in store && typeof store.now === 'function'
}

export function isAcceptingOnce(store: RecordStore): store is RecordStore & AcceptingOnce {
  return 'acceptOnce' in store && typeof store.acceptOnce === 'function'
}

export function isIndexing(store: RecordStore): store is RecordStore & Indexing {
  return 'enter' in store && typeof store.enter === 'function'
}

export function isListing(store: RecordStore): store is RecordStore & Listing {
  return 'list' in store && typeof store.list === 'function'
}

/** Bytes of a record that a list gives. */
export const listedBytes = 2048
