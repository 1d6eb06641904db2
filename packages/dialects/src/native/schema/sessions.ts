import { defaults, formatDuration, formatSize, instantPattern, parseInstant } from '@coatcheck/model'
import * as z from 'zod'
import { cache, durability, redis } from './redis.ts'
import { durationUpTo, exactlyOneBeside, fields, off, refuse, type Values } from './values.ts'

const { session, cookie } = defaults

/** `stores.NAME`: where records of sessions live. */
export function store(v: Values) {
  const kinds = {
    memory: memory(v).meta({ description: 'In the process: gone when it ends, and only with one worker.' }).optional(),
    sqlite: sqlite(v)
      .meta({ description: 'In a file of this machine, shared by all workers; survives restarts.' })
      .optional(),
    sealedCookie: sealedCookie(v)
      .meta({
        description:
          'In the browser: the sealed session is the cookie. Nothing to run, but sessions cannot be revoked.',
      })
      .optional(),
    redis: redis(v)
      .meta({ description: 'In Redis or Valkey, shared by all gateways that reach it. Needs `name`, or a `prefix`.' })
      .optional(),
  }
  const beside = { cache: cache(v).optional(), durability: durability(v).optional() }
  const full = exactlyOneBeside(kinds, beside).superRefine((written, context) => {
    if (written.redis !== undefined) return
    if (written.cache !== undefined) refuse(context, withoutRedis('cache', 'a store that lies elsewhere has one'))
    if (written.durability !== undefined) refuse(context, withoutRedis('durability', 'a Redis has replicas'))
  })
  return z.union([v.choice(['memory', 'sqlite', 'sealedCookie']), full])
}

function withoutRedis(field: string, because: string) {
  return { problem: `has "${field}" and is not redis`, remedy: `Remove ${field}: only ${because}.` }
}

function memory(v: Values) {
  const { maxSessions, maxBytes } = defaults.memory
  return fields({
    maxSessions: v
      .integer(1, 100_000_000)
      .meta({
        description: 'Sessions kept; beyond it, new ones are refused with 503 until others end.',
        usual: maxSessions,
      })
      .optional(),
    maxBytes: v
      .size(65_536, 2 ** 40)
      .meta({
        description: 'Bytes kept; beyond it, new ones are refused with 503 until others end.',
        usual: formatSize(maxBytes),
      })
      .optional(),
  })
}

function sqlite(v: Values) {
  return fields({
    file: v
      .text()
      .meta({
        description: 'Path of the database; a relative one starts at the state folder. Left out: `sessions-NAME.db`.',
      })
      .optional(),
  })
}

function sealedCookie(v: Values) {
  return fields({
    maxParts: v
      .integer(1, 16)
      .meta({
        description:
          'Cookies of 4096 bytes that one session may be split over. Raise `limits.headerBytes` of the listeners with it.',
        usual: defaults.sealedCookie.maxParts,
      })
      .optional(),
  })
}

/** `sessions.NAME`: how long a session lasts, where it is kept, what the browser gets. */
export function sessionSpec(v: Values) {
  const full = fields({
    mode: v
      .choice(['enforce', 'on-demand', 'off'])
      .meta({
        description:
          '`enforce`: a session for every request; `on-demand`: only on routes with `login` or `capture`; `off`: none.',
        usual: session.mode,
      })
      .optional(),
    store: v.name().meta({ description: 'Name of one of `stores`.', usual: 'memory' }).optional(),
    prefix: v
      .text()
      .meta({
        description:
          'Start of every key in the store. Two gateways with the same prefix, store and cookie share their sessions. Left out: the top-level `name` (else `coatcheck`), followed by two dots and the session’s name unless that is `default`.',
      })
      .optional(),
    lookup: lookup(v)
      .meta({
        description:
          'Where the ticket travels: `cookie`, or a request header (and a response header of the same name).',
        usual: 'cookie',
      })
      .optional(),
    cookie: cookieSpec(v).meta({ description: 'The cookie and its attributes.' }).optional(),
    timeouts: sessionTimeouts(v).meta({ description: 'When a session ends; the earlier one counts.' }).optional(),
    rotateAfter: v
      .value(z.union([durationUpTo(), z.literal('never')]))
      .meta({
        description:
          'Age at which the secret of a ticket is replaced. `never`: only at sign-in and every other rise of privilege.',
        usual: formatDuration(session.rotateAfter),
      })
      .optional(),
    sealing: sealing(v)
      .meta({
        description:
          'How records are encrypted: `ticket` (each under a key that only its ticket gives), `{ keys: [k2, k1] }` (under `keys`; the first writes, all read), `none`, or `{ migrate: { from, to, until } }`.',
        usual: 'ticket',
      })
      .optional(),
    onStoreFailure: onStoreFailure(v)
      .meta({
        description:
          'What happens while the store cannot be reached: `refuse` (503, the cookie untouched) or `{ serveCachedFor: 30s }`.',
        usual: 'refuse',
      })
      .optional(),
    maxBytes: v
      .size(1024, 16_777_216)
      .meta({ description: 'Largest sealed session.', usual: formatSize(session.maxBytes) })
      .optional(),
    forward: v
      .flag()
      .meta({ description: 'Pass the session’s cookie (or header) on to the upstream.', usual: session.forward })
      .optional(),
  })
  return z.union([full, z.null()])
}

function lookup(v: Values) {
  const header = v.text().meta({ description: 'Name of the header.' })
  return z.union([v.choice(['cookie']), fields({ header })])
}

function cookieSpec(v: Values) {
  return fields({
    name: v
      .text()
      .meta({
        description:
          'Left out: `__Host-session` (with `-NAME` behind it for sessions not called `default`); without `__Host-` where `secure: false`, `domain` or `path` forbid it.',
      })
      .optional(),
    domain: z
      .union([v.text(), z.null()])
      .meta({
        description: 'Domain whose hosts all get the cookie. `null`: the host that set it alone.',
        usual: null,
      })
      .optional(),
    path: v.text().meta({ description: 'Path under which the cookie is sent.', usual: cookie.path }).optional(),
    sameSite: v
      .choice(['Strict', 'Lax', 'None'])
      .meta({ description: 'Whether requests from other sites bring the cookie.', usual: cookie.sameSite })
      .optional(),
    secure: v.flag().meta({ description: 'Send it over TLS alone.', usual: cookie.secure }).optional(),
    httpOnly: v.flag().meta({ description: 'Hide it from scripts.', usual: cookie.httpOnly }).optional(),
    expires: v
      .choice(['browser', 'lifetime'])
      .meta({
        description: '`browser`: gone when the browser ends; `lifetime`: kept as long as the session (Max-Age).',
        usual: cookie.expires,
      })
      .optional(),
  })
}

function sessionTimeouts(v: Values) {
  const { idle, lifetime } = session.timeouts
  return fields({
    idle: v
      .duration()
      .meta({ description: 'How long a session may go unused.', usual: formatDuration(idle) })
      .optional(),
    lifetime: v
      .duration()
      .meta({ description: 'How long it lasts at most, used or not.', usual: formatDuration(lifetime) })
      .optional(),
  })
}

function sealing(v: Values) {
  const keys = z
    .array(v.name())
    .min(1)
    .meta({ description: 'Names out of the top-level `keys`: the first writes, all read.' })
  const simple = z.union([v.choice(['ticket', 'none']), fields({ keys })])
  const migrate = fields({
    from: simple.meta({ description: 'What records were sealed with so far; read when `to` does not open them.' }),
    to: simple.meta({ description: 'What is written from now on, and read first. Never `none`.' }),
    until: v
      .parsed({
        title: 'day or time',
        expected: 'a day, as 2027-01-31, or a time, as 2027-01-31T06:00:00Z',
        pattern: instantPattern,
        parse: parseInstant,
      })
      .meta({
        description:
          'When `from` is read no longer, as a day (UTC) or a time with its offset. Left out: never; the metrics say when it may be.',
        samples: ['2027-01-31'],
      })
      .optional(),
  }).meta({ description: 'Change the sealing without ending sessions.' })
  return z.union([simple, fields({ migrate })])
}

function onStoreFailure(v: Values) {
  const serveCachedFor = v
    .duration()
    .meta({ description: 'Sessions seen within this time go on being served from the cache.', samples: ['30s'] })
  return z.union([v.choice(['refuse']), fields({ serveCachedFor })])
}

/** `routes[].session`: a name, or `off`. */
export function routeSession(v: Values) {
  return z.union([off(), v.name()])
}
