/** What may be used once, among all who share the store: a key that is set if absent, and ends when the token does. */
import { createHash, randomBytes } from 'node:crypto'
import { checkUntil } from '../../invalid-option.ts'
import type { AcceptingOnce } from '../../store.ts'
import type { RedisConnection } from './connection/connection.ts'
import { keysUnder } from './keys.ts'
import { script } from './scripts.ts'

/** → 1 accepted, 0 not. ARGV: an id of this attempt, by which it knows its own when it is sent twice; milliseconds since 1970. */
const acceptScript = script(`
local time = redis.call('TIME')
if tonumber(ARGV[2]) <= time[1] * 1000 + time[2] / 1000 then return 0 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PXAT', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
`)

export function redisOnce(connection: RedisConnection, prefix: string): AcceptingOnce {
  const keys = keysUnder(prefix)
  return {
    async acceptOnce(token, until) {
      checkUntil(until)
      const hash = createHash('sha256').update(token).digest('base64url')
      const end = Math.min(Math.ceil(until), Number.MAX_SAFE_INTEGER)
      const args = [randomBytes(12).toString('base64url'), end]
      return (await connection.run(acceptScript, keys.once(hash), args, { idempotent: true })) === 1
    },
  }
}
