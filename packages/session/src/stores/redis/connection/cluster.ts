/** Slots over several primaries. */
import type { Node } from '../options.ts'
import { delayBeforeAttempt } from './backoff.ts'
import { type ClusterView, viewOf } from './cluster-slots.ts'
import { StoreFailure } from './failure.ts'
import { type Kept, keep } from './keep.ts'
import type { Link } from './link.ts'
import { nameOf } from './open-link.ts'
import { poll } from './poll.ts'
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
export function cluster(seeds: readonly Node[], { open, changed, ports }: Surroundings): Topology {
  const members = new Map<string, Kept>()
  const owners: (Kept | undefined)[] = Array.from({ length: slotCount })
  /** Nodes that may know more when no primary answers: replicas, and where we began. */
  let others = seeds
  let failed = new StoreFailure('timeout', 'Not yet connected to the cluster.', { notExecuted: true })
  let covered = 0
  let turn = 0
  let nextOther = 0
  let unseen = false
  /** Members that said of themselves that their part of the cluster serves nothing. */
  const down = new Set<Kept>()
  const closing = new AbortController()

  const connected = () => [...members.values()].filter(({ link }) => link !== undefined)
  const isWell = () => !unseen && down.size === 0 && covered === slotCount && connected().length === members.size
  const member = (node: Node): Kept => {
    const known = members.get(nameOf(node))
    if (known !== undefined) return known
    const joined = keep(node, open, stirred, ports)
    members.set(joined.address, joined)
    return joined
  }
  const stirred = () => {
    if (connected().length < members.size) looking.soon()
    changed()
  }

  const look = async () => {
    const view = (await askMembers()) ?? (await askOthers())
    unseen = view === undefined
    if (view !== undefined && !closing.signal.aborted) learn(view)
    changed()
  }
  /** Of those that answer, one that is not cut off; else any. */
  const askMembers = async (): Promise<ClusterView | undefined> => {
    const up = connected()
    const chosen = Array.from({ length: Math.min(askAtOnce, up.length) }, (_, i) => up[(turn + i) % up.length] as Kept)
    turn++
    const answers = await Promise.allSettled(chosen.map(({ link, node }) => viewOf(link as Link, node)))
    const views = answers.flatMap((answer, i) => {
      if (answer.status === 'rejected') return []
      if (answer.value.ok) down.delete(chosen[i] as Kept)
      else down.add(chosen[i] as Kept)
      return [answer.value]
    })
    return views.find(({ ok }) => ok) ?? views[0]
  }
  const askOthers = async (): Promise<ClusterView | undefined> => {
    const node = others[turn % Math.max(1, others.length)]
    if (node === undefined || ports.now() < nextOther) return undefined
    nextOther = ports.now() + delayBeforeAttempt(0, ports.random())
    try {
      const link = await open(node, closing.signal)
      return await viewOf(link, node).finally(() => link.close())
    } catch (error) {
      failed = error as StoreFailure
      return undefined
    }
  }
  const learn = ({ ranges }: ClusterView) => {
    if (ranges.length === 0) return
    owners.fill(undefined)
    for (const { from, to, primary } of ranges) owners.fill(member(primary), from, to + 1)
    covered = owners.reduce((count, owner) => count + (owner === undefined ? 0 : 1), 0)
    const owning = new Set(owners)
    for (const [address, kept] of members) {
      if (owning.has(kept)) continue
      members.delete(address)
      down.delete(kept)
      kept.retire()
    }
    others = distinct([...ranges.flatMap(({ primary, replicas }) => [primary, ...replicas]), ...seeds])
  }
  const looking = poll(look, () => (isWell() ? viewEvery : members.size === 0 ? lookEvery : searchEvery), ports)
  looking.soon()

  return {
    ownerOf: (key) => owners[slotOf(key)],
    primaries: () => [...members.values()],
    failure() {
      if (members.size === 0) return failed
      const lost = [...members.values()].find(({ link }) => link === undefined)
      if (lost !== undefined) return lost.failure
      if (isWell()) return undefined
      const message = `The cluster serves ${covered} of ${slotCount} slots; ${down.size} of its primaries say that it is down.`
      return new StoreFailure('busy', message, { notExecuted: true })
    },
    doubt() {
      looking.soon()
    },
    moved(slot, to) {
      owners[slot] = member(to)
      looking.soon()
    },
    at: member,
    close() {
      closing.abort(new StoreFailure('closed', 'The Redis store was closed.', { notExecuted: true }))
      looking.stop()
      for (const kept of members.values()) kept.close()
    },
  }
}

function distinct(nodes: readonly Node[]): readonly Node[] {
  return [...new Map(nodes.map((node) => [nameOf(node), node])).values()]
}
