/** Options of a session manager, and their bounds. */
import type { CookieOptions, Sealing, SealingKey, SessionObserver } from './api.ts'
import type { CacheOptions } from './cache.ts'
import { sessionDefaults } from './defaults.ts'
import { checkFunction, checkObject, invalid, shown, shownKind } from './invalid-option.ts'
import { members } from './members.ts'
import type { Schedule } from './schedule.ts'
import type { SealedCookieStore, Timeouts } from './session-store.ts'
import { isClocked, type PrefixedStores, type RecordStore } from './store.ts'
import { isToken } from './token.ts'

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

/** @throws SessionError `ERR_INVALID_OPTION` */
export function checkOptions(options: SessionsOptions): CheckedOptions {
  checkObject('The options of createSessions()', options, optionNames)
  checkStore(options.store)
  const checked = withDefaults(options)
  checkPrefix(checked.prefix)
  checkLookup(checked.lookup, options.store)
  checkNumbers(checked)
  checkPorts(options)
  const ownedStore = isPrefixed(options.store) ? options.store.under(checked.prefix) : undefined
  const store = ownedStore ?? (options.store as RecordStore | SealedCookieStore)
  return { ...checked, store, ownedStore, clock: options.clock ?? clockOf(store) }
}

function clockOf(store: RecordStore | SealedCookieStore): () => number {
  return isSealedCookies(store) || !isClocked(store) ? Date.now : () => store.now()
}

function withDefaults(options: SessionsOptions): Omit<CheckedOptions, 'store' | 'ownedStore' | 'clock'> {
  if (options.prefix === undefined && isPrefixed(options.store)) {
    throw invalid(
      'createSessions: "prefix" is missing, so these sessions would be shared with others that use this store. ' +
        'Nothing was made. Give a name of your own.',
    )
  }
  const timeouts = options.timeouts ?? {}
  checkObject('createSessions: "timeouts"', timeouts, members<keyof Timeouts>({ idle: true, lifetime: true }))
  return {
    prefix: options.prefix ?? sessionDefaults.prefix,
    lookup: options.lookup ?? sessionDefaults.lookup,
    timeouts: {
      idle: timeouts.idle ?? sessionDefaults.timeouts.idle,
      lifetime: timeouts.lifetime ?? sessionDefaults.timeouts.lifetime,
    },
    rotateAfter: 'rotateAfter' in options ? options.rotateAfter : sessionDefaults.rotateAfter,
    sealing: options.sealing ?? sessionDefaults.sealing,
    serverKeys: options.serverKeys ?? sessionDefaults.serverKeys,
    maxBytes: options.maxBytes ?? sessionDefaults.maxBytes,
    serveCachedFor: options.serveCachedFor ?? sessionDefaults.serveCachedFor,
    cache: options.cache ?? sessionDefaults.cache,
    schedule: options.schedule,
    observer: options.observer ?? {},
  }
}

const optionNames = members<keyof SessionsOptions>({
  store: true,
  prefix: true,
  lookup: true,
  cookie: true,
  timeouts: true,
  rotateAfter: true,
  sealing: true,
  serverKeys: true,
  maxBytes: true,
  serveCachedFor: true,
  cache: true,
  clock: true,
  schedule: true,
  observer: true,
})

const operations = members<keyof RecordStore>({
  read: true,
  create: true,
  update: true,
  touch: true,
  delete: true,
  close: true,
})

/** Also a promise of a store, and a function that was not called. */
function checkStore(store: unknown): void {
  const given = (typeof store === 'object' && store !== null ? store : {}) as Record<string, unknown>
  if (given.kind === 'sealed-cookie' && typeof given.sessions === 'function') return
  if (typeof given.under === 'function') return
  const missing = operations.find((name) => typeof given[name] !== 'function')
  if (missing === undefined) return
  throw invalid(
    `createSessions: "store" is ${shownKind(store)} without a function "${missing}", so no session could be kept. ` +
      'Nothing was made. Give memoryRecords(), sqliteRecords({ file }), connectRedis({ deployment }), sealedCookies({ keys }), or an ' +
      `object with ${operations.join(', ')}.`,
  )
}

/** @throws SessionError `ERR_INVALID_OPTION` */
export function checkPrefix(prefix: string): void {
  if (typeof prefix === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/.test(prefix)) return
  throw invalid(
    `createSessions: "prefix" is ${shown(prefix)}, so the records could not be told from others. ` +
      'Nothing was made. Give 1 to 128 letters, digits, "_", ".", ":" or "-", beginning with a letter or digit.',
  )
}

function checkLookup(lookup: Lookup, store: SessionsOptions['store']): void {
  if (lookup.kind === 'cookie') return
  if (lookup.kind !== 'header') {
    throw invalid(
      `createSessions: "lookup" is ${shown(lookup)} of a kind that is neither "cookie" nor "header", so no ticket ` +
        "would be found. Nothing was made. Give { kind: 'cookie' } or { kind: 'header', name }.",
    )
  }
  if (isSealedCookies(store)) {
    throw invalid(
      'createSessions: "lookup" by header needs tickets, and sealed cookies have none, so no session would be ' +
        'found. Nothing was made. Use a record store, or look in the cookie.',
    )
  }
  if (typeof lookup.name !== 'string' || !isToken(lookup.name)) {
    throw invalid(
      `createSessions: "lookup" names ${shown(lookup.name)}, which no header can be called, so no ticket would ` +
        'be found. Nothing was made. Give the name of a header, such as "X-Session".',
    )
  }
}

/** Stores that share a connection: of which the manager takes the one of its prefix. */
function isPrefixed(store: SessionsOptions['store']): store is PrefixedStores {
  return 'under' in store && typeof store.under === 'function'
}

/** The other kinds of store keep records. */
export function isSealedCookies(store: SessionsOptions['store']): store is SealedCookieStore {
  return 'kind' in store && store.kind === 'sealed-cookie'
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
    checkObject('createSessions: "cache"', cache, members<keyof CacheOptions>({ maxEntries: true, maxAge: true }))
    checkPositive('cache.maxEntries', cache.maxEntries)
    checkPositive('cache.maxAge', cache.maxAge)
  }
  if (serveCachedFor === 0) return
  checkPositive('serveCachedFor', serveCachedFor)
  if (cache === false) {
    throw invalid(
      'createSessions: "serveCachedFor" needs the cache, which is off, so nothing would be served. Nothing was made. ' +
        'Leave one of them out.',
    )
  }
}

function checkPorts({ clock, schedule, observer = {} }: SessionsOptions): void {
  if (clock !== undefined) checkFunction('createSessions: "clock"', clock)
  if (schedule !== undefined) checkFunction('createSessions: "schedule"', schedule)
  if (typeof observer === 'object') return
  throw invalid(
    `createSessions: "observer" must be an object, and is ${shown(observer)}, so nobody would be told. ` +
      'Nothing was made. Give an object with functions such as "created", or leave it out.',
  )
}

function checkPositive(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return
  throw invalid(
    `createSessions: "${name}" is ${shown(value)}, which bounds nothing. Nothing was made. ` +
      'Give a finite number above 0.',
  )
}
