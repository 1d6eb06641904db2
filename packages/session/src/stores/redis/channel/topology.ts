/** Which server has which slots, in a cluster. */
import type { RedisNode } from '../connection/connection.ts'

/** One text for one distribution, whichever server tells it. @throws StoreFailure */
export async function readTopology(node: RedisNode): Promise<string> {
  const ranges = (await node.call('CLUSTER', ['SLOTS'])) as readonly (readonly unknown[])[]
  return ranges.map(([first, last, primary]) => `${first}-${last}:${idOf(primary)}`).join(' ')
}

/** Address, port and id, of which the id alone is the same in every answer. */
function idOf(server: unknown): string {
  const [, , id] = server as readonly unknown[]
  return String(id)
}
