/**
 * A mark of each prefix on each server: a flush takes it along, so that one that is another tells of it. Each server of a
 * cluster has one, since each may be flushed by itself; and one that is cut off from its cluster refuses to tell.
 */
import { randomBytes } from 'node:crypto'
import type { RedisConnection } from '../connection/connection.ts'
import type { ConnectionPorts } from '../connection/ports.ts'
import { markScript } from '../scripts.ts'
import type { StoreClock } from '../store-clock.ts'
import { keyOnEach, type Slots } from './slots.ts'

export interface Marks {
  /**
   * Reads them all, and makes those that are missing. True when one of them is another than it was.
   *
   * @param slots `undefined` where there is no cluster
   * @throws StoreFailure
   */
  check(slots: Slots | undefined): Promise<boolean>
}

/** @param name the key, on the server where it lies */
export function createMarks(
  connection: RedisConnection,
  name: string,
  clock: StoreClock,
  ports: Pick<ConnectionPorts, 'now'>,
): Marks {
  let known: ReadonlyMap<string, string> = new Map()

  async function read(key: string): Promise<readonly [string, string]> {
    const sentAt = ports.now()
    const candidate = randomBytes(12).toString('base64url')
    const reply = await connection.run(markScript, key, [candidate], { idempotent: true })
    const [mark, seconds, micros] = reply as readonly unknown[]
    clock.sample(seconds, micros, sentAt, ports.now())
    return [key, String(mark)]
  }

  return {
    async check(slots) {
      const names = slots === undefined ? [name] : keyOnEach(name, slots)
      const before = known
      known = new Map(await Promise.all(names.map(read)))
      return [...known].some(([key, mark]) => before.has(key) && before.get(key) !== mark)
    },
  }
}
