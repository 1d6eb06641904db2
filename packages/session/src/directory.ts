/**
 * Sessions as those who run them see them: what is known of each without its ticket. Contents stay closed, and nothing is
 * created or changed here; sessions can be ended.
 */
import type { Sealing, SealingKey } from './api.ts'
import { SessionError } from './errors.ts'
import { type Metadata, openMetadata } from './metadata.ts'
import { checkPrefix } from './options.ts'
import { type RecordHeader, type RecordKind, readRecord } from './record.ts'
import { createSealers, prefixTag, type Sealers } from './sealing.ts'
import { type Holder, indexNames } from './session-index.ts'
import type { Timeouts } from './session-store.ts'
import { isClocked, isIndexing, isListing, listedBytes, type RecordStore, type SessionId } from './store.ts'

export interface SessionInfo {
  readonly id: SessionId
  /** Who signed in, as a hash with a key of the installation. `undefined`: nobody, or it cannot be read here. */
  readonly subject: string | undefined
  /** Milliseconds since 1970, as all times. */
  readonly createdAt: number
  /** When it was last used, to a tenth of the idle timeout; `undefined` when only its lifetime says when it ends. */
  readonly lastSeenAt: number | undefined
  readonly endsAt: number
  /** Of the visitor who started it. */
  readonly address: string | undefined
  readonly userAgent: string | undefined
  /** False where the metadata is sealed with a key that is not here: then subject, address and user agent are missing. */
  readonly readable: boolean
  /** How its content is sealed. */
  readonly sealing: RecordKind
  /** The key of the installation that it was made with; empty: none. */
  readonly keyId: string
  /** When its ticket got its present secret. */
  readonly rotatedAt: number
  /** Bytes of its record. */
  readonly size: number
}

/** Whose sessions: of a person, or of a session at the provider. */
export type Whose = { readonly subject: string } | { readonly providerSession: string }

export interface SessionDirectory {
  /** All of the prefix, a little at a time and in no order; one may come twice. @throws SessionError `ERR_UNSUPPORTED` */
  list(): AsyncIterable<readonly SessionInfo[]>
  get(id: SessionId): Promise<SessionInfo | undefined>
  /**
   * Oldest first. Over a store without an index the whole list is looked through.
   *
   * @throws SessionError `ERR_UNSUPPORTED` where the store has neither index nor list
   */
  find(whose: Whose): Promise<readonly SessionInfo[]>
  /** `false` when it was not there. */
  end(id: SessionId): Promise<boolean>
  /** Ends those that are there and those that are just being started. Gives how many were there. @throws as `find` */
  endAll(whose: Whose): Promise<number>
}

export interface DirectoryOptions {
  readonly store: RecordStore
  /** Of the manager whose sessions they are, as all that follow. */
  readonly prefix: string
  readonly timeouts: Timeouts
  /** @defaultValue `{ kind: 'ticket' }` */
  readonly sealing?: Sealing
  /** @defaultValue none: then what only the ticket opens is not readable */
  readonly serverKeys?: readonly SealingKey[]
  /** Milliseconds since 1970. @defaultValue the clock of the store where it has one, else Date.now */
  readonly clock?: () => number
}

/** Milliseconds for which an entry without a record may be one that is just being written. */
const beginning = 10_000
/** Records looked at or ended at the same time. */
const batchSize = 100

/** @throws SessionError `ERR_INVALID_OPTION` */
export function createDirectory(options: DirectoryOptions): SessionDirectory {
  const { store, prefix, timeouts, sealing = { kind: 'ticket' }, serverKeys = [] } = options
  checkPrefix(prefix)
  const clock = options.clock ?? (isClocked(store) ? () => store.now() : Date.now)
  const sealers = createSealers(sealing, serverKeys, prefix)
  const keyIds = keyIdsOf(sealing, serverKeys)
  const describe = describer(sealers, prefix, timeouts)
  const namesOf = (whose: Holder) => keyIds.flatMap((keyId) => indexNames(sealers.writes, whose, keyId))

  async function get(id: SessionId): Promise<Described | undefined> {
    const stored = await store.read(id)
    if (stored === undefined) return undefined
    const { bytes, remaining } = stored
    return describe({ id, beginning: bytes.subarray(0, listedBytes), size: bytes.length, remaining }, clock())
  }

  async function* list(): AsyncIterable<readonly Described[]> {
    if (!isListing(store)) throw unsupported('list')
    for await (const batch of store.list()) {
      const now = clock()
      yield batch.map((record) => describe(record, now)).filter((session) => session !== undefined)
    }
  }

  async function findInList(names: ReadonlySet<string>): Promise<Described[]> {
    const found: Described[] = []
    for await (const batch of list()) found.push(...batch.filter(({ names: own }) => own.some((one) => names.has(one))))
    return found
  }

  async function findInIndex(names: ReadonlySet<string>): Promise<Described[]> {
    const found = new Map<SessionId, Described>()
    for (const name of names) {
      const entries = isIndexing(store) ? await store.entered(name) : []
      await inBatches(entries, async (entry) => {
        const session = await get(entry.id)
        // By any of the names: a key may have come since the record was written.
        if (session !== undefined && (!session.info.readable || session.names.some((one) => names.has(one)))) {
          found.set(entry.id, session)
        } else if (session !== undefined || clock() - entry.createdAt > beginning) await leave(name, entry)
      })
    }
    return [...found.values()]
  }

  async function leave(name: string, entry: { readonly id: SessionId; readonly createdAt: number }): Promise<void> {
    if (isIndexing(store)) await store.leave(name, entry)
  }

  async function find(whose: Whose): Promise<readonly SessionInfo[]> {
    const names = new Set(namesOf(whose))
    if (!isIndexing(store) && !isListing(store)) throw unsupported('find')
    const found = isIndexing(store) ? await findInIndex(names) : await findInList(names)
    return found.map(({ info }) => info).sort((a, b) => a.createdAt - b.createdAt)
  }

  return {
    async *list() {
      for await (const batch of list()) yield batch.map(({ info }) => info)
    },
    get: async (id) => (await get(id))?.info,
    find,
    end: (id) => store.delete(id),
    async endAll(whose) {
      const names = namesOf(whose)
      // Whoever signs in from here on looks at this after writing: it is ended there, if it is not found here.
      const marks = isIndexing(store) ? names.map((name) => store.markEnded(name)) : []
      const [failed] = (await Promise.allSettled(marks)).filter((mark) => mark.status === 'rejected')
      const sessions = await find(whose)
      let ended = 0
      await inBatches(sessions, async (session) => {
        if (await store.delete(session.id)) ended += 1
        for (const name of names) await leave(name, session)
      })
      // In a full store nothing can be noted; what was there is ended all the same.
      if (failed !== undefined) throw failed.reason
      return ended
    },
  }

  function unsupported(what: string): SessionError {
    return new SessionError('ERR_UNSUPPORTED', `This store cannot ${what} sessions; use one that has a list.`)
  }
}

interface Described {
  readonly info: SessionInfo
  /** Names that an index has it under. */
  readonly names: readonly string[]
}

type Listed = Parameters<ReturnType<typeof describer>>[0]

/** `undefined` for what is no record of this prefix. */
function describer(sealers: Sealers, prefix: string, { idle, lifetime }: Timeouts) {
  const tag = prefixTag(prefix)
  return (
    record: { id: SessionId; beginning: Uint8Array; size: number; remaining: number },
    now: number,
  ): Described | undefined => {
    const header = readRecord(record.beginning)?.header
    if (header === undefined || !Buffer.from(header.prefixTag).equals(tag)) return undefined
    const metadata = readMetadata(sealers, record, header, now)
    const endsAt = now + record.remaining
    // Where the lifetime ends first, the end does not tell when it was used.
    const isCapped = endsAt > header.createdAt + lifetime - 1000
    const info: SessionInfo = {
      id: record.id,
      subject: metadata?.subject,
      createdAt: header.createdAt,
      lastSeenAt: isCapped ? undefined : Math.max(endsAt - idle, header.createdAt),
      endsAt,
      address: metadata?.address,
      userAgent: metadata?.userAgent,
      readable: metadata !== undefined,
      sealing: header.kind,
      keyId: header.keyId,
      rotatedAt: header.rotatedAt,
      size: record.size,
    }
    return { info, names: namesIn(metadata) }
  }
}

function readMetadata(sealers: Sealers, { id }: Listed, header: RecordHeader, now: number): Metadata | undefined {
  const sealer = sealers.reads(header.kind, now) ?? sealers.writes
  const metadata: unknown = openMetadata(sealer, id, header)
  if (typeof metadata !== 'object' || metadata === null) return undefined
  // Where nothing is sealed, anybody who can write the store may have written it.
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => typeof value === 'string'))
}

function namesIn(metadata: Metadata | undefined): string[] {
  const names: string[] = []
  if (metadata?.subject !== undefined) names.push(`subject:${metadata.subject}`)
  if (metadata?.providerSession !== undefined) names.push(`provider:${metadata.providerSession}`)
  return names
}

/** Keys that hashes may have been made with; the empty id is none. */
function keyIdsOf(sealing: Sealing, serverKeys: readonly SealingKey[]): readonly string[] {
  if (sealing.kind === 'migrate') {
    // Those of before may have been made without any.
    return [...new Set([...[sealing.to, sealing.from].flatMap((one) => keyIdsOf(one, serverKeys)), ''])]
  }
  const keys = sealing.kind === 'keys' ? sealing.keys : serverKeys
  return keys.length === 0 ? [''] : keys.map(({ id }) => id)
}

async function inBatches<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += batchSize) {
    await Promise.all(items.slice(from, from + batchSize).map(work))
  }
}
