/**
 * The candidate that was probably meant, for "did you mean". Letters' case does not count.
 *
 * @returns `undefined` when none is near: more edits than a third of the longer name, and more than one.
 */
export function suggest(written: string, candidates: Iterable<string>): string | undefined {
  const wanted = written.toLowerCase().slice(0, longest)
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const edits = distance(wanted, candidate.toLowerCase().slice(0, longest))
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3))
    if (edits <= allowed && edits < least) {
      best = candidate
      least = edits
    }
  }
  return best
}

/** ` Did you mean "x"?`, or nothing; to put behind a sentence. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  const meant = suggest(written, candidates)
  return meant === undefined ? '' : ` Did you mean "${meant}"?`
}

/** Names are compared up to this length, so that a hostile name costs little. */
const longest = 64

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) edits = Math.min(edits, beforeLast[j - 2]! + 1)
      row.push(edits)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
