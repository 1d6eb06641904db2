/** Tokens that were accepted, as long as they are good. Bounded: when it is full, nothing more is accepted. */
import { createHash } from 'node:crypto'
import { SessionError } from '../../errors.ts'
import { checkUntil } from '../../invalid-option.ts'
import type { AcceptingOnce } from '../../store.ts'
import { createExpiry, type Expires } from './expiry.ts'

interface Accepted extends Expires {
  readonly hash: string
}

/** Of those that are over, so many are put out on the way of each that comes. */
const sweepSteps = 16

export interface Once extends AcceptingOnce {
  clear(): void
}

export function createOnce(maxEntries: number, clock: () => number): Once {
  const accepted = new Map<string, Accepted>()
  const expiry = createExpiry<Accepted>()

  function sweep(now: number): void {
    for (let step = 0; step < sweepSteps; step += 1) {
      const over = expiry.takeEnded(now, sweepSteps)
      if (over === undefined) return
      if (accepted.get(over.hash) === over) accepted.delete(over.hash)
    }
  }

  return {
    async acceptOnce(token, until) {
      checkUntil(until)
      const now = clock()
      sweep(now)
      if (until <= now) return false
      const hash = createHash('sha256').update(token).digest('base64url')
      const before = accepted.get(hash)
      if (before !== undefined && now < before.endsAt) return false
      if (before === undefined && accepted.size >= maxEntries) throw full(maxEntries)
      if (before !== undefined) expiry.discard(before)
      const entry: Accepted = { hash, endsAt: until, gone: false }
      accepted.set(hash, entry)
      expiry.add(entry)
      return true
    },
    clear() {
      for (const entry of accepted.values()) expiry.discard(entry)
      accepted.clear()
    },
  }
}

function full(maxEntries: number): SessionError {
  return new SessionError(
    'ERR_STORE_UNAVAILABLE',
    `The memory store keeps ${maxEntries} tokens that were accepted once, and takes no more (maxEntries). ` +
      'Nothing was accepted; raise maxEntries, or use a store that keeps them elsewhere.',
  )
}
