/** How gateways under one prefix meet: what each says of itself, in one sorted set by the time that it lasts. */
import { createHash } from 'node:crypto'
import type { RedisConnection } from './connection/connection.ts'
import { keysUnder } from './keys.ts'
import { script } from './scripts.ts'

/** Milliseconds that an entry lasts. */
export const knownFor = 60_000
/** Entries at most; the one that would go first goes. */
export const maxKnown = 256
/** Characters of an entry that is read. */
const maxEntry = 4096

/**
 * → { 1 said or 0, 1 somebody says the same or 0, …what others say }. ARGV: entry, condition, milliseconds that it lasts,
 * entries at most, longest entry. Condition: `say`, `look`, or the SHA-1 of what others say, sorted: said only if that is all.
 * In a server that is full nothing is written.
 */
const meetScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local alike, others = 0, {}
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], now, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[4])) do
  if entry == ARGV[1] then alike = 1
  elseif #entry <= tonumber(ARGV[5]) then others[#others + 1] = entry end
end
table.sort(others)
local said = 0
if ARGV[2] == 'say' or ARGV[2] == redis.sha1hex(table.concat(others, '\\n')) then
  said = 1
  redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  redis.pcall('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  redis.pcall('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[4])
  redis.pcall('PEXPIRE', KEYS[1], ARGV[3])
end
local reply = { said, alike }
for _, entry in ipairs(others) do reply[#reply + 1] = entry end
return reply
`)

export interface Meeting {
  readonly said: boolean
  /** Somebody says the same: others that are alike, or this one before. */
  readonly alike: boolean
  /** What those that are not alike say of themselves. */
  readonly others: readonly string[]
}

/**
 * Gives what is said there.
 *
 * @param how `look` writes nothing; `say` says `entry` too, and a list only if exactly that is what others say
 * @throws RedisFailure
 */
export async function meetOthers(
  connection: RedisConnection,
  prefix: string,
  entry: string,
  how: 'say' | 'look' | readonly string[],
): Promise<Meeting> {
  const args = [entry, typeof how === 'string' ? how : digest(how), knownFor, maxKnown, maxEntry]
  const reply = await connection.run(meetScript, keysUnder(prefix).known, args, { idempotent: true })
  const [said, alike, ...others] = reply as readonly [number, number, ...Buffer[]]
  return { said: said === 1, alike: alike === 1, others: others.map(String) }
}

function digest(others: readonly string[]): string {
  const sorted = others.map((entry) => Buffer.from(entry)).sort(Buffer.compare)
  return createHash('sha1').update(sorted.join('\n')).digest('hex')
}
