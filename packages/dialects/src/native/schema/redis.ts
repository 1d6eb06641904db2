import {
  contradictionOf,
  defaults,
  formatDuration,
  largestDatabase,
  type Parsed,
  parsed,
  parseNode,
  parseRedisUrl,
  redisUrlPattern,
  unparsed,
} from '@coatcheck/model'
import * as z from 'zod'
import { longestTimer } from './listeners.ts'
import { clientTls } from './upstreams.ts'
import { exactlyOneBeside, fields, off, parsedText, pem, refuse, secret, source, type Values } from './values.ts'

const { port, sentinelPort, database, timeouts, cache: usualCache, durability: usualDurability } = defaults.redis

/** `stores.NAME.redis`: how a Redis or Valkey is reached. */
export function redis(v: Values) {
  return exactlyOneBeside(deployment(v), {
    auth: auth(v).meta({ description: 'User and password. Left out: none.' }).optional(),
    tls: tls(v)
      .meta({ description: 'TLS, with the system’s authorities (`{}`) or what is given. Left out: plain TCP.' })
      .optional(),
    timeouts: redisTimeouts(v).meta({ description: 'How long to wait for the server.' }).optional(),
  }).superRefine(({ url, auth, tls }, context) => {
    const contradiction = url !== undefined && 'node' in url ? contradictionOf(url, { auth, tls }) : undefined
    if (contradiction !== undefined) refuse(context, contradiction)
  })
}

function deployment(v: Values) {
  const nodes = list(v, port, 1024).meta({
    description: 'Nodes to begin with. The port is 6379 where none is written.',
  })
  return {
    standalone: z
      .union([node(v), fields({ node: node(v).meta({ description: '`host:port`.' }), database: databaseNumber(v) })])
      .meta({ description: 'One server, or whatever stands behind one address.', samples: ['redis:6379'] })
      .optional(),
    sentinel: sentinel(v).meta({ description: 'A primary with replicas, found through sentinels.' }).optional(),
    cluster: z
      .union([list(v, port, 1024), fields({ nodes })])
      .meta({
        description: 'Slots over several primaries; the nodes are where to begin.',
        samples: [['redis-0:6379', 'redis-1:6379']],
      })
      .optional(),
    replicated: z
      .union([list(v, port, 1024), fields({ nodes, database: databaseNumber(v) })])
      .meta({
        description: 'A primary with replicas and no sentinel: the primary is the node that says so, and is followed.',
        samples: [['redis-0:6379', 'redis-1:6379']],
      })
      .optional(),
    url: url()
      .meta({
        description:
          '`redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, with `rediss://` for TLS; `valkey://` and `valkeys://` are the same. Better `{ env: NAME }` or `{ file: path }` where it holds a password. Options behind `?` are refused.',
        samples: [{ env: 'REDIS_URL' }],
      })
      .optional(),
  }
}

function sentinel(v: Values) {
  return fields({
    masterName: v
      .parsed({ title: 'text', expected: 'text', parse: parseMasterName })
      .meta({ description: 'Name by which the sentinels know the primary.' }),
    nodes: list(v, sentinelPort, 32).meta({
      description: 'The sentinels; one that answers is enough. The port is 26379 where none is written.',
      samples: [['sentinel-0:26379', 'sentinel-1:26379']],
    }),
    auth: z
      .union([v.value(off()), auth(v)])
      .meta({ description: 'User and password of the sentinels, or `off`. Left out: those of the store.' })
      .optional(),
    tls: z
      .union([v.value(off()), tls(v)])
      .meta({ description: 'TLS towards the sentinels, or `off`. Left out: that of the store.' })
      .optional(),
    database: databaseNumber(v),
  })
}

function parseMasterName(text: string): Parsed<string> {
  if (/^[!-~]{1,256}$/.test(text)) return parsed(text)
  return unparsed(
    'is no name that sentinels have',
    'Write 1 to 256 ASCII characters without spaces, as in "sentinel monitor NAME".',
  )
}

function databaseNumber(v: Values) {
  return v.integer(0, largestDatabase).meta({ description: 'Number of the database.', usual: database }).optional()
}

function list(v: Values, defaultPort: number, most: number) {
  return z.array(node(v, defaultPort)).min(1).max(most)
}

function node(v: Values, defaultPort: number = port) {
  return v.parsed({
    title: 'HOST:PORT',
    expected: `a host and a port, as redis-0:${defaultPort}`,
    parse: (text) => parseNode(text, defaultPort),
  })
}

/** The URL as it is read, or where it lies: what may hold a password is not looked up before it is used. */
function url() {
  const text = parsedText({
    title: 'URL',
    expected: 'a URL, as redis://127.0.0.1:6379',
    pattern: redisUrlPattern,
    parse: parseRedisUrl,
  })
  return z.union([text, source()])
}

function auth(v: Values) {
  return fields({
    username: v.text().meta({ description: 'ACL user. Left out: the server’s user `default`.' }).optional(),
    password: secret().meta({
      description:
        'Its password. A file is read again at each connection, so that it can be changed without a restart.',
      samples: [{ env: 'REDIS_PASSWORD' }],
    }),
  })
}

function tls(v: Values) {
  const ca = z.union([pem(), z.array(pem()).min(1)])
  return fields({
    ca: ca.meta({ description: 'Authorities in PEM to trust instead of the system’s; one, or a list.' }).optional(),
    ...clientTls(v, 'the host of each node'),
  })
}

function redisTimeouts(v: Values) {
  const timer = (description: string, milliseconds: number) =>
    v
      .duration(longestTimer)
      .meta({ description, usual: formatDuration(milliseconds) })
      .optional()
  return fields({
    connect: timer('Until a connection stands: name, TCP, TLS, password.', timeouts.connect),
    command: timer('For each command, waiting for a connection included; then the answer is 503.', timeouts.command),
  })
}

/** `stores.NAME.cache`: opened sessions that each process keeps. */
export function cache(v: Values) {
  const full = fields({
    maxEntries: v
      .integer(1, 10_000_000)
      .meta({ description: 'Sessions kept, by each process and for each of `sessions`.', usual: usualCache.maxEntries })
      .optional(),
    maxAge: v
      .duration(longestTimer)
      .meta({
        description: 'Time after which the store is asked again, whatever it told.',
        usual: formatDuration(usualCache.maxAge),
      })
      .optional(),
  })
  return z.union([v.value(off()), full]).meta({
    description:
      'Opened sessions kept in the process and believed only while the store tells of every change; or `off`: the store is asked for every request. For `redis` alone.',
  })
}

/** `stores.NAME.durability`: how many replicas have to have a write before it counts. */
export function durability(v: Values) {
  return fields({
    replicas: z
      .union([v.choice(['all']), v.integer(1, 100)])
      .meta({
        description:
          '`all`: every replica that could be promoted; or a number, which is safe only when it is all of them.',
        usual: usualDurability.replicas,
      })
      .optional(),
    timeout: v
      .duration(longestTimer)
      .meta({
        description: 'How long they may take; less than `timeouts.command`.',
        usual: formatDuration(usualDurability.timeout),
      })
      .optional(),
    short: v
      .choice(['refuse', 'count'])
      .meta({
        description:
          'When they do not have it in time: `refuse` answers 503, with a new session deleted again; `count` only counts it in the metrics.',
        usual: usualDurability.short,
      })
      .optional(),
  }).meta({
    description:
      'Replicas that have to have what starts, changes or ends a session before it is answered. Left out: none; a failover may lose seconds of sign-ins and sign-outs. For `redis` alone.',
  })
}
