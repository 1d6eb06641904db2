/**
 * Every record under a prefix: SCAN on each primary, a bounded step at a time, so that no server is held up. Slots that move
 * meanwhile may show a record twice or not.
 */
import { type ListedRecord, type Listing, listedBytes, type SessionId } from '../../store.ts'
import type { RedisConnection, RedisNode } from './connection/connection.ts'
import { StoreFailure } from './connection/failure.ts'
import type { ConnectionPorts } from './connection/ports.ts'
import { waiting } from './connection/waiting.ts'
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

export interface ListOptions {
  readonly ports: ConnectionPorts
  /** Milliseconds that the connections to the primaries have to be there. */
  readonly timeout: number
}

export function redisList(connection: RedisConnection, prefix: string, { ports, timeout }: ListOptions): Listing {
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

  const connected = () => {
    const nodes = connection.primaries()
    return nodes.length > 0 && nodes.every(({ epoch }) => epoch !== 0) ? nodes : undefined
  }

  /** All primaries, once there is a connection to each of them. */
  async function primaries(): Promise<readonly RedisNode[]> {
    const arrivals = waiting(ports)
    const stop = connection.onPrimaries(arrivals.wake)
    try {
      return connected() ?? (await arrivals.until(connected, timeout, () => incomplete(connection)))
    } finally {
      stop()
    }
  }

  return {
    async *list() {
      for (const node of await primaries()) yield* listOn(node)
    },
  }
}

/** Not what is kept beside the records, nor what another prefix has that begins alike. */
function isId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(text)
}

function incomplete({ primaries, state }: RedisConnection): StoreFailure {
  const gone = primaries().find(({ epoch }) => epoch === 0)
  const which =
    gone === undefined ? 'No primary of the store is known' : `The primary at ${gone.address} is not reached`
  const [reason, why] = state.up ? (['closed', ''] as const) : ([state.reason, ` ${state.message}`] as const)
  const message = `${which}, so that a list would lack what lies there. Try again when it answers.${why}`
  return new StoreFailure(reason, message, { notExecuted: true })
}
