/** Which requests are taken, what is done with them, and where they go. */
import type { ValueReference } from './model.ts'

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
