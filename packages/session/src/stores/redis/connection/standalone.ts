import type { Node } from '../options.ts'
import { keep } from './keep.ts'
import type { Surroundings, Topology } from './topology.ts'

/** One server, or whatever stands behind one address. */
export function standalone(node: Node, { open, changed, ports, pace }: Surroundings): Topology {
  const kept = keep(node, open, changed, { ports, pace })
  return {
    ownerOf: () => kept,
    primaries: () => [kept],
    failure: () => (kept.link === undefined ? kept.failure : undefined),
    doubt: (_, link, because) => kept.renew(link, because),
    close: () => kept.close(),
  }
}
