import { defaults } from './defaults.ts'
import { type Parsed, parsed, type Unparsed, unparsed } from './parsed.ts'
import { parseNode } from './store-node.ts'
import type { RedisStoreSpec, StoreNode } from './store-spec.ts'

/** What a URL says of a store. */
export interface RedisUrl {
  readonly tls: boolean
  readonly node: StoreNode
  readonly username: string | undefined
  /** As it is sent: percent-encoding is undone. */
  readonly password: string | undefined
  readonly database: number
}

/** Largest number of a database that is taken; servers have 16 unless told otherwise. */
export const largestDatabase = 65_535

/** What a URL looks like, as a regular expression in JSON Schema. */
export const redisUrlPattern = '^(?:rediss?|valkeys?)://'

const longest = 4096
const form = 'Write redis://HOST:PORT/DATABASE, with rediss:// for TLS; USER:PASSWORD@ may stand before the host.'
const encoding = 'In a user name or password, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25.'

/**
 * Reads `redis://`, `rediss://`, `valkey://` and `valkeys://` URLs: `SCHEME://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`.
 *
 * Nothing else is taken: options behind `?` are fields of the configuration. Problems never hold a part of the URL, since
 * any of them may be of a password.
 */
export function parseRedisUrl(text: string): Parsed<RedisUrl> {
  if (text.length > longest) return unparsed(`is longer than ${longest} characters`, form)
  const scheme = /^(?:redis|valkey)(s?):\/\//i.exec(text)
  if (scheme === null)
    return unparsed('begins with none of redis://, rediss://, valkey:// and valkeys://', remedyOfScheme(text))
  const rest = text.slice(scheme[0].length)
  if (/[\s\p{Cc}]/u.test(rest)) return unparsed('has white space or a control character', form)
  if (rest.includes('#')) return unparsed('has a "#"', `Remove what stands behind it. ${encoding}`)
  if (rest.includes('?'))
    return unparsed('has a "?"', `Write options as fields beside "url": auth, tls, timeouts. ${encoding}`)
  const slash = rest.indexOf('/')
  const authority = slash === -1 ? rest : rest.slice(0, slash)
  const path = slash === -1 ? '' : rest.slice(slash + 1)
  if (path.includes('@')) return unparsed('has a "/" in its user name or password', encoding)
  const at = authority.lastIndexOf('@')
  const credentials = parseCredentials(at === -1 ? undefined : authority.slice(0, at))
  if (!credentials.ok) return credentials
  const node = parseHost(authority.slice(at + 1))
  if (!node.ok) return node
  const database = /^[0-9]{1,5}$/.test(path) ? Number(path) : path === '' ? defaults.redis.database : Number.NaN
  if (!(database <= largestDatabase)) {
    return unparsed('has a path that is no number of a database', `Write a number from 0 to ${largestDatabase}, as /2.`)
  }
  return parsed({ tls: scheme[1] !== '', node: node.value, ...credentials.value, database })
}

function remedyOfScheme(text: string): string {
  if (/^[a-z+-]*sentinel/i.test(text)) return 'Write sentinels as sentinel: { masterName, nodes: [HOST:PORT] }.'
  return /^(?:unix|redis\+(?:unix|socket)|\/)/i.test(text) ? `Unix sockets are not supported. ${form}` : form
}

function parseHost(text: string): Parsed<StoreNode> {
  if (text === '') return unparsed('names no host', form)
  if (text.includes(',')) {
    const several = 'Write them as sentinel: { masterName, nodes }, cluster: [HOST:PORT] or replicated: [HOST:PORT].'
    return unparsed('names several hosts', several)
  }
  const node = parseNode(text, defaults.redis.port)
  return node.ok ? node : unparsed(node.problem, form)
}

type Credentials = Pick<RedisUrl, 'username' | 'password'>

/** RFC 3986, section 3.2.1: the first colon parts them. */
function parseCredentials(text: string | undefined): Parsed<Credentials> {
  if (text === undefined) return parsed({ username: undefined, password: undefined })
  if (/[@[\]]/.test(text))
    return unparsed('has a character in its user name or password that must be encoded', encoding)
  const colon = text.indexOf(':')
  if (colon === -1 || colon === text.length - 1) {
    return unparsed(
      'has "@" without a password before it',
      'Write :PASSWORD@, or auth: { username, password } beside "url".',
    )
  }
  const username = decoded(text.slice(0, colon))
  const password = decoded(text.slice(colon + 1))
  if (username === undefined || password === undefined)
    return unparsed('has a "%" in its user name or password that encodes nothing', encoding)
  return parsed({ username: username === '' ? undefined : username, password })
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Why a URL cannot stand beside the `auth` or `tls` of a store; `undefined` when it can. */
export function contradictionOf(
  { password, tls }: RedisUrl,
  beside: { readonly auth?: unknown; readonly tls?: unknown },
): Pick<Unparsed, 'problem' | 'remedy'> | undefined {
  if (password !== undefined && beside.auth !== undefined)
    return { problem: 'has a password in its URL and another in "auth"', remedy: 'Keep one of them.' }
  if (!tls && beside.tls !== undefined)
    return { problem: 'has a URL without TLS, and "tls"', remedy: 'Write rediss:// (or valkeys://), or remove "tls".' }
  return undefined
}

/** The store that a URL means, with what stands beside it in `spec`. */
export function storeOfUrl(spec: Omit<RedisStoreSpec, 'deployment'>, url: RedisUrl): RedisStoreSpec {
  const { node, username, password, database } = url
  const { kind, name, auth, tls, timeouts, cache, durability } = spec
  return {
    kind,
    name,
    deployment: { kind: 'standalone', node, database },
    auth: password === undefined ? auth : { username, password: { from: 'value', value: password } },
    tls: url.tls ? (tls ?? systemTls) : undefined,
    timeouts,
    cache,
    durability,
  }
}

/** TLS with the system's authorities and nothing of our own. */
export const systemTls: NonNullable<RedisStoreSpec['tls']> = {
  ca: [],
  serverName: undefined,
  certificate: undefined,
  key: undefined,
  insecureSkipVerify: false,
}
