/**
 * Which version of each record is the present one, as far as replies and messages tell; in no particular time that anybody
 * has to keep. A reply and the message of a later change come over two connections, and may overtake one another: so a
 * note is made only of a reply during which nothing else was heard of the record.
 */
import type { SessionId } from '../../../store.ts'

/** An operation on a record that is under way. */
export interface Look {
  /** The present version, while it is known. */
  version: string | undefined
  /** The version that is known to be with every replica that has to have it. */
  replicated: string | undefined
  /** When the record ends, by the monotonic clock. */
  endsAt: number
  /** Operations that wait for their reply. */
  waiting: number
  /** What was heard of the record while there were any: a version, that it ended, or one thing and another. */
  heard: string | undefined
}

export interface Notes {
  /** An operation is sent from now on. */
  begin(id: SessionId): Look
  /** The same for one that ends the record: it counts as ended before the store says so. */
  beginEnd(id: SessionId): Look
  /** It read this version, which is there until `endsAt`; or nothing, when `version` is `undefined`. */
  read(id: SessionId, look: Look, version: string | undefined, endsAt: number): void
  /** It wrote this version, or ended the record. */
  wrote(id: SessionId, look: Look, version: string, endsAt: number): void
  /** It failed: what it did is not known, so neither is what is there. */
  failed(id: SessionId, look: Look): void
  /** A message: this is the version from now on. */
  heard(id: SessionId, version: string): void
  versionOf(id: SessionId): string | undefined
  /** Whether this version was found to be with every replica that has to have it. */
  isReplicated(id: SessionId, version: string): boolean
  confirm(id: SessionId, version: string, now: number): boolean
  /** What was known is known no longer, nor is what replies to come will tell. */
  clear(): void
}

/** The version of a record that ended. No version looks like it. */
export const ended = '-'

/** More than one thing was heard, and in which order they were true is not known. */
const mixed = '~'

function hear(look: Look, version: string): void {
  look.heard = look.heard === undefined || look.heard === version ? version : mixed
}

/** @param maxNotes beyond it the oldest is dropped; its record is read again */
export function createNotes(maxNotes = 65_536): Notes {
  const looks = new Map<SessionId, Look>()

  function add(id: SessionId): Look {
    const look: Look = { version: undefined, replicated: undefined, endsAt: 0, waiting: 0, heard: undefined }
    if (looks.size >= maxNotes) looks.delete(looks.keys().next().value as SessionId)
    looks.set(id, look)
    return look
  }

  /** False when it was dropped meanwhile, so that messages passed it by. */
  function finish(id: SessionId, look: Look): boolean {
    look.waiting -= 1
    return looks.get(id) === look
  }

  function dropUnused(id: SessionId, look: Look): void {
    if (look.version === undefined && look.waiting === 0) looks.delete(id)
  }

  function begin(id: SessionId): Look {
    const look = looks.get(id) ?? add(id)
    if (look.waiting === 0) look.heard = undefined
    look.waiting += 1
    return look
  }

  return {
    begin,
    beginEnd(id) {
      const look = begin(id)
      look.version = undefined
      hear(look, ended)
      return look
    },
    read(id, look, version, endsAt) {
      if (!finish(id, look)) return
      const overtaken = look.heard !== undefined && look.heard !== version
      look.version = overtaken ? undefined : version
      look.endsAt = endsAt
      dropUnused(id, look)
    },
    wrote(id, look, version, endsAt) {
      if (!finish(id, look)) return
      const overtaken = look.heard !== undefined && look.heard !== version
      look.version = overtaken || version === ended ? undefined : version
      look.endsAt = endsAt
      // Reads that were sent before this and are answered after it tell what was.
      hear(look, version)
      dropUnused(id, look)
    },
    failed(id, look) {
      if (!finish(id, look)) return
      look.version = undefined
      dropUnused(id, look)
    },
    heard(id, version) {
      const look = looks.get(id)
      if (look === undefined) return
      if (look.version !== version) look.version = undefined
      hear(look, version)
      dropUnused(id, look)
    },
    versionOf: (id) => looks.get(id)?.version,
    isReplicated: (id, version) => looks.get(id)?.replicated === version,
    confirm(id, version, now) {
      const look = looks.get(id)
      return look !== undefined && look.version === version && now < look.endsAt
    },
    clear: () => looks.clear(),
  }
}
