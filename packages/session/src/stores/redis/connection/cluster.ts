/** Slots over several primaries. */
import type { Node } from '../options.ts'
import { delayBeforeAttempt } from './backoff.ts'
import { type ClusterView, viewOf } from './cluster-slots.ts'
import { type SlotTable, slotTable } from './cluster-table.ts'
import { StoreFailure } from './failure.ts'
import { type Kept, keep, type Open } from './keep.ts'
import type { Link } from './link.ts'
import { poll } from './poll.ts'
import type { ConnectionPorts } from './ports.ts'
import { slotCount, slotOf } from './slot.ts'
import { lookEvery, type Surroundings, searchEvery, type Topology } from './topology.ts'

/** Milliseconds between looks at an undisturbed cluster; MOVED and lost connections make one at once. */
const viewEvery = 5000
/** So many nodes are asked at a time. */
const askAtOnce = 3

/**
 * A router of our own over one connection to each primary.
 *
 * `ioredis.Cluster` was not taken: while it has no connection it keeps commands in a queue that knows no deadline, its
 * retries follow a count and not the time that is left, it resends without asking whether a command may be repeated,
 * and with pipelining it hands redirections to the caller. What remains to be done is a table of slots.
 */
export function cluster(seeds: readonly Node[], around: Surroundings): Topology {
  const { open, changed, ports } = around
  let unseen = false
  const closing = new AbortController()
  const stirred = () => {
    if (!table.isConnected()) looking.soon()
    changed()
  }
  const table = slotTable((node) => keep(node, open, stirred, around), ports.now)
  const outside = outsiders(seeds, open, closing.signal, ports)
  const askMembers = members(table)

  const look = async () => {
    const view = (await askMembers()) ?? (await outside.ask())
    unseen = view === undefined
    if (view !== undefined && !closing.signal.aborted) {
      table.learn(view.ranges)
      outside.learn(view)
    }
    changed()
  }
  const isWell = () => !unseen && table.down.size === 0 && table.covered() === slotCount && table.isConnected()
  const interval = () => (isWell() ? viewEvery : table.members().length === 0 ? lookEvery : searchEvery)
  const looking = poll(look, interval, ports)
  looking.soon()

  return {
    ownerOf: (key) => table.ownerOf(slotOf(key)),
    primaries: table.members,
    failure() {
      const lost = table.members().find(({ link }) => link === undefined)?.failure
      if (lost !== undefined) return lost
      if (table.members().length === 0) return outside.failure()
      return isWell() ? undefined : partly(table)
    },
    doubt: looking.soon,
    moved(slot, to) {
      table.move(slot, to)
      looking.soon()
    },
    at: table.at,
    close() {
      closing.abort(new StoreFailure('closed', 'The Redis store was closed.', { notExecuted: true }))
      looking.stop()
      table.close()
    },
  }
}

function partly({ covered, down }: SlotTable): StoreFailure {
  const message = `The cluster serves ${covered()} of ${slotCount} slots; ${down.size} of its primaries say that it is down.`
  return new StoreFailure('busy', message, { notExecuted: true })
}

/** Asks some primaries at a time, others at the next: the first that is not cut off is believed, else any. */
function members(table: SlotTable): () => Promise<ClusterView | undefined> {
  let turn = 0
  const ask = async (kept: Kept): Promise<ClusterView> => {
    const view = await viewOf(kept.link as Link, kept.node)
    if (view.ok) table.down.delete(kept)
    else table.down.add(kept)
    return view
  }
  return async () => {
    const up = table.members().filter(({ link }) => link !== undefined)
    const count = Math.min(askAtOnce, up.length)
    const views = Array.from({ length: count }, (_, i) => ask(up[(turn + i) % up.length] as Kept))
    turn++
    const good = views.map(async (view) => ((await view).ok ? view : Promise.reject(new Error('cut off'))))
    return await Promise.any(good).catch(() => Promise.any(views).catch(() => undefined))
  }
}

/** Nodes that may know more when no primary answers, asked one by one: where we began, and replicas. */
function outsiders(seeds: readonly Node[], open: Open, signal: AbortSignal, ports: ConnectionPorts) {
  let nodes = seeds
  let turn = 0
  let notBefore = 0
  let failed = new StoreFailure('timeout', 'Not yet connected to the cluster.', { notExecuted: true })
  return {
    async ask(): Promise<ClusterView | undefined> {
      const node = nodes[turn % nodes.length]
      if (node === undefined || ports.now() < notBefore) return undefined
      turn++
      notBefore = ports.now() + delayBeforeAttempt(0, ports.random())
      try {
        const link = await open(node, signal)
        return await viewOf(link, node).finally(() => link.close())
      } catch (error) {
        failed = error as StoreFailure
        return undefined
      }
    },
    learn({ ranges }: ClusterView) {
      const known = ranges.flatMap(({ primary, replicas }) => [primary, ...replicas])
      if (known.length > 0) nodes = [...seeds, ...known]
    },
    failure: () => failed,
  }
}
