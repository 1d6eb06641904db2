/** A primary that sentinels watch. */
import type { Node } from '../options.ts'
import { StoreFailure } from './failure.ts'
import { type Kept, keep, type Open } from './keep.ts'
import { nameOf } from './open-link.ts'
import { poll } from './poll.ts'
import { lookEvery, lookWithin, type Surroundings, searchEvery, type Topology } from './topology.ts'

interface Answer {
  readonly primary: Node
  /** Counts failovers: of two sentinels that differ, the one that was cut off knows the smaller. */
  readonly epoch: number
}

/**
 * Follows the primary that the sentinels name.
 *
 * Every sentinel is asked each second (four times a second while the primary is away) over a connection that stays
 * open; that needs no subscription and no reconnection to notice a failover, also one that closes no connection. Of the
 * answers that are there, the one with the highest configuration epoch holds.
 */
export function sentinel(name: string, nodes: readonly Node[], openSentinel: Open, around: Surroundings): Topology {
  const { open, ports } = around
  const answers = new Map<Kept, Answer>()
  let primary: Kept | undefined
  let refusal: StoreFailure | undefined
  const isUp = () => primary?.link !== undefined

  const watch = (node: Node) => {
    const kept = keep(node, openSentinel, () => answers.has(kept) || looking.soon(), around)
    const looking = poll(
      () => ask(kept),
      () => (isUp() ? lookEvery : searchEvery),
      ports,
    )
    return { kept, looking }
  }
  const ask = async (kept: Kept) => {
    const answer = await primaryOf(kept, name).catch((error: StoreFailure) => {
      refusal = error
    })
    if (answer) answers.set(kept, answer)
    else answers.delete(kept)
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
    doubt(_, link) {
      askAll()
      // The sentinels may still name it, and an address may stand for another server by now.
      primary?.renew(link)
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
  return primary.host !== '' && primary.port > 0 && primary.port < 65_536 ? { primary, epoch } : undefined
}

/** The answer after the most failovers; the one that is followed already when there are several of those. */
function newest(answers: readonly Answer[], followed: Node | undefined): Node | undefined {
  const highest = Math.max(...answers.map(({ epoch }) => epoch))
  const named = answers.filter(({ epoch }) => epoch === highest).map(({ primary }) => primary)
  return named.find((node) => followed !== undefined && nameOf(node) === nameOf(followed)) ?? named[0]
}

function unknown(name: string, failed: StoreFailure | undefined): StoreFailure {
  const message = `No sentinel names a primary for "${name}". ${failed?.message ?? ''}`
  return new StoreFailure(failed?.reason ?? 'timeout', message, { notExecuted: true })
}
