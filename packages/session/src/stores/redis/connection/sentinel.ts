/** A primary that sentinels watch. */
import type { Node } from '../options.ts'
import { StoreFailure } from './failure.ts'
import { type Kept, keep, type Open } from './keep.ts'
import { nameOf } from './open-link.ts'
import { poll } from './poll.ts'
import { lookEvery, lookWithin, type Surroundings, searchEvery, type Topology } from './topology.ts'

/** What one sentinel says. */
export interface Answer {
  readonly primary: Node
  /** Counts failovers: of two sentinels that differ, the one that was cut off knows the smaller. */
  readonly epoch: number
  /** The sentinel that leads a failover counts it as soon as a replica is promoted, and names the old primary to its end. */
  readonly failingOver: boolean
}

/** Milliseconds that an answer holds when the sentinel gives no other: one that is late leads nobody back. */
const answerHolds = 10_000

/**
 * Follows the primary that the sentinels name.
 *
 * Every sentinel is asked each second (four times a second while the primary is away or being replaced) over a connection that stays
 * open; that needs no subscription and no reconnection to notice a failover, also one that closes no connection. Of the
 * answers that are there, the one with the highest configuration epoch holds.
 */
export function sentinel(name: string, nodes: readonly Node[], openSentinel: Open, around: Surroundings): Topology {
  const { open, ports } = around
  const answers = new Map<Kept, Answer & { readonly at: number }>()
  let primary: Kept | undefined
  let refusal: StoreFailure | undefined
  const isUp = () => primary?.link !== undefined
  /** What is written meanwhile may be lost: the sooner the new primary is known, the less. */
  const isFailingOver = () => [...answers.values()].some(({ failingOver }) => failingOver)

  const watch = (node: Node) => {
    const kept = keep(node, openSentinel, () => answers.has(kept) || looking.soon(), around)
    const looking = poll(
      () => ask(kept),
      () => (isUp() && !isFailingOver() ? lookEvery : searchEvery),
      ports,
    )
    return { kept, looking }
  }
  const ask = async (kept: Kept) => {
    const answer = await primaryOf(kept, name).catch((error: StoreFailure) => {
      refusal = error
    })
    if (answer) answers.set(kept, { ...answer, at: ports.now() })
    else if ((answers.get(kept)?.at ?? 0) + answerHolds <= ports.now()) answers.delete(kept)
    follow()
    if (primary === undefined) around.changed()
  }
  const follow = () => {
    const named = newest([...answers.values()], primary?.node)
    if (named === undefined || (primary !== undefined && nameOf(named) === primary.address)) return
    primary?.retire()
    primary = keep(named, open, changed, around)
    around.changed()
  }
  const changed = () => {
    if (!isUp()) askAll()
    around.changed()
  }
  const watched = nodes.map(watch)
  const askAll = () => {
    for (const { looking } of watched) looking.soon()
  }
  return {
    ownerOf: () => primary,
    primaries: () => (primary === undefined ? [] : [primary]),
    failure() {
      if (primary === undefined) return unknown(name, refusal ?? watched[0]?.kept.failure)
      return isUp() ? undefined : primary.failure
    },
    doubt(_, link, because) {
      askAll()
      // The sentinels may still name it, and an address may stand for another server by now.
      primary?.renew(link, because)
    },
    close() {
      primary?.close()
      for (const { kept, looking } of watched) {
        looking.stop()
        kept.close()
      }
    },
  }
}

async function primaryOf({ link }: Kept, name: string): Promise<Answer | undefined> {
  if (link === undefined) return undefined
  const reply = await link.send('SENTINEL', ['MASTER', name], lookWithin)
  const said = new Map<string, string>()
  if (Array.isArray(reply))
    for (let i = 0; i + 1 < reply.length; i += 2) said.set(String(reply[i]), String(reply[i + 1]))
  const primary = { host: said.get('ip') ?? '', port: Number(said.get('port')) }
  const epoch = Number(said.get('config-epoch') ?? 0)
  const failingOver = said.get('flags')?.split(',').includes('failover_in_progress') ?? false
  const isNode = primary.host !== '' && primary.port > 0 && primary.port < 65_536
  return isNode ? { primary, epoch, failingOver } : undefined
}

/**
 * The answer after the most failovers; of those, one that comes from no failover under way; of those, the one that is
 * followed already.
 */
export function newest(answers: readonly Answer[], followed: Node | undefined): Node | undefined {
  const highest = Math.max(...answers.map(({ epoch }) => epoch))
  const last = answers.filter(({ epoch }) => epoch === highest)
  const settled = last.filter(({ failingOver }) => !failingOver)
  const named = (settled.length > 0 ? settled : last).map(({ primary }) => primary)
  return named.find((node) => followed !== undefined && nameOf(node) === nameOf(followed)) ?? named[0]
}

function unknown(name: string, failed: StoreFailure | undefined): StoreFailure {
  const message = `No sentinel names a primary for "${name}". ${failed?.message ?? ''}`
  return new StoreFailure(failed?.reason ?? 'timeout', message, { notExecuted: true })
}
