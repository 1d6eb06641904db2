/** What it costs to tell gateways of a change: the server, and each that hears it. */
import type { RedisStores } from '@coatcheck/session/stores/redis'
import { testCluster, until } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { shared } from '../running/coatcheck.ts'
import type { Redis } from '../running/redis.ts'
import { publish } from './publisher.ts'
import { openGateways } from './visits.ts'

export const messagesHeading = 'gateways   Redis, CPU µs per change   gateway, CPU µs per message heard'

/** One line of the table. The gateways are in this process, which also publishes: once without any, to be subtracted. */
export async function messagesLine(redis: Redis, count: number, changes: number): Promise<string> {
  const alone = await costOf(redis, [], changes)
  await using gateways = await openGateways(redis.port, count)
  const cost = await costOf(redis, gateways.stores, changes)
  const columns = [
    String(count).padStart(8),
    cost.server.toFixed(2).padStart(27),
    ((cost.own - alone.own) / count).toFixed(2).padStart(36),
  ]
  return columns.join('')
}

/** Microseconds of CPU per change, of the server and of this process. */
async function costOf(redis: Redis, stores: readonly RedisStores[], changes: number) {
  const heard = stores.map(counting)
  const [server, own] = [redis.process.cpu(), process.cpuUsage()]
  await publish(redis.port, changes)
  await until('all was heard', () => heard.every((count) => count() === changes))
  const { user, system } = process.cpuUsage(own)
  return { server: ((redis.process.cpu() - server) * 1e6) / changes, own: (user + system) / changes }
}

/** Messages that a gateway hears from now on. */
function counting(stores: RedisStores): () => number {
  let heard = 0
  stores.under(shared.name).onChange((id) => {
    if (id !== undefined) heard += 1
  })
  return () => heard
}

/** How often one gateway hears of one change, in a cluster of three primaries. */
export async function heardInCluster(changes: number): Promise<number> {
  await using cluster = await testCluster()
  await using gateways = await openGateways(cluster.ports.slice(0, 3), 1)
  const heard = counting(gateways.stores[0]!)
  await publish(cluster.ports[0]!, changes)
  let before = -1
  // The bus has no last word: until a second brings nothing more.
  await until('nothing more is heard', async () => {
    const is = before === heard()
    before = heard()
    if (!is) await new Promise((resolve) => setTimeout(resolve, 1000))
    return is
  })
  return heard() / changes
}
