import type { Route } from './route.ts'
import type { StoreSpec } from './store-spec.ts'

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

export interface AccessLogSpec {
  readonly enabled: boolean
  /** Dotted name of the field that holds the session's id; nested objects in the line. */
  readonly sessionField: string
}

/** Milliseconds that requests in flight get after SIGTERM. */
export interface ShutdownSpec {
  readonly grace: number
}
