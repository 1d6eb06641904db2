import type { Log } from '@coatcheck/gateway'
import type { StoreStatus } from '@coatcheck/model'

/**
 * Says on the log, once each, that a store went down and that it is back. To be told the stores whenever one of them
 * may have changed.
 *
 * @param clock milliseconds from any beginning
 */
export function createStoreLog(log: Log, clock: () => number): (stores: readonly StoreStatus[]) => void {
  const downSince = new Map<string, number>()
  return (stores) => {
    for (const { name, state, reason } of stores) {
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

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1)
}
