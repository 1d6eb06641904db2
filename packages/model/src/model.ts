/**
 * The model: what a gateway is told to do, whatever language it was written in.
 *
 * Plain, readonly and complete: every default is filled in (`defaults.ts`), every duration is milliseconds, every
 * size is bytes, "one of" is a union with `kind`. Two configurations that mean the same are deeply equal, and the
 * JSON of a model is the whole of it. Secrets are not in it: a model says where a secret lies (`ValueSource`).
 */

/** Everything one gateway does. Names are unique within each list. */
export interface GatewayModel {
  /** Name of the installation; the default prefix of its sessions is derived from it. */
  readonly name: string | undefined
  /** Processes that share the listeners. 1–64. */
  readonly workers: number
  /** Health and metrics, away from the traffic; `undefined` when switched off. */
  readonly internal: InternalListener | undefined
  readonly listeners: readonly Listener[]
  /** The server's keyring, first one first. Empty: one is made in the state folder. */
  readonly keys: readonly KeySpec[]
  readonly stores: readonly StoreSpec[]
  readonly sessions: readonly SessionSpec[]
  readonly upstreams: readonly UpstreamSpec[]
  readonly routes: readonly Route[]
  readonly accessLog: AccessLogSpec
  readonly shutdown: ShutdownSpec
}

/** Where a value comes from that is read when the gateway is compiled: certificates, keys, passwords. */
export type ValueSource = ValueReference | { readonly from: 'value'; readonly value: string }

/** Where a value lies that is not in the model. */
export type ValueReference =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'env'; readonly name: string }

/** An address to listen on. `host` is an IP address, or `undefined` for all of them. */
export interface SocketAddress {
  readonly host: string | undefined
  /** 1–65535; 0 asks the system for a free one (tests). */
  readonly port: number
}

export interface InternalListener {
  readonly address: SocketAddress
}

export interface Listener {
  readonly name: string
  readonly address: SocketAddress
  /** `undefined`: plain HTTP. */
  readonly tls: ListenerTls | undefined
  /** CIDR ranges of peers whose forwarded headers are believed. Empty: nobody. */
  readonly trustedProxies: readonly string[]
  /** Offer HTTP/2 over TLS by ALPN. Plain listeners speak HTTP/1.1 only. */
  readonly http2: boolean
  readonly limits: ListenerLimits
  readonly timeouts: ListenerTimeouts
}

export interface ListenerTls {
  /** At least one. Chosen by SNI from the names in each certificate; the first one serves unknown names. */
  readonly certificates: readonly CertificateSpec[]
  readonly clientCertificates: ClientCertificates | undefined
}

export interface CertificateSpec {
  readonly certificate: ValueSource
  readonly key: ValueSource
}

export interface ClientCertificates {
  /** `request`: asked for, a request without one goes on, one that is not valid gets 400; `require`: the handshake fails. */
  readonly mode: 'request' | 'require'
  readonly ca: ValueSource
  /** Pass the certificate to upstreams in the header `Client-Cert` (RFC 9440, section 2.2). */
  readonly forward: boolean
}

export interface ListenerLimits {
  /** Bytes of the request line and all headers together; above it 431. */
  readonly headerBytes: number
  /** Number of headers; above it 431. */
  readonly headerCount: number
  /** Bytes of the request target; above it 414. */
  readonly targetBytes: number
}

/** All in milliseconds. */
export interface ListenerTimeouts {
  /** From the connection, or the first byte of a later request, to the end of its headers; then 408. */
  readonly headers: number
  /** An idle kept-alive connection. */
  readonly keepAlive: number
  /** Longest silence while a request body or a response body moves. */
  readonly idle: number
}

/** A key of the keyring: 16 or 32 bytes, raw, hex or base64, under a name that records and cookies carry. */
export interface KeySpec {
  readonly id: string
  readonly value: ValueSource
}

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

export interface SessionSpec {
  readonly name: string
  /** `enforce`: a session for every request; `on-demand`: on routes with `login` or `capture`; `off`: none. */
  readonly mode: 'enforce' | 'on-demand' | 'off'
  /** Name of a store. */
  readonly store: string
  /** Start of every key in the store; authenticated by the seal. `[A-Za-z0-9][A-Za-z0-9_.:-]*`. */
  readonly prefix: string
  readonly lookup: { readonly kind: 'cookie' } | { readonly kind: 'header'; readonly name: string }
  readonly cookie: CookieSpec
  readonly timeouts: { readonly idle: number; readonly lifetime: number }
  /** Age at which a ticket is replaced; `undefined`: only at a rise of privilege. */
  readonly rotateAfter: number | undefined
  readonly sealing: Sealing
  /** How long what was cached goes on being served while the store is unreachable; 0: refuse with 503. */
  readonly serveCachedFor: number
  /** Largest sealed session in bytes. */
  readonly maxBytes: number
  /** Whether the session cookie (or header) goes on to the upstream. */
  readonly forward: boolean
}

export interface CookieSpec {
  readonly name: string
  readonly domain: string | undefined
  readonly path: string
  readonly sameSite: 'Strict' | 'Lax' | 'None'
  readonly secure: boolean
  readonly httpOnly: boolean
  /** `browser`: no Max-Age; `lifetime`: Max-Age is the time that is left. */
  readonly expires: 'browser' | 'lifetime'
}

export type Sealing =
  | { readonly kind: 'ticket' }
  | { readonly kind: 'none' }
  | { readonly kind: 'keys'; readonly keys: readonly string[] }
  | {
      readonly kind: 'migrate'
      readonly from: Sealing
      readonly to: Sealing
      /** When `from` is read no longer, in milliseconds since 1970. @defaultValue never */
      readonly until?: number | undefined
    }

export interface UpstreamSpec {
  readonly name: string
  /** At least one. */
  readonly targets: readonly UpstreamTarget[]
  readonly tls: UpstreamTls | undefined
  readonly timeouts: UpstreamTimeouts
  /** A target that fails `after` times in a row is set aside `for` so many milliseconds. */
  readonly failing: { readonly after: number; readonly for: number }
  readonly connections: {
    /** Idle connections kept per target. */
    readonly maxIdle: number
    /** Milliseconds an idle one is kept. */
    readonly idle: number
  }
}

export interface UpstreamTarget {
  /** `http://host:port` or `https://host:port`, no path. */
  readonly url: string
  /** Share of requests against the other targets. 0: none. */
  readonly weight: number
}

export interface UpstreamTls {
  readonly ca: ValueSource | undefined
  readonly serverName: string | undefined
  readonly certificate: ValueSource | undefined
  readonly key: ValueSource | undefined
  readonly insecureSkipVerify: boolean
}

/** All in milliseconds. */
export interface UpstreamTimeouts {
  readonly connect: number
  /** From the last byte of the request to the response's headers; then 504. */
  readonly response: number
  /** Longest silence while bodies move; upgraded connections too. */
  readonly idle: number
}

export interface Route {
  readonly name: string
  /**
   * Names of the listeners that it serves; on others it is as if it were not there. `undefined`: all of them. An empty list
   * is an error, so that nothing is served everywhere by the loss of its last listener.
   */
  readonly listeners: readonly string[] | undefined
  /** Any of them takes a request; at least one. */
  readonly matches: readonly RouteMatch[]
  /** At most one of a kind; their order is the chain's, not the list's. */
  readonly middleware: readonly MiddlewareSpec[]
  readonly action: RouteAction
}

/** All that is given must hold. */
export interface RouteMatch {
  /** `shop.example.com`, `*.example.com` (one label or more); `undefined`: any. Lower case, no port. */
  readonly host: string | undefined
  readonly path: PathMatch
  /** Empty: all. */
  readonly methods: readonly string[]
  readonly headers: readonly FieldMatch[]
  readonly query: readonly FieldMatch[]
}

export type PathMatch =
  | { readonly kind: 'exact'; readonly value: string }
  /** By segment: `/a` takes `/a`, `/a/` and `/a/b`, not `/ab`. */
  | { readonly kind: 'prefix'; readonly value: string }
  /** `/users/{id}/posts`: `{name}` stands for one whole segment that is not empty. */
  | { readonly kind: 'template'; readonly value: string }

export interface FieldMatch {
  readonly name: string
  /** Or where it lies, since it may be a shared key; less one line end behind it. `undefined`: present with any value. */
  readonly value: string | ValueReference | undefined
}

export type RouteAction = ProxyAction | RedirectAction | BrokenAction

/** Keeps its match and answers 500, so that no wider route takes its requests. */
export interface BrokenAction {
  readonly kind: 'broken'
  readonly reason: string
  /** What was written, for `check` to look at beside the reason; left out where that is not known. */
  readonly written?: {
    /** Its actions, as far as they were understood. */
    readonly actions: readonly (ProxyAction | RedirectAction)[]
    /** Fields of the route of which not all was understood. */
    readonly lost: readonly string[]
  }
}

export interface ProxyAction {
  readonly kind: 'proxy'
  readonly upstream: string
  /** `keep` the client's Host, use the `target`'s, or a fixed one. */
  readonly host:
    | { readonly kind: 'keep' }
    | { readonly kind: 'target' }
    | { readonly kind: 'fixed'; readonly value: string }
  /** Origins besides the own host that may open a WebSocket on a route with a session. */
  readonly webSocketOrigins: readonly string[]
}

export interface RedirectAction {
  readonly kind: 'redirect'
  readonly status: 301 | 302 | 303 | 307 | 308
  readonly scheme: 'http' | 'https' | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  /** Replaces the whole path, or the matched prefix. */
  readonly path: PathRewrite | undefined
}

export type PathRewrite =
  | { readonly kind: 'full'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }

export type MiddlewareSpec =
  | CorsSpec
  | RouteSessionSpec
  | LoginSpec
  | CaptureSpec
  | HeadersSpec
  | RewriteSpec
  | MirrorSpec

export type MiddlewareKind = MiddlewareSpec['kind']

export interface CorsSpec {
  readonly kind: 'cors'
  /** Exact origins, `https://*.example.com`, or `*`. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  /** Request headers that a preflight may ask for; `*` for all. */
  readonly headers: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly credentials: boolean
  /** Milliseconds; sent as whole seconds. */
  readonly maxAge: number
}

/** Which of `sessions` serves this route. */
export interface RouteSessionSpec {
  readonly kind: 'session'
  readonly session: string
}

/** Requires an identity that a `capture` route learned from the application; leads people to its login page. */
export interface LoginSpec {
  readonly kind: 'login'
  /** Path of the application's own login page, on the same host. */
  readonly at: string
}

/** Response headers of this route's upstream that become part of the session and go no further. */
export interface CaptureSpec {
  readonly kind: 'capture'
  /** The identity; empty signs out. */
  readonly subject: string | undefined
  /** Session attribute → response header; an empty one removes the attribute. */
  readonly attributes: readonly { readonly attribute: string; readonly header: string }[]
}

export interface HeadersSpec {
  readonly kind: 'headers'
  readonly request: HeaderChanges
  readonly response: HeaderChanges
}

/** Removed first, then set, then added. */
export interface HeaderChanges {
  readonly set: readonly HeaderValue[]
  readonly add: readonly HeaderValue[]
  readonly remove: readonly string[]
}

export interface HeaderValue {
  readonly name: string
  /** A template (`template.ts`), or where a value lies that is sent as it is there, less one line end behind it. */
  readonly value: string | ValueReference
}

export interface RewriteSpec {
  readonly kind: 'rewrite'
  readonly path: PathRewrite
}

export interface MirrorSpec {
  readonly kind: 'mirror'
  readonly upstream: string
  /** Share of requests that are mirrored, 0–100. */
  readonly percent: number
}

export interface AccessLogSpec {
  readonly enabled: boolean
  /** Dotted name of the field that holds the session's id; nested objects in the line. */
  readonly sessionField: string
}

/** Milliseconds that requests in flight get after SIGTERM. */
export interface ShutdownSpec {
  readonly grace: number
}
