const minute = 60_000

/** Every default of this package, once. Durations are milliseconds, sizes are bytes. */
export const sessionDefaults = {
  prefix: 'session',
  lookup: { kind: 'cookie' },
  timeouts: { idle: 10 * minute, lifetime: 12 * 60 * minute },
  rotateAfter: 30 * minute,
  sealing: { kind: 'ticket' },
  serverKeys: [],
  maxBytes: 64 * 1024,
  serveCachedFor: 0,
  /** For stores that do not say how long they take. */
  patience: 5000,
  cache: { maxEntries: 10_000, maxAge: minute },
  /** Its name follows from these, where it is not given: see `CookieOptions`. */
  cookie: { path: '/', sameSite: 'Lax', secure: true, httpOnly: true, expires: 'browser' },
  memory: { maxEntries: 100_000, maxBytes: 256 * 1024 * 1024 },
  sqlite: { busyTimeout: 1000, maxBytes: 4 * 1024 ** 3, sweepBatch: 32 },
  redis: { timeouts: { connect: 5000, command: 2000 } },
  sealedCookie: { maxParts: 3 },
} as const
