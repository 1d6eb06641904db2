/** An index in this process: sessions by name, pruned on every write and read. */
import type { IndexEntry, Indexing, SessionId } from '../../store.ts'

/** Milliseconds that an entry stays after its end: a touch of its record may be on its way. */
const stays = 10_000
/** Milliseconds that the end of all sessions under a name is kept in mind. */
const markedFor = 60_000
/** Entries under one name. */
export const maxEntered = 10_000

export interface Names extends Indexing {
  clear(): void
}

export function createNames(clock: () => number): Names {
  const names = new Map<string, Map<SessionId, IndexEntry>>()
  const marks = new Map<string, number>()

  function living(name: string, now: number): Map<SessionId, IndexEntry> | undefined {
    const entries = names.get(name)
    if (entries === undefined) return undefined
    for (const [id, { endsAt }] of entries) if (endsAt <= now - stays) entries.delete(id)
    if (entries.size > 0) return entries
    names.delete(name)
    return undefined
  }

  /** Names whose sessions have all ended leave one by one with the writes that follow. */
  function sweep(now: number): void {
    const [oldest] = names.keys()
    if (oldest === undefined) return
    const entries = living(oldest, now)
    if (entries === undefined) return
    names.delete(oldest)
    names.set(oldest, entries)
  }

  return {
    async enter(name, { id, createdAt }, ttl) {
      const now = clock()
      sweep(now)
      const entries = living(name, now) ?? new Map<SessionId, IndexEntry>()
      names.set(name, entries)
      entries.set(id, { id, createdAt, endsAt: now + ttl })
      if (entries.size <= maxEntered) return []
      const [first] = [...entries.values()].sort((a, b) => a.endsAt - b.endsAt)
      entries.delete(first!.id)
      return [first!.id]
    },
    async leave(name, { id }) {
      names.get(name)?.delete(id)
      living(name, clock())
    },
    async entered(name) {
      const entries = living(name, clock())
      return [...(entries?.values() ?? [])].sort((a, b) => a.createdAt - b.createdAt)
    },
    async markEnded(name) {
      const now = clock()
      for (const [marked, at] of marks) {
        if (now - at < markedFor) break
        marks.delete(marked)
      }
      const before = marks.get(name) ?? 0
      marks.delete(name)
      marks.set(name, Math.max(now, before + 1))
    },
    async endedAt(name) {
      const at = marks.get(name)
      return at !== undefined && clock() - at < markedFor ? at : undefined
    },
    clear() {
      names.clear()
      marks.clear()
    },
  }
}
