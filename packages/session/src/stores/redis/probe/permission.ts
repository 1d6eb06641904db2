/**
 * What our user may do, found out without doing it: after MULTI the server says NOPERM to a command instead of QUEUED,
 * and DISCARD forgets the others, so that nothing is written or told. Where MULTI is not allowed, a script asks.
 */
import { changes, inCluster, redisAcl } from '../acl.ts'
import { keysUnder } from '../keys.ts'
import type { Command, Line } from './line.ts'
import { isError, type Reply } from './reply.ts'
import { type Finding, failed, ok, type ProbeReason, skipped, warned } from './report.ts'
import type { Target } from './target.ts'

/** Of no record: an id has no more than 128 characters. */
const nobody = 'connection-test'

type Sample = (key: string, channel: string) => Command

/** Each command of the ACL rule, as one that would do no harm. */
export const samples: Readonly<Record<string, Sample>> = {
  ping: () => ['PING'],
  select: () => ['SELECT', '0'],
  'cluster|slots': () => ['CLUSTER', 'SLOTS'],
  'cluster|info': () => ['CLUSTER', 'INFO'],
  asking: () => ['ASKING'],
  eval: (key) => ['EVAL', 'return 1', '1', key],
  evalsha: (key) => ['EVALSHA', '0'.repeat(40), '1', key],
  get: (key) => ['GET', key],
  getrange: (key) => ['GETRANGE', key, '0', '0'],
  strlen: (key) => ['STRLEN', key],
  set: (key) => ['SET', key, '', 'PX', '1'],
  pexpire: (key) => ['PEXPIRE', key, '1'],
  pttl: (key) => ['PTTL', key],
  del: (key) => ['DEL', key],
  hget: (key) => ['HGET', key, 'a'],
  hset: (key) => ['HSET', key, 'a', ''],
  time: () => ['TIME'],
  hgetall: (key) => ['HGETALL', key],
  hlen: (key) => ['HLEN', key],
  zadd: (key) => ['ZADD', key, '0', 'a'],
  zrange: (key) => ['ZRANGE', key, '0', '0'],
  zrem: (key) => ['ZREM', key, 'a'],
  zremrangebyrank: (key) => ['ZREMRANGEBYRANK', key, '0', '0'],
  zremrangebyscore: (key) => ['ZREMRANGEBYSCORE', key, '0', '0'],
  zscore: (key) => ['ZSCORE', key, 'a'],
  publish: (_, channel) => ['PUBLISH', channel, ''],
  subscribe: (_, channel) => ['SUBSCRIBE', channel],
}

/** Without these, every session is read from the store: nothing is cached. */
const dispensable = new Set(['ping', ...changes])

interface Permission {
  readonly name: string
  readonly command: Command
  /** What it is tried on. */
  readonly on: string
}

interface Refusal extends Permission {
  readonly reason: Extract<ProbeReason, 'command-forbidden' | 'key-forbidden' | 'channel-forbidden'>
}

/** The commands that this deployment needs, under each prefix. */
export function permissionsFor({ deployment, database }: Target, prefixes: readonly string[]): readonly Permission[] {
  const needed = (name: string) =>
    name === 'select' ? database !== 0 : !inCluster.includes(name) || deployment.kind === 'cluster'
  return prefixes.flatMap((prefix) => {
    const { changed, record } = keysUnder(prefix)
    const names = redisAcl(prefix).flatMap((word) => (word.startsWith('+') ? [word.slice(1)] : []))
    return names.filter(needed).flatMap((name) => {
      const command = samples[name]?.(record(nobody), changed)
      return command === undefined ? [] : [{ name, command, on: changes.includes(name) ? changed : `${prefix}:*` }]
    })
  })
}

/** Asks for all of them. `multi`: the reply to MULTI. @throws LineBroken */
export async function permissionFindings(
  line: Line,
  multi: Reply,
  permissions: readonly Permission[],
): Promise<readonly Finding[]> {
  const refusals = isError(multi) ? await askByScript(line, permissions) : await askInTransaction(line, permissions)
  if (refusals !== undefined) return findingsOf(refusals)
  return [
    skipped('permission', 'not-told', 'Its user may not call MULTI and DISCARD, which would show what else it may.'),
  ]
}

async function askInTransaction(line: Line, permissions: readonly Permission[]): Promise<readonly Refusal[]> {
  const replies = await line.ask(...permissions.map(({ command }) => command), ['DISCARD'])
  return permissions.flatMap((permission, i) => {
    const reply = replies[i]
    if (!isError(reply) || !reply.error.startsWith('NOPERM')) return []
    return [{ ...permission, reason: refusedFor(reply.error) }]
  })
}

function refusedFor(text: string): Refusal['reason'] {
  if (/\bchannels?\b/.test(text)) return 'channel-forbidden'
  return /\bkeys?\b/.test(text) ? 'key-forbidden' : 'command-forbidden'
}

/** Redis ≥ 7 and Valkey tell a script what its user may do. ARGV: the commands as JSON. → 0: not allowed */
const askingScript = `
if not redis.acl_check_cmd then return false end
local allowed = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  local known, may = pcall(redis.acl_check_cmd, unpack(command))
  allowed[i] = (known and not may) and 0 or 1
end
return allowed`

/** `undefined`: the server cannot tell. */
async function askByScript(line: Line, permissions: readonly Permission[]): Promise<readonly Refusal[] | undefined> {
  const commands = JSON.stringify(permissions.map(({ command }) => command))
  const [reply = null] = await line.ask(['EVAL', askingScript, '0', commands])
  if (isError(reply) && reply.error.startsWith('NOPERM')) {
    return permissions.filter(({ name }) => name === 'eval').map((one) => ({ ...one, reason: 'command-forbidden' }))
  }
  if (!Array.isArray(reply)) return undefined
  return permissions.filter((_, i) => reply[i] === 0).map((one) => ({ ...one, reason: 'command-forbidden' }))
}

function findingsOf(refusals: readonly Refusal[]): readonly Finding[] {
  if (refusals.length === 0) return [ok('permission', 'all that sessions need')]
  const needed = refusals.filter(({ name }) => !dispensable.has(name))
  const others = refusals.filter(({ name }) => dispensable.has(name))
  return [
    ...needed.slice(0, 1).map(({ reason }) => failed('permission', reason, `${worded(needed)}.`)),
    ...others
      .slice(0, 1)
      .map(({ reason }) => warned('permission', reason, `${worded(others)}, so that nothing is cached.`)),
  ]
}

function worded(refusals: readonly Refusal[]): string {
  const names = (reason: Refusal['reason']) => [
    ...new Set(refusals.filter((one) => one.reason === reason).map(({ name }) => name)),
  ]
  const on = [...new Set(refusals.map((one) => one.on))].map((one) => `"${one}"`).join(', ')
  const commands = names('command-forbidden')
  const parts = [
    ...(commands.length > 0 ? [`may not call ${commands.join(', ')}`] : []),
    ...(names('key-forbidden').length > 0 ? ['may not touch the keys'] : []),
    ...(names('channel-forbidden').length > 0 ? ['may not use the channel'] : []),
  ]
  return `Its user ${parts.join(', and ')} (tried on ${on})`
}
