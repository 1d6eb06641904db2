/** The servers that keep records, each watched. */
import type { RedisConnection, RedisNode } from '../connection/connection.ts'
import { type NodeWatch, settleAll, type WatchOptions, watchNode } from './node-watch.ts'

export interface Servers {
  /** Watches the primaries that there are now, and no others. Says what is new about them. */
  follow(): 'added' | 'gone' | 'same'
  /** Each of them in turn; `undefined` while there is none. */
  next(): RedisNode | undefined
  /** See `NodeWatch`; of all of them. @throws StoreFailure */
  check(channels: readonly string[]): Promise<void>
  /** Whether all that has to be listened to is, at this moment. */
  listenTo(channels: readonly string[]): boolean
  close(): void
}

export function watchServers(connection: RedisConnection, options: WatchOptions): Servers {
  const watches = new Map<string, NodeWatch>()
  let turn = 0

  /** A primary without a connection is as good as none, and no reason to let go of what is served in an outage. */
  const connected = () => connection.primaries().filter(({ epoch }) => epoch !== 0)

  function dropAllBut(nodes: ReadonlyMap<string, RedisNode>): boolean {
    let gone = false
    for (const [address, watch] of watches) {
      if (nodes.get(address)?.epoch === watch.epoch) continue
      watch.close()
      watches.delete(address)
      gone = true
    }
    return gone
  }

  return {
    follow() {
      const nodes = new Map(connected().map((node) => [node.address, node]))
      const gone = dropAllBut(nodes)
      const added = [...nodes.values()].filter(({ address }) => !watches.has(address))
      for (const node of added) watches.set(node.address, watchNode(node, options))
      if (added.length > 0) return 'added'
      return gone ? 'gone' : 'same'
    },
    next() {
      const all = [...watches.values()]
      return all[turn++ % Math.max(all.length, 1)]?.node
    },
    check: (channels) => settleAll([...watches.values()].map((watch) => watch.check(channels))),
    listenTo(channels) {
      const nodes = connection.primaries()
      if (nodes.length === 0 || nodes.length !== watches.size) return false
      return nodes.every(({ address, epoch }) => {
        const watch = watches.get(address)
        return watch?.epoch === epoch && watch.listensTo(channels)
      })
    },
    close() {
      for (const watch of watches.values()) watch.close()
      watches.clear()
    },
  }
}
