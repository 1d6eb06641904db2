/** What ends next, without a look at all: a binary heap by the end of each entry. */

export interface Expires {
  /** Milliseconds since 1970. May move at any time; when it moves later, the heap notices when it gets there. */
  endsAt: number
  /** Set by `discard`. */
  gone: boolean
}

export interface Expiry<Entry extends Expires> {
  add(entry: Entry): void
  /** The entry is kept no longer. */
  discard(entry: Entry): void
  /** Takes out one that has ended, at the cost of at most `steps` moves; `undefined` when there is none. */
  takeEnded(now: number, steps: number): Entry | undefined
  /** Places in the heap: entries, and at most as many again that were discarded. */
  readonly size: number
}

interface Place<Entry> {
  /** The end of the entry when it got this place. */
  at: number
  readonly entry: Entry
}

/** Below this number of places, those of discarded entries do no harm. */
const smallHeap = 64

export function createExpiry<Entry extends Expires>(): Expiry<Entry> {
  let heap: Place<Entry>[] = []
  let discarded = 0

  function takeFirst(): void {
    const last = heap.pop()!
    if (heap.length === 0) return
    heap[0] = last
    sink(heap)
  }
  return {
    add(entry) {
      heap.push({ at: entry.endsAt, entry })
      rise(heap)
    },
    discard(entry) {
      entry.gone = true
      discarded += 1
      if (heap.length < smallHeap || discarded * 2 < heap.length) return
      heap = heap.filter((place) => !place.entry.gone).sort((a, b) => a.at - b.at)
      discarded = 0
    },
    takeEnded(now, steps) {
      for (let step = 0; step < steps; step += 1) {
        const first = heap[0]
        if (first === undefined || first.at > now) return undefined
        const { entry } = first
        if (entry.gone) {
          takeFirst()
          discarded -= 1
        } else if (entry.endsAt <= now) {
          takeFirst()
          return entry
        } else {
          first.at = entry.endsAt
          sink(heap)
        }
      }
      return undefined
    },
    get size() {
      return heap.length
    },
  }
}

/** Moves the last place up to where it belongs. */
function rise<Entry>(heap: Place<Entry>[]): void {
  let index = heap.length - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (heap[parent]!.at <= heap[index]!.at) return
    swap(heap, index, parent)
    index = parent
  }
}

/** Moves the first place down to where it belongs. */
function sink<Entry>(heap: Place<Entry>[]): void {
  let index = 0
  for (;;) {
    const left = 2 * index + 1
    if (left >= heap.length) return
    const right = left + 1
    const least = right < heap.length && heap[right]!.at < heap[left]!.at ? right : left
    if (heap[index]!.at <= heap[least]!.at) return
    swap(heap, index, least)
    index = least
  }
}

function swap<Entry>(heap: Place<Entry>[], a: number, b: number): void {
  const kept = heap[a]!
  heap[a] = heap[b]!
  heap[b] = kept
}
