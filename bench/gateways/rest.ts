/** What keeps the channel believed costs, whatever the load. */
import { setTimeout } from 'node:timers/promises'
import type { Redis } from '../running/redis.ts'
import { openGateways } from './visits.ts'

export const restHeading = 'gateways   commands   bytes to Redis   bytes from Redis'

/** One line of the table: per second and gateway. */
export async function restLine(redis: Redis, count: number, seconds: number): Promise<string> {
  const own = await rest(redis, seconds)
  await using _ = await openGateways(redis.port, count)
  const each = (await rest(redis, seconds)).map((number, index) => (number - own[index]!) / seconds / count)
  const columns = [
    String(count).padStart(8),
    each[0]!.toFixed(1).padStart(11),
    each[1]!.toFixed(0).padStart(17),
    each[2]!.toFixed(0).padStart(19),
  ]
  return columns.join('')
}

/** What the server counts meanwhile; that we ask for it is in it, each time alike. */
async function rest(redis: Redis, seconds: number): Promise<readonly number[]> {
  const look = () => [
    redis.calls(/^(?:hello|ping|evalsha|eval|cluster)$/),
    redis.info('total_net_input_bytes'),
    redis.info('total_net_output_bytes'),
  ]
  const before = look()
  await setTimeout(seconds * 1000)
  return look().map((number, index) => number - before[index]!)
}
