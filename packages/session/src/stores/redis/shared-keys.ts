/** Keys that lie in the store, as fields of one hash: set if absent, never replaced. */
import type { SealingKey } from '../../api.ts'
import { SessionError } from '../../errors.ts'
import type { RedisConnection } from './connection/connection.ts'
import { keysUnder } from './keys.ts'
import { script } from './scripts.ts'

/** Keys that are read at most, and fields that the hash may have. */
const maxKeys = 64

/**
 * → field, value, … of the keys that are there. ARGV: most fields, field and value of a new key, then those that are known
 * here. The new one is made only when there is none at all. What a full server refuses is written another time.
 */
const shareScript = script(`
local function add(field, value)
  if redis.call('HGET', KEYS[1], field) then return true end
  local done = redis.pcall('HSET', KEYS[1], field, value)
  return type(done) == 'number' or done
end
for i = 4, #ARGV, 2 do add(ARGV[i], ARGV[i + 1]) end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[1]) then return redis.error_reply('ERR far too many fields') end
local function found()
  local keys, all = {}, redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 4) == 'key:' then keys[#keys + 1] = all[i]; keys[#keys + 1] = all[i + 1] end
  end
  return keys
end
local keys = found()
if #keys > 0 or ARGV[2] == '' then return keys end
local made = add(ARGV[2], ARGV[3])
if made ~= true then return made end
return found()
`)

/** The keys under the prefix, without making any: for who looks at a store and does not serve. @throws RedisFailure */
export async function readCommonKeys(connection: RedisConnection, prefix: string): Promise<readonly SealingKey[]> {
  const { shared } = keysUnder(prefix)
  return sortKeys([], parseKeys(await connection.run(shareScript, shared, [maxKeys, '', ''], { idempotent: true })))
}

/**
 * Writes the keys that are known here where they are missing, and gives all; where there are none at all, `candidate` is made.
 *
 * @throws RedisFailure; SessionError when what lies there is no key
 */
export async function shareKeys(
  connection: RedisConnection,
  prefix: string,
  known: readonly SealingKey[],
  candidate: SealingKey,
): Promise<readonly SealingKey[]> {
  const { shared } = keysUnder(prefix)
  const args = [maxKeys, ...[candidate, ...known].flatMap((key) => [fieldOf(key), textOf(key)])]
  const found = parseKeys(await connection.run(shareScript, shared, args, { idempotent: true }))
  if (found.length === 0) throw unusable(shared)
  return sortKeys(known, found)
}

/** Those that were known first, as they were; then the new ones by their ids, so that all who start together have one order. */
function sortKeys(known: readonly SealingKey[], found: readonly SealingKey[]): readonly SealingKey[] {
  const added = found.filter(({ id }) => !known.some((key) => key.id === id))
  return added.length === 0 ? known : [...known, ...added.sort((a, b) => (a.id < b.id ? -1 : 1))]
}

function fieldOf({ id }: SealingKey): string {
  return `key:${id}`
}

function textOf({ bytes }: SealingKey): string {
  return Buffer.from(bytes).toString('base64url')
}

/** What is no key of ours is left out. */
function parseKeys(reply: unknown): SealingKey[] {
  const fields = (reply as readonly Buffer[]).map(String)
  return fields.flatMap((field, index) => {
    if (index % 2 === 1) return []
    const id = field.slice('key:'.length)
    const bytes = Buffer.from(fields[index + 1] ?? '', 'base64url')
    return /^[A-Za-z0-9_-]{1,32}$/.test(id) && (bytes.length === 16 || bytes.length === 32) ? [{ id, bytes }] : []
  })
}

function unusable(name: string): SessionError {
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `What lies as keys in the hash "${name}" of the store are none. No session can be opened without them. Put them back ` +
      'from a backup, or delete the fields that begin with "key:": then new ones are made, and everybody signs in again.',
  )
}
