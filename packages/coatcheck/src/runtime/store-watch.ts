import type { StoreStatus } from '@coatcheck/model'

/** Milliseconds between looks. */
const pause = 1_000

/**
 * Looks now and then at the stores that know by themselves whether they are reached, and tells of each that is not as it was
 * at the last look; of each when it is new. Does not keep the process alive.
 *
 * @returns how to stop
 */
export function watchStores(
  status: () => readonly StoreStatus[],
  news: (store: StoreStatus, before: StoreStatus | undefined) => void,
): () => void {
  let known = new Map<string, StoreStatus>()
  const timer = setInterval(() => {
    const before = known
    known = new Map(status().flatMap((store) => (knowsItself(store) ? [[store.name, store] as const] : [])))
    for (const store of known.values()) {
      const last = before.get(store.name)
      if (store.state !== last?.state || store.reason !== last.reason) news(store, last)
    }
  }, pause)
  timer.unref()
  return () => clearInterval(timer)
}

/** Whether a store that is down comes back without being asked for anything. */
export function knowsItself({ kind }: StoreStatus): boolean {
  return kind === 'redis'
}
