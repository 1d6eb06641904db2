/** Reads what a node of a cluster says about who owns what. */
import type { Node } from '../options.ts'
import type { Link } from './link.ts'
import { slotCount } from './slot.ts'
import { lookWithin } from './topology.ts'

/** Slots `from` to `to`, both included, of one primary. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  readonly primary: Node
  readonly replicas: readonly Node[]
}

export interface ClusterView {
  readonly ranges: readonly SlotRange[]
  /** The node answers for its part of the cluster: it is not cut off from the others. */
  readonly ok: boolean
}

/** @throws StoreFailure */
export async function viewOf(link: Link, asked: Node): Promise<ClusterView> {
  const info = link.send('CLUSTER', ['INFO'], lookWithin).then(
    (reply) => !String(reply).includes('cluster_state:fail'),
    () => true,
  )
  const ranges = rangesOf(await link.send('CLUSTER', ['SLOTS'], lookWithin), asked)
  return { ranges, ok: await info }
}

/**
 * The reply to CLUSTER SLOTS. A node without a host is the one that was asked; one without a known endpoint (`?`), and
 * every entry that cannot be read, is left out.
 *
 * @see https://redis.io/docs/latest/commands/cluster-slots/
 */
export function rangesOf(reply: unknown, asked: Node): readonly SlotRange[] {
  return Array.isArray(reply) ? reply.flatMap((entry) => rangeOf(entry, asked) ?? []) : []
}

function rangeOf(entry: unknown, asked: Node): SlotRange | undefined {
  if (!Array.isArray(entry)) return undefined
  const [from, to, first, ...others]: unknown[] = entry
  const primary = nodeOf(first, asked)
  if (primary === undefined || !isSlot(from) || !isSlot(to) || to < from) return undefined
  return { from, to, primary, replicas: others.flatMap((other) => nodeOf(other, asked) ?? []) }
}

function nodeOf(said: unknown, asked: Node): Node | undefined {
  if (!Array.isArray(said)) return undefined
  const [host, port]: unknown[] = said
  const name = host === null ? '' : typeof host === 'string' || Buffer.isBuffer(host) ? String(host) : undefined
  if (name === undefined || name === '?' || typeof port !== 'number' || !(port > 0 && port < 65_536)) return undefined
  return { host: name === '' ? asked.host : name, port }
}

function isSlot(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < slotCount
}
