/**
 * How data keys and contents of records are sealed, by kind (rule 2). Whoever has the store alone opens nothing and,
 * where the installation has keys, can forge nothing.
 */
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Sealing, SealingKey } from './api.ts'
import { invalid, shown, shownKind } from './invalid-option.ts'
import { createKeyring, decrypt, encrypt, type Keyring } from './keyring.ts'
import type { RecordKind } from './record.ts'
import type { SessionId } from './store.ts'
import { secretBytes, type Ticket, type TicketSecret } from './ticket.ts'

/** Seals records of one kind under one prefix. */
export interface Sealer {
  readonly kind: RecordKind
  /** The key of the installation that new records are made with; empty: none. */
  readonly keyId: string
  /** May records be read that were made without a key, although there is one? */
  readonly readsKeyless: boolean
  hasKey(keyId: string): boolean
  newDataKey(): Uint8Array
  /** The data key for the one who brings this ticket, under this key of the installation. */
  wrap(ticket: Ticket, keyId: string, dataKey: Uint8Array): Uint8Array
  /** The reverse; `undefined` when it is not what `wrap` gave for this ticket. */
  unwrap(ticket: Ticket, keyId: string, wrapped: Uint8Array): Uint8Array | undefined
  /** Seals the content under the data key; `header` is authenticated with it. */
  seal(id: SessionId, keyId: string, dataKey: Uint8Array, header: Uint8Array, plain: Uint8Array): Uint8Array
  open(
    id: SessionId,
    keyId: string,
    dataKey: Uint8Array,
    header: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined
  /** A key for `purpose`, from the key of the installation or, without one, from the data key. */
  derive(purpose: string, id: SessionId, keyId: string, salt: Uint8Array, dataKey?: Uint8Array): Uint8Array | undefined
  /** Seals the secret that follows on `ticket` by age, so that whoever brings `ticket` gets the same one again. */
  sealNext(ticket: Ticket, keyId: string, next: TicketSecret): Uint8Array
  openNext(ticket: Ticket, keyId: string, sealed: Uint8Array): TicketSecret | undefined
}

/** Sealers of a manager: one that writes, and those that read. */
export interface Sealers {
  readonly writes: Sealer
  /** The one that reads this kind at this time. */
  reads(kind: RecordKind, now: number): Sealer | undefined
  /** When what is migrated from is read no longer, in milliseconds since 1970; `Infinity`: never, or nothing is. */
  readonly until: number
}

/**
 * Records of another kind than the configured one are not read, stronger ones neither: else their content would be
 * written again in the weaker kind. `migrate` is the way from one to another.
 *
 * @throws SessionError `ERR_INVALID_OPTION`
 */
export function createSealers(sealing: Sealing, serverKeys: readonly SealingKey[], prefix: string): Sealers {
  checkKind('"sealing"', sealing, ['ticket', 'keys', 'none', 'migrate'])
  if (sealing.kind !== 'migrate') {
    const writes = createSealer(sealing, serverKeys, prefix, false)
    return { writes, reads: (kind) => (kind === writes.kind ? writes : undefined), until: Number.POSITIVE_INFINITY }
  }
  const { from, to, until = Number.POSITIVE_INFINITY } = sealing
  checkMigration(from, to, until)
  const sameKind = from.kind === to.kind
  const writes = createSealer(to, serverKeys, prefix, sameKind)
  const old = createSealer(from, serverKeys, prefix, true)
  const strict = sameKind ? createSealer(to, serverKeys, prefix, false) : writes
  return {
    writes,
    reads(kind, now) {
      if (kind === writes.kind) return now < until ? writes : strict
      return kind === old.kind && now < until ? old : undefined
    },
    until,
  }
}

function checkKind(where: string, sealing: unknown, known: readonly string[]): void {
  const kind = typeof sealing === 'object' && sealing !== null && 'kind' in sealing ? sealing.kind : undefined
  if (known.includes(kind as string)) return
  throw invalid(
    `${where} is ${kind === undefined ? shownKind(sealing) : `of kind ${shown(kind)}`}, so nobody knows how records are ` +
      `sealed. Nothing was made. Give { kind: … } with one of ${known.join(', ')}.`,
  )
}

function checkMigration(from: Sealing, to: Sealing, until: unknown): void {
  for (const [name, sealing] of Object.entries({ from, to })) {
    checkKind(`"sealing.${name}"`, sealing, ['ticket', 'keys', 'none', 'migrate'])
  }
  if (typeof until !== 'number' || Number.isNaN(until)) {
    throw invalid(
      `"sealing.until" is ${shown(until)}, so old records would never be read, or always. Nothing was made. Give ` +
        'milliseconds since 1970, as Date.parse() does.',
    )
  }
  if (from.kind === 'migrate' || to.kind === 'migrate') {
    throw invalid('sealing migrates from or to another migration; name the two kinds themselves.')
  }
  if (to.kind === 'none') {
    throw invalid('sealing migrates to "none": what was sealed would lie open in the store. Choose "ticket" or "keys".')
  }
  if (from.kind === 'keys' && to.kind === 'keys') {
    throw invalid('sealing migrates from "keys" to "keys"; put all keys in one list, the first one writes.')
  }
}

type PlainSealing = Exclude<Sealing, { kind: 'migrate' }>

function createSealer(sealing: Sealing, serverKeys: readonly SealingKey[], prefix: string, readsKeyless: boolean) {
  const plain = sealing as PlainSealing
  const keys = plain.kind === 'keys' ? plain.keys : serverKeys
  const ring = plain.kind === 'keys' || keys.length > 0 ? createKeyring(keys) : undefined
  const base = createBase(plain.kind, ring, prefix, readsKeyless)
  return { ...base, ...kinds[plain.kind](base, ring, prefix) }
}

/** What the kinds differ in. */
type Differing = 'newDataKey' | 'wrap' | 'unwrap' | 'seal' | 'open'
type Base = Omit<Sealer, Differing>

const kinds: {
  [K in RecordKind]: (base: Base, ring: Keyring | undefined, prefix: string) => Pick<Sealer, Differing>
} = {
  none: (base, _ring, prefix) => ({
    newDataKey: () => empty,
    wrap: () => empty,
    unwrap: () => empty,
    seal(id, keyId, _dataKey, header, plain) {
      return concat(plain, contentTag(base, prefix, id, keyId, header, plain))
    },
    open(id, keyId, _dataKey, header, sealed) {
      if (sealed.length < tagLength) return undefined
      const plain = sealed.subarray(0, sealed.length - tagLength)
      const tag = contentTag(base, prefix, id, keyId, header, plain)
      return timingSafeEqual(tag, sealed.subarray(plain.length)) ? plain : undefined
    },
  }),
  keys: (_base, ring, prefix) => ({
    ...sealedContent(prefix),
    wrap: ({ id }, _keyId, dataKey) => ring!.seal(dataKey, associated('data key', prefix, id)).bytes,
    unwrap({ id }, keyId, wrapped) {
      const opened = ring!.open(keyId, wrapped, associated('data key', prefix, id))
      return opened === 'unknown-key' ? undefined : opened
    },
  }),
  ticket: (base, _ring, prefix) => ({
    ...sealedContent(prefix),
    wrap: (ticket, keyId, dataKey) =>
      encrypt(ticketKey(base, prefix, 'wrap', ticket, keyId), dataKey, associated('data key', prefix, ticket.id)),
    unwrap: (ticket, keyId, wrapped) =>
      decrypt(ticketKey(base, prefix, 'wrap', ticket, keyId), wrapped, associated('data key', prefix, ticket.id)),
  }),
}

function sealedContent(prefix: string): Pick<Sealer, 'newDataKey' | 'seal' | 'open'> {
  return {
    newDataKey: () => new Uint8Array(randomBytes(32)),
    seal: (id, _keyId, dataKey, header, plain) =>
      encrypt(dataKey, plain, concat(associated('content', prefix, id), header)),
    open: (id, _keyId, dataKey, header, sealed) =>
      decrypt(dataKey, sealed, concat(associated('content', prefix, id), header)),
  }
}

function createBase(kind: RecordKind, ring: Keyring | undefined, prefix: string, readsKeyless: boolean): Base {
  const base: Base = {
    kind,
    keyId: ring?.writes ?? '',
    readsKeyless,
    hasKey: (keyId) => (keyId === '' ? ring === undefined || readsKeyless : ring?.has(keyId) === true),
    derive(purpose, id, keyId, salt, dataKey) {
      const context = concat(associated(purpose, prefix, id), salt)
      if (keyId === '') return dataKey && dataKey.length > 0 ? hkdf(dataKey, empty, context) : undefined
      const key = ring?.derive(purpose, context, keyId)
      return key === 'unknown-key' ? undefined : key
    },
    sealNext: (ticket, keyId, next) =>
      encrypt(ticketKey(base, prefix, 'next', ticket, keyId), secretBytes(next), associated('next', prefix, ticket.id)),
    openNext(ticket, keyId, sealed) {
      const key = ticketKey(base, prefix, 'next', ticket, keyId)
      const opened = decrypt(key, sealed, associated('next', prefix, ticket.id))
      return opened && (Buffer.from(opened).toString('base64url') as TicketSecret)
    },
  }
  return base
}

/** HKDF (RFC 5869) of the secret, salted with a key of the installation where there is one. */
function ticketKey(base: Base, prefix: string, purpose: string, ticket: Ticket, keyId: string): Uint8Array {
  const salt = base.derive(`${purpose} salt`, ticket.id, keyId, empty) ?? empty
  return hkdf(secretBytes(ticket.secret), salt, associated(purpose, prefix, ticket.id))
}

function hkdf(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, info, 32))
}

const empty = new Uint8Array(0)
const tagLength = 32

/** Stands in for a seal where nothing is sealed: HMAC-SHA-256, a mere checksum as long as there is no key. */
function contentTag(
  base: Base,
  prefix: string,
  id: SessionId,
  keyId: string,
  header: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const key = base.derive('tag', id, keyId, empty) ?? empty
  return createHmac('sha256', key)
    .update(associated('content', prefix, id))
    .update(header)
    .update(plain)
    .digest()
}

/** Purpose, prefix and id, none of which can hold a NUL. */
function associated(purpose: string, prefix: string, id: SessionId): Uint8Array {
  return new TextEncoder().encode(`coatcheck ${purpose}\0${prefix}\0${id}\0`)
}

/** Tells records of one prefix from those of others; not a secret, not a proof. */
export function prefixTag(prefix: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`coatcheck prefix\0${prefix}`).digest().subarray(0, 4))
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length)
  joined.set(first)
  joined.set(second, first.length)
  return joined
}
