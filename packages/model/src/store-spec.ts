/** Where sessions are kept. */
import type { ValueSource } from './model.ts'

export type StoreSpec = MemoryStoreSpec | SqliteStoreSpec | SealedCookieStoreSpec | RedisStoreSpec

/** In the process: gone with it, and only with one worker. */
export interface MemoryStoreSpec {
  readonly kind: 'memory'
  readonly name: string
  readonly maxSessions: number
  readonly maxBytes: number
}

/** One file on this machine, shared by all workers; survives restarts. */
export interface SqliteStoreSpec {
  readonly kind: 'sqlite'
  readonly name: string
  /** A relative path starts at the state folder. `undefined`: `sessions-NAME.db` there. */
  readonly file: string | undefined
}

/** The sealed session is the cookie. Cannot revoke. */
export interface SealedCookieStoreSpec {
  readonly kind: 'sealed-cookie'
  readonly name: string
  /** Cookies that one session may be split over. 1–16. */
  readonly maxParts: number
}

/** A Redis or Valkey, shared by all gateways that reach it. */
export interface RedisStoreSpec {
  readonly kind: 'redis'
  readonly name: string
  readonly deployment: RedisDeployment
  /** `undefined`: none, or what is in the URL. */
  readonly auth: RedisAuth | undefined
  /** `undefined`: plain TCP, or what the URL says. */
  readonly tls: RedisTls | undefined
  readonly timeouts: RedisTimeouts
  /** Opened sessions that each process keeps; `undefined`: none. */
  readonly cache: CacheSpec | undefined
  /** Replicas that have to have a write; `undefined`: none. */
  readonly durability: DurabilitySpec | undefined
}

export type RedisDeployment =
  | { readonly kind: 'standalone'; readonly node: StoreNode; readonly database: number }
  | RedisSentinels
  | { readonly kind: 'cluster'; readonly nodes: readonly StoreNode[] }
  /** A primary with replicas and no sentinel: the primary is the node that says so. */
  | { readonly kind: 'replicated'; readonly nodes: readonly StoreNode[]; readonly database: number }
  /** `redis-url.ts` reads it. A URL that lies elsewhere may hold a password. */
  | { readonly kind: 'url'; readonly url: ValueSource }

export interface RedisSentinels {
  readonly kind: 'sentinel'
  readonly masterName: string
  /** Sentinels. 1–32. */
  readonly nodes: readonly StoreNode[]
  /** For the sentinels; `undefined`: those of the store. */
  readonly auth: RedisAuth | 'off' | undefined
  /** For the sentinels; `undefined`: that of the store. */
  readonly tls: RedisTls | 'off' | undefined
  readonly database: number
}

/** An address to connect to. */
export interface StoreNode {
  /** Host name in lower case, or IP address without brackets. */
  readonly host: string
  /** 1–65535. */
  readonly port: number
}

export interface RedisAuth {
  /** `undefined`: the server's user `default`. */
  readonly username: string | undefined
  readonly password: ValueSource
}

export interface RedisTls {
  /** Empty: the system's authorities. */
  readonly ca: readonly ValueSource[]
  /** `undefined`: the host of each node. */
  readonly serverName: string | undefined
  readonly certificate: ValueSource | undefined
  readonly key: ValueSource | undefined
  readonly insecureSkipVerify: boolean
}

/** All in milliseconds. */
export interface RedisTimeouts {
  /** For a whole connection: name, TCP, TLS, authentication. */
  readonly connect: number
  /** For each command, waiting for a connection included; then 503. */
  readonly command: number
}

export interface DurabilitySpec {
  /** `all`: every one that could be promoted. Else 1–100. */
  readonly replicas: 'all' | number
  /** Milliseconds that they have for it; less than a command has. */
  readonly timeout: number
  /** When they do not have it in time: `refuse` with 503, or only `count`. */
  readonly short: 'refuse' | 'count'
}

export interface CacheSpec {
  /** Sessions kept, per process and kind of session. */
  readonly maxEntries: number
  /** Milliseconds after which the store is asked again, whatever it told. */
  readonly maxAge: number
}
