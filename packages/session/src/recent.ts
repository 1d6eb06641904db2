/** What happened a short while ago, and has to be done again: bounded in time and in number, the oldest goes first. */

export interface RecentOptions<Key, Value> {
  /** Milliseconds from any beginning. */
  readonly now: () => number
  /** Milliseconds for which each is kept. */
  readonly kept: number
  readonly most: number
  /** What is done again with each of them. */
  readonly again: (key: Key, value: Value) => Promise<unknown> | undefined
}

export interface Recent<Key, Value> {
  readonly size: number
  /** Keeps it from now on, in place of what had this key. */
  note(key: Key, value: Value): void
  /** `undefined` when there is none, or when its time is over. */
  get(key: Key): Value | undefined
  /** Whether it was noted and is not dropped yet; its time may be over. */
  holds(key: Key): boolean
  /** Does it again with all of them. One round at a time; what fails is left to the next. */
  repeat(): void
}

/** Done at the same time. */
const batchSize = 100

export function createRecent<Key, Value>({ now, kept, most, again }: RecentOptions<Key, Value>): Recent<Key, Value> {
  const noted = new Map<Key, { readonly value: Value; readonly at: number }>()
  let repeating = false

  function prune(): void {
    for (const [key, { at }] of noted) {
      if (now() - at < kept && noted.size <= most) return
      noted.delete(key)
    }
  }

  function get(key: Key): Value | undefined {
    const found = noted.get(key)
    return found !== undefined && now() - found.at < kept ? found.value : undefined
  }

  async function repeatAll(): Promise<void> {
    prune()
    const keys = [...noted.keys()]
    for (let from = 0; from < keys.length; from += batchSize) {
      const batch = keys.slice(from, from + batchSize)
      await Promise.allSettled(batch.map(repeatOne))
    }
  }

  function repeatOne(key: Key): Promise<unknown> | undefined {
    const value = get(key)
    return value === undefined ? undefined : again(key, value)
  }

  return {
    get size() {
      return noted.size
    },
    note(key, value) {
      // Again at the end, which is in the order of time.
      noted.delete(key)
      noted.set(key, { value, at: now() })
      prune()
    },
    get,
    holds: (key) => noted.has(key),
    repeat() {
      if (repeating || noted.size === 0) return
      repeating = true
      void repeatAll().finally(() => {
        repeating = false
      })
    },
  }
}
