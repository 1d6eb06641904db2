/** Which primary owns which slot, and a connection to each of them. */
import type { Node } from '../options.ts'
import type { SlotRange } from './cluster-slots.ts'
import type { Kept } from './keep.ts'
import { nameOf } from './open-link.ts'
import { slotCount } from './slot.ts'

export interface SlotTable {
  ownerOf(slot: number): Kept | undefined
  /** All that own a slot. */
  members(): readonly Kept[]
  /** Members that said of themselves that their part of the cluster serves nothing. */
  readonly down: Set<Kept>
  /** Slots that have an owner. */
  covered(): number
  /** There is a connection to every member. */
  isConnected(): boolean
  /** Takes over what a node said. */
  learn(ranges: readonly SlotRange[]): void
  move(slot: number, to: Node): void
  /** The node at that address, be it a member or not. */
  at(node: Node): Kept
  close(): void
}

/**
 * Milliseconds that a connection to a node without slots is kept: nodes learn of a failover one after the other, and
 * one that has not may be asked last.
 */
const lingers = 5000

export function slotTable(join: (node: Node) => Kept, now: () => number): SlotTable {
  const owners: (Kept | undefined)[] = Array.from({ length: slotCount })
  const known = new Map<string, { readonly kept: Kept; wanted: number }>()
  const down = new Set<Kept>()
  let members: readonly Kept[] = []
  let covered = 0
  const at = (node: Node): Kept => {
    const address = nameOf(node)
    const entry = known.get(address) ?? { kept: join(node), wanted: 0 }
    entry.wanted = now()
    known.set(address, entry)
    return entry.kept
  }
  const count = () => {
    members = [...new Set(owners)].filter((owner) => owner !== undefined)
    covered = owners.reduce((sum, owner) => sum + (owner === undefined ? 0 : 1), 0)
    for (const kept of down) if (!members.includes(kept)) down.delete(kept)
  }
  const forget = () => {
    for (const [address, { kept, wanted }] of known) {
      if (members.includes(kept) || now() - wanted < lingers) continue
      known.delete(address)
      kept.retire()
    }
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
      count()
      forget()
    },
    move(slot, to) {
      const owner = at(to)
      if (owners[slot] === owner) return
      owners[slot] = owner
      count()
    },
    at,
    close() {
      for (const { kept } of known.values()) kept.close()
    },
  }
}
