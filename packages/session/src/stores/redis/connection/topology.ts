/** Which servers there are, and which of them is asked for a key. One implementation for each deployment. */
import type { Node } from '../options.ts'
import type { StoreFailure } from './failure.ts'
import type { Kept, Open, Timing } from './keep.ts'
import type { Link } from './link.ts'

export interface Topology {
  /** Who owns the key; `undefined` while nobody is known to. */
  ownerOf(key: string): Kept | undefined
  /** Primaries that hold data, those that are not connected now included. */
  primaries(): readonly Kept[]
  /** What stands in the way of any command; `undefined`: nothing. */
  failure(): StoreFailure | undefined
  /** A server refused, on this connection, in a way that says that what we know is old. */
  doubt(kept: Kept, link: Link, because: StoreFailure): void
  /** Only in a cluster: a slot is with another node. */
  moved?(slot: number, to: Node): void
  /** Only in a cluster: the node that has a key of a slot which is on its way. */
  at?(node: Node): Kept
  close(): void
}

export interface Surroundings extends Timing {
  /** Opens a connection to a server that holds data. */
  readonly open: Open
  /** Called when anything above has another answer. */
  readonly changed: () => void
}

/** Milliseconds between looks at who is primary, while all is well. */
export const lookEvery = 1000
/** The same, while something is not. */
export const searchEvery = 250
/** Milliseconds that a node may take to say who is primary. */
export const lookWithin = 1000
