/** Which server has which slots, in a cluster; and a key on each of them. */
import type { RedisNode } from '../connection/connection.ts'
import { slotOf } from '../connection/slot.ts'

export interface Slots {
  /** One text for one distribution, whichever server tells it. */
  readonly text: string
  /** For each server: whether a slot is its own. */
  readonly owners: readonly ((slot: number) => boolean)[]
}

interface Range {
  readonly first: number
  readonly last: number
  readonly owner: string
}

/** As this node sees it. @throws StoreFailure */
export async function readSlots(node: RedisNode): Promise<Slots> {
  const ranges = ((await node.call('CLUSTER', ['SLOTS'])) as readonly (readonly unknown[])[]).map(rangeOf)
  const text = ranges.map(({ first, last, owner }) => `${first}-${last}:${owner}`).join(' ')
  return { text, owners: [...Map.groupBy(ranges, ({ owner }) => owner).values()].map(covering) }
}

function rangeOf([first, last, primary]: readonly unknown[]): Range {
  // Address, port and id, of which the id alone is the same in every answer.
  const [, , id] = primary as readonly unknown[]
  return { first: Number(first), last: Number(last), owner: String(id) }
}

function covering(ranges: readonly Range[]): (slot: number) => boolean {
  return (slot) => ranges.some(({ first, last }) => first <= slot && slot <= last)
}

/** More names are not tried for a server that has hardly any slot. */
const mostNames = 100_000

/** A key on each server: the name itself where it is, and the name with the smallest number elsewhere. */
export function keyOnEach(name: string, { owners }: Slots): readonly string[] {
  return owners.flatMap((owns) => {
    if (owns(slotOf(name))) return name
    for (let number = 1; number < mostNames; number += 1) {
      if (owns(slotOf(`${name}:${number}`))) return `${name}:${number}`
    }
    return []
  })
}
