/**
 * How each command of the ACL rule is tried. Nothing of it is ever executed; and if something in between took MULTI for
 * granted, what writes would do so only where something is (XX), or fail (HSET with half a pair).
 */
import type { Command } from './line.ts'

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
  set: (key) => ['SET', key, '', 'XX', 'PX', '1'],
  pexpire: (key) => ['PEXPIRE', key, '1'],
  pttl: (key) => ['PTTL', key],
  del: (key) => ['DEL', key],
  hget: (key) => ['HGET', key, 'a'],
  hset: (key) => ['HSET', key, 'a', '', 'b'],
  time: () => ['TIME'],
  hgetall: (key) => ['HGETALL', key],
  hlen: (key) => ['HLEN', key],
  zadd: (key) => ['ZADD', key, 'XX', '0', 'a'],
  zrange: (key) => ['ZRANGE', key, '0', '0'],
  zrem: (key) => ['ZREM', key, 'a'],
  zremrangebyrank: (key) => ['ZREMRANGEBYRANK', key, '0', '0'],
  zremrangebyscore: (key) => ['ZREMRANGEBYSCORE', key, '0', '0'],
  zcard: (key) => ['ZCARD', key],
  zpopmin: (key) => ['ZPOPMIN', key],
  scan: () => ['SCAN', '0'],
  wait: () => ['WAIT', '0', '1'],
  role: () => ['ROLE'],
  publish: (_, channel) => ['PUBLISH', channel, ''],
  subscribe: (_, channel) => ['SUBSCRIBE', channel],
}
