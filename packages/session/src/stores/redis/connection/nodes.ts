/** The primaries, as they are shown to those who need one of them by itself. */
import type { DedicatedConnection, RedisNode } from './connection.ts'
import { StoreFailure } from './failure.ts'
import type { Kept } from './keep.ts'
import type { Link } from './link.ts'

export type OpenDedicated = (kept: Kept) => Promise<Link>

/** One object for each connection that a node has had: its epoch never changes, 0 while there is none. */
export function nodes(primaries: () => readonly Kept[], open: OpenDedicated, timeout: number) {
  const known = new WeakMap<Kept, RedisNode>()
  const nodeOf = (kept: Kept): RedisNode => {
    const before = known.get(kept)
    if (before !== undefined && before.epoch === (kept.link?.epoch ?? 0)) return before
    const node = shown(kept, open, timeout)
    known.set(kept, node)
    return node
  }
  let shownLast: readonly RedisNode[] = []
  const listeners = new Set<() => void>()
  return {
    list: () => primaries().map(nodeOf),
    onChange(listener: () => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** Something may have changed: tells the listeners when it did. */
    look() {
      const now = primaries().map(nodeOf)
      if (now.length === shownLast.length && now.every((node, i) => node === shownLast[i])) return
      shownLast = now
      for (const listener of [...listeners]) listener()
    },
  }
}

function shown(kept: Kept, open: OpenDedicated, timeout: number): RedisNode {
  const { link, address } = kept
  return {
    address,
    epoch: link?.epoch ?? 0,
    async call(command, args) {
      if (link === undefined || !link.writable) throw gone(kept)
      return await link.send(command, args, timeout)
    },
    async dedicated() {
      if (link === undefined || kept.link !== link) throw gone(kept)
      return dedicated(await open(kept), timeout)
    },
  }
}

function gone({ link, failure, address }: Kept): StoreFailure {
  if (link === undefined) return failure
  return new StoreFailure('closed', `That connection to Redis at ${address} is no more, or takes nothing from us.`, {
    notExecuted: true,
  })
}

function dedicated(link: Link, timeout: number): DedicatedConnection {
  return {
    call: (command, args) => link.send(command, args, timeout),
    subscribe: (channel, listener) => link.subscribe(channel, listener, timeout),
    onClose: link.onClose,
    close: link.close,
  }
}
