/** Which primary owns which slot, and a connection to each of them. */
import type { Node } from '../options.ts'
import type { SlotRange } from './cluster-slots.ts'
import type { Kept } from './keep.ts'
import { nameOf } from './open-link.ts'
import { slotCount } from './slot.ts'

export interface SlotTable {
  ownerOf(slot: number): Kept | undefined
  /** All that own a slot, or were sent to. */
  members(): readonly Kept[]
  /** Members that said of themselves that their part of the cluster serves nothing. */
  readonly down: Set<Kept>
  /** Slots that have an owner. */
  covered(): number
  /** There is a connection to every member. */
  isConnected(): boolean
  /** Takes over what a node said; those that own nothing any more leave. */
  learn(ranges: readonly SlotRange[]): void
  move(slot: number, to: Node): void
  /** The member at that address, which joins when it was none. */
  at(node: Node): Kept
}

export function slotTable(join: (node: Node) => Kept): SlotTable {
  const owners: (Kept | undefined)[] = Array.from({ length: slotCount })
  const known = new Map<string, Kept>()
  const down = new Set<Kept>()
  let members: readonly Kept[] = []
  let covered = 0
  const at = (node: Node): Kept => {
    const address = nameOf(node)
    const member = known.get(address) ?? join(node)
    known.set(address, member)
    if (!members.includes(member)) members = [...known.values()]
    return member
  }
  const leave = (member: Kept) => {
    known.delete(member.address)
    down.delete(member)
    member.retire()
  }
  return {
    ownerOf: (slot) => owners[slot],
    members: () => members,
    down,
    covered: () => covered,
    isConnected: () => members.every(({ link }) => link !== undefined),
    learn(ranges) {
      if (ranges.length === 0) return
      owners.fill(undefined)
      for (const { from, to, primary } of ranges) owners.fill(at(primary), from, to + 1)
      covered = owners.reduce((count, owner) => count + (owner === undefined ? 0 : 1), 0)
      const owning = new Set(owners)
      for (const member of members) if (!owning.has(member)) leave(member)
      members = [...known.values()]
    },
    move(slot, to) {
      owners[slot] = at(to)
    },
    at,
  }
}
