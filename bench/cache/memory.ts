/**
 * Prints the bytes that a cached session takes in the memory of its process. A program of its own, which keeps nothing
 * else: `node --expose-gc memory.ts REDIS-PORT SESSIONS BYTES`.
 */
import { until } from '../../packages/session/src/stores/redis/testing/processes.ts'
import { filling, openSessions } from '../scale/sessions.ts'

const [port = 0, count = 0, bytes = 0] = process.argv.slice(2).map(Number)
await using filled = filling(port, bytes)
await filled.fill(count, true)

let hits = 0
const observer = {
  cacheLookup(result: 'hit' | 'miss') {
    if (result === 'hit') hits += 1
  },
}
await using opened = openSessions(port, { cache: { maxEntries: count, maxAge: 600_000 }, observer })
await until('what is cached is believed', () => opened.store.channel.up)
const before = used()
await openEach()
const after = used()
await openEach()
// Else something else than cached sessions was measured.
if (hits !== count) throw new Error(`${hits} of ${count} sessions were cached`)
console.log(((after - before) / count).toFixed(0))

async function openEach(): Promise<void> {
  for (const cookie of filled.cookies) await (await opened.sessions.open({ cookie })).commit()
}

function used(): number {
  for (let times = 0; times < 3; times += 1) globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
