/**
 * Every record under a prefix: SCAN on each primary, a bounded step at a time, so that no server is held up. Slots that move
 * meanwhile may show a record twice or not.
 */
import { type ListedRecord, type Listing, listedBytes, type SessionId } from '../../store.ts'
import type { RedisConnection, RedisNode } from './connection/connection.ts'
import { StoreFailure } from './connection/failure.ts'
import { keysUnder } from './keys.ts'
import { script } from './scripts.ts'
import { readValue, versionLength } from './value.ts'

/** Keys that a server looks at in one step. */
const scanStep = 500

/** → beginning or nil, length, milliseconds left. ARGV: bytes of it. */
const beginningScript = script(`
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) ~= 'number' or size == 0 then return { false, 0, -2 } end
return { redis.call('GETRANGE', KEYS[1], 0, ARGV[1] - 1), size, redis.call('PTTL', KEYS[1]) }
`)

export function redisList(connection: RedisConnection, prefix: string): Listing {
  const keys = keysUnder(prefix)

  async function describe(id: SessionId): Promise<ListedRecord | undefined> {
    const args = [listedBytes + versionLength]
    const reply = await connection.run(beginningScript, keys.record(id), args, { idempotent: true })
    const [value, size, remaining] = reply as readonly [Buffer | null, number, number]
    const found = value === null || remaining <= 0 ? undefined : readValue(value)
    return found && { id, beginning: found.bytes, size: size - versionLength, remaining }
  }

  async function* listOn(node: RedisNode): AsyncIterable<readonly ListedRecord[]> {
    let cursor = '0'
    do {
      const args = [cursor, 'MATCH', `${prefix}:*`, 'COUNT', scanStep]
      const [next, found] = (await node.call('SCAN', args)) as readonly [Buffer, readonly Buffer[]]
      cursor = String(next)
      const ids = found.map((key) => String(key).slice(prefix.length + 1)).filter(isId)
      const records = await Promise.all(ids.map(describe))
      yield records.filter((record) => record !== undefined)
    } while (cursor !== '0')
  }

  return {
    async *list() {
      // Waits for the connection, if need be, and rejects when there is none.
      await connection.call(keys.shared, 'TIME', [], { idempotent: true })
      const nodes = connection.primaries()
      const gone = nodes.find(({ epoch }) => epoch === 0)
      if (nodes.length === 0 || gone !== undefined) throw incomplete(gone)
      for (const node of nodes) yield* listOn(node)
    },
  }
}

/** Not what is kept beside the records, nor what another prefix has that begins alike. */
function isId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(text)
}

function incomplete(gone: RedisNode | undefined): StoreFailure {
  const which =
    gone === undefined ? 'No primary of the store is known' : `The primary at ${gone.address} is not reached`
  return new StoreFailure('closed', `${which}, so that a list would lack what lies there. Try again when it answers.`)
}
