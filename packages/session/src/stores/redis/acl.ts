/** What the ACL user of a gateway has to be allowed. Each command also has its sample in probe/samples.ts. */
import { keysUnder } from './keys.ts'

/** Of the connection itself; authenticating and HELLO need no permission. */
const connecting = ['ping', 'select']
/** In a cluster, and in one that moves slots. */
export const inCluster = ['cluster|slots', 'cluster|info', 'asking']
/** Records: the scripts, and what stands in them. */
const records = [
  'eval',
  'evalsha',
  'get',
  'getrange',
  'strlen',
  'set',
  'pexpire',
  'pttl',
  'del',
  'hget',
  'hset',
  'time',
]
/** What gateways have in common: keys, and who runs. */
const common = ['hgetall', 'hlen', 'zadd', 'zrange', 'zrem', 'zremrangebyrank', 'zremrangebyscore']
/** The index of sessions. */
export const indexing = ['zcard', 'zpopmin']
/** Lists. */
export const listing = ['scan']
/** Writes that replicas confirm. Only with `durability`. */
export const confirming = ['wait', 'role']
/** The channel of changes. Without them everything works, and nothing is cached. */
export const changes = ['publish', 'subscribe']

/**
 * The smallest rule under which everything works, as words for `ACL SETUSER`.
 *
 * @throws SessionError `ERR_INVALID_OPTION` for a prefix that is none
 */
export function redisAcl(prefix: string): readonly string[] {
  const { changed } = keysUnder(prefix)
  const commands = [
    ...connecting,
    ...inCluster,
    ...records,
    ...common,
    ...indexing,
    ...listing,
    ...confirming,
    ...changes,
  ].map((command) => `+${command}`)
  return ['resetkeys', `~${prefix}:*`, 'resetchannels', `&${changed}`, '-@all', ...commands]
}
