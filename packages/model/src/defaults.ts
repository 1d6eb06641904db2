import type { CookieSpec, GatewayModel, SessionSpec } from './model.ts'

const seconds = 1000
const minutes = 60 * seconds
const hours = 60 * minutes
const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** Every default, once, with its reason. Durations are milliseconds, sizes are bytes. */
export const defaults = {
  /** One process needs no coordination, and the memory store works. */
  workers: 1,
  /** Loopback: health and metrics are for the machine until somebody opens them. */
  internal: { address: { host: '127.0.0.1', port: 9090 } },
  listener: {
    /** Nobody is believed until named. */
    trustedProxies: [],
    limits: {
      /** As Node and nginx (4 × 4 KB and 4 × 8 KB): room for three cookies of 4096 bytes and as much again for the rest. */
      headerBytes: 16 * kibibyte,
      /** Browsers send about 25; nginx and Apache stop at 100 as well. */
      headerCount: 100,
      /** What servers and proxies behind commonly take. RFC 9110, section 4.1 asks for at least 8000. */
      targetBytes: 8 * kibibyte,
    },
    timeouts: {
      /** Nobody honest needs longer for 16 KB. */
      headers: 10 * seconds,
      /** Longer than the 60 s of common load balancers, so that they close first. */
      keepAlive: 75 * seconds,
      /** Long enough for event streams and WebSockets with a heartbeat each minute. */
      idle: 5 * minutes,
    },
  },
  clientCertificates: { mode: 'request', forward: false },
  memory: {
    /** About 2 KB each: what a small machine can hold. */
    maxSessions: 100_000,
    maxBytes: 256 * mebibyte,
  },
  sealedCookie: {
    /** Three fit the default `headerBytes`; with four, servers answer 431. */
    maxParts: 3,
  },
  redis: {
    /** Those that IANA and the servers' own configuration know. */
    port: 6379,
    sentinelPort: 26_379,
    database: 0,
    timeouts: {
      /** As for upstreams: one lost SYN is sent again after 1 s, the next after 3 s. */
      connect: 5 * seconds,
      /** A store that takes longer is down for whoever waits; a failover fits in. */
      command: 2 * seconds,
    },
    cache: {
      /** At 6 KB each, 60 MB. */
      maxEntries: 10_000,
      /** What others delete behind our back is seen after a minute. */
      maxAge: 1 * minutes,
    },
    /** Where it is written. Fewer replicas than all may be the wrong ones. */
    durability: { replicas: 'all', timeout: 100, short: 'refuse' },
  },
  session: {
    /** No cookie for a visitor of whom there is nothing to know. */
    mode: 'on-demand',
    timeouts: { idle: 10 * minutes, lifetime: 12 * hours },
    /** A stolen ticket is good for half an hour, not half a day. */
    rotateAfter: 30 * minutes,
    /** The store alone opens nothing. */
    sealing: { kind: 'ticket' },
    /** An outage is shown, not papered over, unless asked for. */
    serveCachedFor: 0,
    /** A session is what one knows of a visitor, not a place for files. */
    maxBytes: 64 * kibibyte,
    /** The ticket is the gateway's business. */
    forward: false,
  },
  cookie: {
    path: '/',
    /** Links from elsewhere keep the visitor signed in; cross-site forms do not. */
    sameSite: 'Lax',
    secure: true,
    httpOnly: true,
    /** Gone with the browser. */
    expires: 'browser',
  },
  upstream: {
    weight: 1,
    timeouts: {
      /** One lost SYN is sent again after 1 s, the next after 3 s. */
      connect: 5 * seconds,
      /** As nginx `proxy_read_timeout`. */
      response: 60 * seconds,
      /** As `listener.timeouts.idle`: the same stream runs through both. */
      idle: 5 * minutes,
    },
    /** Three in a row is no accident; ten seconds is a restart. */
    failing: { after: 3, for: 10 * seconds },
    connections: {
      maxIdle: 128,
      /** Shorter than the 5 s after which a Node server closes: the shortest of the common ones. */
      idle: 4 * seconds,
    },
  },
  redirect: {
    /** Temporary: a browser forgets a mistake. */
    status: 302,
  },
  cors: {
    /** What a page may send without asking (Fetch standard, CORS-safelisted methods). */
    methods: ['GET', 'HEAD', 'POST'],
    headers: [],
    exposeHeaders: [],
    credentials: false,
    /** What browsers assume when nothing is said. */
    maxAge: 5 * seconds,
  },
  mirror: { percent: 100 },
  accessLog: { enabled: true, sessionField: 'session.id' },
  /** Kubernetes kills after 30 s; this leaves 5 s to spare. */
  shutdown: { grace: 25 * seconds },
} as const

/** A model with nothing in it, every default filled in. */
export const emptyModel: GatewayModel = {
  name: undefined,
  workers: defaults.workers,
  internal: defaults.internal,
  listeners: [],
  keys: [],
  stores: [],
  sessions: [],
  upstreams: [],
  routes: [],
  accessLog: defaults.accessLog,
  shutdown: defaults.shutdown,
}

/** Name of the session that a route takes when it names none, where it is defined. */
export const defaultSession = 'default'

/** Name of the store that a session takes when it names none; made when no store is called so. */
export const defaultStore = 'memory'

/**
 * Start of a session's keys: the installation's name; behind it two dots and the session's name unless it is `default`.
 * Two dots, since names of hosts have none: session `admin` of `shop` is not the only one of `shop.admin`.
 */
export function defaultPrefix(installation: string | undefined, session: string): string {
  const start = installation ?? 'coatcheck'
  return session === defaultSession ? start : `${start}..${session.replace(/[^A-Za-z0-9_.-]/gu, escaped)}`
}

/** What no prefix holds, so that names that differ stay different: `/` is `:2f:`. */
function escaped(character: string): string {
  return `:${character.codePointAt(0)!.toString(16)}:`
}

/**
 * Name of a session's cookie: `__Host-session` where the prefix can hold (RFC 6265bis, section 4.1.3.2), else `session`;
 * the session's name behind it unless it is `default`, so that two sessions on one host do not share a cookie.
 */
export function defaultCookieName(session: string, cookie: Pick<CookieSpec, 'secure' | 'path' | 'domain'>): string {
  const holds = cookie.secure && cookie.path === '/' && cookie.domain === undefined
  const name = session === defaultSession ? 'session' : `session-${session.replace(/[^A-Za-z0-9_.-]/g, '_')}`
  return holds ? `__Host-${name}` : name
}

/** A session of this name with every default filled in. */
export function defaultSessionSpec(name: string, installation: string | undefined): SessionSpec {
  const cookie = { domain: undefined, ...defaults.cookie }
  return {
    name,
    store: defaultStore,
    prefix: defaultPrefix(installation, name),
    lookup: { kind: 'cookie' },
    cookie: { name: defaultCookieName(name, cookie), ...cookie },
    ...defaults.session,
  }
}
