import type { Log } from '@coatcheck/gateway'
import type { StoreStatus } from '@coatcheck/model'

/**
 * Says on the log, once each, that a store went down or is full, and that it is back or has room. To be told the stores
 * whenever one of them may have changed.
 *
 * @param clock milliseconds from any beginning
 */
export function createStoreLog(log: Log, clock: () => number): (stores: readonly StoreStatus[]) => void {
  const downSince = new Map<string, number>()
  const fullOnes = new Set<string>()

  function tellFull({ name, full }: StoreStatus): void {
    if (full === fullOnes.has(name)) return
    if (full) {
      fullOnes.add(name)
      log.error(isFull(name), { error: { code: 'store-unavailable', message: 'its memory is full' } })
    } else {
      fullOnes.delete(name)
      log.info(`Store "${name}" has room again`)
    }
  }

  return (stores) => {
    for (const store of stores) {
      const { name, state, reason } = store
      tellFull(store)
      const since = downSince.get(name)
      if (state === 'down' && since === undefined) {
        downSince.set(name, clock())
        log.error(down(name), { error: { code: 'store-unavailable', message: reason } })
      } else if (state === 'up' && since !== undefined) {
        downSince.delete(name)
        log.info(`Store "${name}" is back; it was down for ${seconds(clock() - since)} s`)
      }
    }
    for (const name of downSince.keys()) if (!stores.some((store) => store.name === name)) downSince.delete(name)
  }
}

function down(name: string): string {
  return (
    `Store "${name}" is down. What needs it is answered with 503 (store-unavailable), cookies are left alone, and nobody ` +
    'is signed out; sessions that are cached may go on where "onStoreFailure" says so. Mend what the error names: the ' +
    'store is looked at until it answers.'
  )
}

function isFull(name: string): string {
  return (
    `Store "${name}" is full. Who signs in, and what changes a session, is answered with 503 (store-unavailable); sessions that are ` +
    'there are read and ended. Give it more memory (maxmemory), or let sessions end sooner.'
  )
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1)
}
