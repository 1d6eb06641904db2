/** Gateways on a test server, and time that is moved in both. */
import { type ConnectionPorts, realPorts } from '../connection/ports.ts'
import { connectRedis, type RedisStore, type RedisStores } from '../index.ts'
import type { ConnectionOptions, Deployment } from '../options.ts'
import { until } from './processes.ts'

export interface MovedTime {
  readonly ports: ConnectionPorts
  /** By how many milliseconds the monotonic clock is ahead. */
  ahead: number
}

export function movedTime(): MovedTime {
  const time: MovedTime = { ahead: 0, ports: { ...realPorts, now: () => performance.now() + time.ahead } }
  return time
}

/** For `EVAL`, without keys: brings the end of every record under the prefix nearer. ARGV: pattern, milliseconds. */
export const nearerScript = `
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
end
return 1`

export const at = (port: number): Deployment => ({ kind: 'standalone', node: { host: '127.0.0.1', port } })

/** One gateway's store: what is cached is believed when this resolves. */
export interface TestRecords extends RedisStore {
  readonly stores: RedisStores
  /** What `onChange` told so far: `id version`, `id -` for an end, `reset`. */
  readonly told: string[]
}

export async function openRecords(
  prefix: string,
  deployment: Deployment,
  options: Omit<ConnectionOptions, 'deployment'> & { readonly ports?: ConnectionPorts; readonly up?: boolean } = {},
): Promise<TestRecords> {
  const { ports, up = true, ...rest } = options
  const stores = connectRedis({ deployment, ...rest }, ports)
  const records = stores.under(prefix)
  const told: string[] = []
  records.onChange((id, version) => void told.push(id === undefined ? 'reset' : `${id} ${version ?? '-'}`))
  if (up) await until('what is cached is believed', () => stores.channel.up)
  told.length = 0
  return {
    ...records,
    get tells() {
      return records.tells
    },
    stores,
    told,
    async close() {
      await records.close()
      await stores.close()
    },
  }
}

/** Milliseconds from now to the last moment at which a version was believed. */
export async function believedFor(records: RedisStore, id: string, version: string): Promise<number> {
  const from = performance.now()
  let last = from
  await until('it is believed no longer', () => {
    const now = performance.now()
    if (!records.confirm(id, version)) return true
    last = now
    return false
  })
  return last - from
}
