/**
 * An index in Redis: one sorted set per name, scored by the ends of its entries, pruned on every write and read. It lies in
 * another slot than the records, and is never written in one step with them.
 */
import type { IndexEntry, IndexedSession, Indexing } from '../../store.ts'
import type { RedisConnection } from './connection/connection.ts'
import type { Fullness } from './fullness.ts'
import { keysUnder } from './keys.ts'
import { script } from './scripts.ts'

/** Milliseconds that an entry stays after its end: a touch of its record may be on its way. */
const stays = 10_000
/** Milliseconds that the end of all sessions under a name is kept in mind. */
const markedFor = 60_000
/** Entries under one name. */
const maxEntered = 10_000

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** → members that had to make room, each followed by its score. ARGV: member, milliseconds, most entries, milliseconds that one stays. */
export const enterScript = script(`${now}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[4])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - ARGV[3]
local out = {}
if over > 0 then out = redis.call('ZPOPMIN', KEYS[1], over) end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], math.max(last[2] - now, 0) + ARGV[4])
return out
`)

/** → member, score, … of what has not ended, or not for longer than an entry stays. ARGV: milliseconds that one stays. */
const enteredScript = script(`${now}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
`)

/** Later than the mark before, so that no two are alike. ARGV: milliseconds. */
const markScript = script(`${now}
now = math.max(now, (tonumber(redis.call('GET', KEYS[1]) or '') or 0) + 1)
return redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', ARGV[1])
`)

export function redisIndex(connection: RedisConnection, prefix: string, { watch }: Fullness): Indexing {
  const keys = keysUnder(prefix)
  const again = { idempotent: true }
  return {
    async enter(name, session, ttl) {
      const args = [memberOf(session), Math.max(Math.ceil(ttl), 1), maxEntered, stays]
      const out = (await watch(() => connection.run(enterScript, keys.index(name), args, again))) as readonly Buffer[]
      return entriesOf(out).map(({ id }) => id)
    },
    async leave(name, session) {
      const key = keys.index(name)
      await connection.call(key, 'ZREM', [key, memberOf(session)], again)
    },
    async entered(name) {
      const found = (await connection.run(enteredScript, keys.index(name), [stays], again)) as readonly Buffer[]
      return entriesOf(found).sort((a, b) => a.createdAt - b.createdAt)
    },
    async markEnded(name) {
      await connection.run(markScript, keys.ended(name), [markedFor], again)
    },
    async endedAt(name) {
      const key = keys.ended(name)
      const found = (await connection.call(key, 'GET', [key], again)) as Buffer | null
      return found === null ? undefined : Number(found)
    },
  }
}

/** The same for one session at all times. */
function memberOf({ id, createdAt }: IndexedSession): string {
  return `${id} ${Math.round(createdAt)}`
}

/** What is no entry of ours is left out. */
function entriesOf(reply: readonly Buffer[]): IndexEntry[] {
  const texts = reply.map(String)
  return texts.flatMap((member, i) => {
    const [, id, createdAt] = (i % 2 === 0 && /^([A-Za-z0-9_-]{1,128}) (\d{1,16})$/.exec(member)) || []
    return id === undefined ? [] : [{ id, createdAt: Number(createdAt), endsAt: Number(texts[i + 1]) }]
  })
}
