/** A primary with replicas and no sentinel. */
import type { Node } from '../options.ts'
import { StoreFailure } from './failure.ts'
import { roleOf } from './greet.ts'
import { type Kept, keep } from './keep.ts'
import type { Link } from './link.ts'
import { poll } from './poll.ts'
import { lookEvery, lookWithin, type Surroundings, searchEvery, type Topology } from './topology.ts'

/**
 * Follows the node that says it is primary.
 *
 * All are connected, and asked each second (four times a second while none is primary). Of several that say so, which
 * an interrupted promotion may leave behind, the one with the most replicas holds, else the one that held before.
 */
export function replicated(nodes: readonly Node[], around: Surroundings): Topology {
  const { open, ports } = around
  /** Replicas of each node that says it is primary. */
  const claims = new Map<Kept, number>()
  let primary: Kept | undefined
  const isUp = () => primary?.link !== undefined && claims.has(primary)

  const watch = (node: Node) => {
    let asked: number | undefined
    const changed = () => {
      if (kept.link?.epoch !== asked) looking.soon()
      around.changed()
    }
    const kept = keep(node, open, changed, around)
    const ask = () => {
      asked = kept.link?.epoch
      return look(kept)
    }
    const looking = poll(ask, () => (isUp() ? lookEvery : searchEvery), ports)
    return { kept, looking }
  }
  const look = async (kept: Kept) => {
    const replicas = kept.link === undefined ? undefined : await replicasOf(kept.link).catch(() => undefined)
    if (replicas === undefined) claims.delete(kept)
    else claims.set(kept, replicas)
    primary = mostReplicas(claims, primary) ?? primary
    around.changed()
  }
  const watched = nodes.map(watch)
  return {
    ownerOf: () => (primary !== undefined && claims.has(primary) ? primary : undefined),
    primaries: () => (primary === undefined ? [] : [primary]),
    failure() {
      if (isUp()) return undefined
      const failed = (primary ?? watched.find(({ kept }) => kept.link === undefined)?.kept)?.failure
      const message = `None of ${watched.length} nodes says that it is the primary. ${failed?.message ?? ''}`
      return new StoreFailure(failed?.reason ?? 'role', message.trimEnd(), { notExecuted: true })
    },
    doubt(kept) {
      claims.delete(kept)
      for (const { looking } of watched) looking.soon()
    },
    close() {
      for (const { kept, looking } of watched) {
        looking.stop()
        kept.close()
      }
    },
  }
}

/** How many replicas a primary has; `undefined` of a replica. Where ROLE is not allowed, the greeting says less. */
async function replicasOf(link: Link): Promise<number | undefined> {
  if (greetingOnly.has(link)) return (await roleOf(link, lookWithin)) === 'master' ? 0 : undefined
  try {
    const reply = await link.send('ROLE', [], lookWithin)
    if (!Array.isArray(reply) || String(reply[0]) !== 'master') return undefined
    return Array.isArray(reply[2]) ? reply[2].length : 0
  } catch (error) {
    if (!(error instanceof StoreFailure) || error.reason !== 'forbidden') throw error
    greetingOnly.add(link)
    return replicasOf(link)
  }
}

/** Connections that may not ask for the role: once is enough for the server's log of refusals. */
const greetingOnly = new WeakSet<Link>()

function mostReplicas(claims: ReadonlyMap<Kept, number>, followed: Kept | undefined): Kept | undefined {
  const most = Math.max(...claims.values())
  const named = [...claims].filter(([, replicas]) => replicas === most).map(([kept]) => kept)
  return named.find((kept) => kept === followed) ?? named[0]
}
