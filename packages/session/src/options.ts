/** Options of a session manager: their defaults and their bounds, each once. */
import type { CookieOptions, Sealing, SealingKey, SessionObserver } from './api.ts'
import type { CacheOptions } from './cache.ts'
import { SessionError } from './errors.ts'
import type { SealedCookieStore, Timeouts } from './session-store.ts'
import { isClocked, type PrefixedStores, type RecordStore } from './store.ts'
import type { Schedule } from './touches.ts'

/** Where the ticket is looked for; in a header it comes back in a response header of the same name. */
export type Lookup = { readonly kind: 'cookie' } | { readonly kind: 'header'; readonly name: string }

export interface SessionsOptions {
  /**
   * A record store (`memoryRecords`, `sqliteRecords`, …), `connectRedis`, or `sealedCookies`, which cannot revoke. One that
   * the manager takes out of a connection (`PrefixedStores`) it also closes.
   */
  readonly store: RecordStore | PrefixedStores | SealedCookieStore
  /**
   * Names what these sessions belong to; a record or cookie of another prefix does not open.
   * `[A-Za-z0-9][A-Za-z0-9_.:-]*`, at most 128 characters.
   *
   * @defaultValue `session`; over a store that others may share, as Redis is, it must be given
   */
  readonly prefix?: string
  /** @defaultValue the cookie */
  readonly lookup?: Lookup
  readonly cookie?: CookieOptions
  /**
   * Milliseconds. A session ends when it was not used for `idle`, and in any case `lifetime` after it was created.
   *
   * @defaultValue 10 minutes and 12 hours
   */
  readonly timeouts?: Partial<Timeouts>
  /**
   * Age in milliseconds at which a ticket is replaced; `undefined`: only at a rise of privilege. Without meaning for
   * sealed cookies.
   *
   * @defaultValue 30 minutes
   */
  readonly rotateAfter?: number | undefined
  /** How records are sealed. Without meaning for sealed cookies. @defaultValue `{ kind: 'ticket' }` */
  readonly sealing?: Sealing
  /**
   * Keys of the installation: the first one writes, all are read. With them, whoever can write the store can forge
   * nothing, and metadata can be read without the ticket. Records made without a key are refused once there is one;
   * `migrate` from `ticket` to `ticket` lets them in.
   *
   * @defaultValue none
   */
  readonly serverKeys?: readonly SealingKey[]
  /** Largest sealed session in bytes. @defaultValue 65,536 */
  readonly maxBytes?: number
  /**
   * Milliseconds since it was last known to be true that a cached session is served while the store is unreachable.
   *
   * @defaultValue 0: none is
   */
  readonly serveCachedFor?: number
  /**
   * Opened sessions kept in this process, over stores that can say at once whether one is still true.
   *
   * @defaultValue 10,000 sessions, for 60 seconds each
   */
  readonly cache?: CacheOptions | false
  /** Milliseconds since 1970. @defaultValue the clock of the store where it has one, else Date.now */
  readonly clock?: () => number
  /** @defaultValue setTimeout, without keeping the process alive for it */
  readonly schedule?: Schedule
  readonly observer?: SessionObserver
}

export interface CheckedOptions {
  readonly store: RecordStore | SealedCookieStore
  /** The same, when the manager has to close it. */
  readonly ownedStore: RecordStore | undefined
  readonly prefix: string
  readonly lookup: Lookup
  readonly timeouts: Timeouts
  readonly rotateAfter: number | undefined
  readonly sealing: Sealing
  readonly serverKeys: readonly SealingKey[]
  readonly maxBytes: number
  readonly serveCachedFor: number
  readonly cache: CacheOptions | false
  readonly clock: () => number
  readonly schedule: Schedule | undefined
  readonly observer: SessionObserver
}

const minute = 60_000

/** @throws SessionError `ERR_INVALID_OPTION` */
export function checkOptions(options: SessionsOptions): CheckedOptions {
  const checked = withDefaults(options)
  checkPrefix(checked.prefix)
  checkLookup(checked.lookup, options.store)
  checkNumbers(checked)
  const ownedStore = 'under' in options.store ? options.store.under(checked.prefix) : undefined
  const store = ownedStore ?? (options.store as RecordStore | SealedCookieStore)
  return { ...checked, store, ownedStore, clock: options.clock ?? clockOf(store) }
}

function clockOf(store: RecordStore | SealedCookieStore): () => number {
  return 'kind' in store || !isClocked(store) ? Date.now : () => store.now()
}

function withDefaults(options: SessionsOptions): Omit<CheckedOptions, 'store' | 'ownedStore' | 'clock'> {
  if (options.prefix === undefined && 'under' in options.store) {
    throw invalid('prefix is missing: others may use this store too, and would share these sessions. Name yours.')
  }
  return {
    prefix: options.prefix ?? 'session',
    lookup: options.lookup ?? { kind: 'cookie' },
    timeouts: { idle: 10 * minute, lifetime: 720 * minute, ...options.timeouts },
    rotateAfter: 'rotateAfter' in options ? options.rotateAfter : 30 * minute,
    sealing: options.sealing ?? { kind: 'ticket' },
    serverKeys: options.serverKeys ?? [],
    maxBytes: options.maxBytes ?? 65_536,
    serveCachedFor: options.serveCachedFor ?? 0,
    cache: options.cache ?? { maxEntries: 10_000, maxAge: minute },
    schedule: options.schedule,
    observer: options.observer ?? {},
  }
}

/** @throws SessionError `ERR_INVALID_OPTION` */
export function checkPrefix(prefix: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/.test(prefix)) return
  throw invalid(
    `prefix ${JSON.stringify(prefix)} is not 1 to 128 letters, digits, "_", ".", ":" or "-", beginning with a letter or digit.`,
  )
}

function checkLookup(lookup: Lookup, store: SessionsOptions['store']): void {
  if (lookup.kind === 'cookie') return
  if ('kind' in store)
    throw invalid('lookup by header needs tickets, and sealed cookies have none. Use a record store.')
  // A token of RFC 9110, 5.6.2.
  if (!/^[\w!#$%&'*+.^`|~-]{1,128}$/.test(lookup.name)) {
    throw invalid(`lookup header ${JSON.stringify(lookup.name)} is not the name of a header.`)
  }
}

function checkNumbers({
  timeouts,
  rotateAfter,
  maxBytes,
  serveCachedFor,
  cache,
}: ReturnType<typeof withDefaults>): void {
  checkPositive('timeouts.idle', timeouts.idle)
  checkPositive('timeouts.lifetime', timeouts.lifetime)
  checkPositive('maxBytes', maxBytes)
  if (rotateAfter !== undefined) checkPositive('rotateAfter', rotateAfter)
  if (cache !== false) {
    checkPositive('cache.maxEntries', cache.maxEntries)
    checkPositive('cache.maxAge', cache.maxAge)
  }
  if (serveCachedFor === 0) return
  checkPositive('serveCachedFor', serveCachedFor)
  if (cache === false) throw invalid('serveCachedFor needs the cache, which is off; give it bounds, or leave one out.')
}

function checkPositive(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return
  throw invalid(`${name} is ${value}; give a finite number above 0.`)
}

function invalid(message: string): SessionError {
  return new SessionError('ERR_INVALID_OPTION', message)
}
