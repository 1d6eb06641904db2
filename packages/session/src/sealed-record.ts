/** Records opened and written whole: layout, seal, secrets and content together. Nothing here knows a store. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { SessionData } from './api.ts'
import { SessionError } from './errors.ts'
import { hashName, hashSubject, type Metadata, openMetadata, sealMetadata } from './metadata.ts'
import {
  nextCounter,
  type RecordHeader,
  type RecordKind,
  type RecordParts,
  readRecord,
  type Slot,
  writeHeader,
} from './record.ts'
import type { Sealer, Sealers } from './sealing.ts'
import { freezeData, type Rejection, type Visitor } from './session-store.ts'
import { hashSecret, type SecretHash, type Ticket, type TicketSecret } from './ticket.ts'

/** Milliseconds that the secret before stays good after the new one was first brought, and that a refused visitor waits. */
export const grace = 30_000

/** A record that its ticket opened, with what it takes to write it again. */
export interface OpenRecord {
  readonly kind: 'open'
  readonly subject: string | undefined
  readonly providerSession: string | undefined
  readonly data: SessionData
  readonly createdAt: number
  readonly rotatedAt: number
  readonly broughtAt: number
  /** Which secret opened it: 0 the newest, 1 the one before. */
  readonly slot: number
  /** Number of secrets in the record. */
  readonly slots: number
  /** The newest secret, when the one before opened it and the newest was never brought. */
  readonly next: TicketSecret | undefined
  /** The header as it was written. */
  readonly header: Uint8Array
  readonly dataKey: Uint8Array
}

/** What a record keeps for the application. */
export interface Content {
  readonly subject: string | undefined
  /** The session at the provider that they came from. */
  readonly providerSession?: string | undefined
  readonly data: SessionData
}

/** What all records of one manager have in common. */
export interface RecordContext {
  readonly sealers: Sealers
  readonly prefixTag: Uint8Array
}

export interface WrittenRecord {
  readonly bytes: Uint8Array
  readonly record: OpenRecord
}

/**
 * Opens a record with a ticket. The secret is compared before anything is opened with it, so a wrong one tells nothing.
 *
 * @throws SessionError `ERR_KEY_UNKNOWN` when the ticket is right and the key of the installation is missing here, or the
 * kind of seal
 */
export function openRecord(
  { sealers, prefixTag }: RecordContext,
  ticket: Ticket,
  bytes: Uint8Array,
  now: number,
): OpenRecord | Rejection {
  const hash = hashSecret(ticket)
  const parts = readRecord(bytes)
  if (parts === undefined) return rejected('damaged')
  const { header } = parts
  if (!timingSafeEqual(header.prefixTag, prefixTag)) return rejected('unknown')
  const slot = findSlot(header, hash, now)
  if (slot === -1) return { kind: 'rejected', reason: 'wrong_secret', rotatedAt: header.rotatedAt }
  const sealer = sealers.reads(header.kind, now)
  // Of another gateway, whose settings are ahead of these: to call it absent would end the session.
  if (sealer === undefined && header.kind !== 'none') throw unknownKind(ticket, header.kind)
  return (sealer && openParts(sealer, ticket, parts, slot)) ?? rejected('damaged')
}

function rejected(reason: 'damaged' | 'unknown'): Rejection {
  return { kind: 'rejected', reason }
}

/** Looks at all slots, whichever fits. */
function findSlot({ slots, broughtAt }: RecordHeader, hash: SecretHash, now: number): number {
  let found = -1
  slots.forEach((slot, index) => {
    if (timingSafeEqual(slot.hash, hash)) found = index
  })
  return found === 1 && isOver(broughtAt, now) ? -1 : found
}

/** Is this the ticket with the newest secret of the record? */
export function isNewest({ header }: OpenRecord, ticket: Ticket): boolean {
  return timingSafeEqual(readRecord(header)!.header.slots[0]!.hash, hashSecret(ticket))
}

/** Is the time over in which the secret before is good? */
function isOver(broughtAt: number, now: number): boolean {
  return broughtAt !== 0 && now >= broughtAt + grace
}

function openParts(sealer: Sealer, ticket: Ticket, parts: RecordParts, slot: number): OpenRecord | undefined {
  const { header, headerBytes, content } = parts
  if (!sealer.hasKey(header.keyId)) {
    if (header.keyId === '') return undefined
    throw unknownKey(ticket, header.keyId)
  }
  const dataKey = sealer.unwrap(ticket, header.keyId, header.slots[slot]!.wrapped)
  const plain = dataKey && sealer.open(ticket.id, header.keyId, dataKey, headerBytes, content)
  const parsed = plain && parseContent(plain)
  if (parsed === undefined) return undefined
  return {
    kind: 'open',
    ...parsed,
    createdAt: header.createdAt,
    rotatedAt: header.rotatedAt,
    broughtAt: header.broughtAt,
    slot,
    slots: header.slots.length,
    next: slot === 1 && header.pending.length > 0 ? sealer.openNext(ticket, header.keyId, header.pending) : undefined,
    header: headerBytes.slice(),
    dataKey: dataKey!,
  }
}

function unknownKey({ id }: Ticket, keyId: string): SessionError {
  return new SessionError(
    'ERR_KEY_UNKNOWN',
    `Session ${id} was sealed with key "${keyId}", which is not among the keys here. ` +
      'It cannot be opened and was left alone. Give this process the same keys as those that share the store.',
  )
}

function unknownKind({ id }: Ticket, kind: RecordKind): SessionError {
  return new SessionError(
    'ERR_KEY_UNKNOWN',
    `Session ${id} is sealed as "${kind}", which "sealing" does not have here. It cannot be opened and was left alone. ` +
      'Give all that share the store the same sealing, and go from one to another by migrate.',
  )
}

/** Whether a record is sealed in an older way, or under an older key, than what is written now. */
export function isUnderOldSeal({ sealers: { writes } }: RecordContext, record: OpenRecord): boolean {
  const { kind, keyId } = readRecord(record.header)!.header
  return kind !== writes.kind || keyId !== writes.keyId
}

/** When a record is read no longer, whoever brings its ticket, in milliseconds since 1970. */
export function readableUntil({ sealers: { until, reads } }: RecordContext, record: OpenRecord): number {
  if (until === Number.POSITIVE_INFINITY) return until
  const { kind, keyId } = readRecord(record.header)!.header
  return reads(kind, until)?.hasKey(keyId) ? Number.POSITIVE_INFINITY : until
}

function parseContent(plain: Uint8Array): Pick<OpenRecord, keyof Content> | undefined {
  try {
    const { subject, providerSession, data } = JSON.parse(new TextDecoder().decode(plain)) as Content
    return { subject, providerSession, data: freezeData(data) }
  } catch {
    return undefined
  }
}

/** The first record of a session. */
export function newRecord(
  context: RecordContext,
  ticket: Ticket,
  content: Content,
  visitor: Visitor,
  now: number,
): WrittenRecord {
  return seal(context, ticket, content, visitor, { counter: 0, createdAt: now, rotatedAt: now })
}

/**
 * The record sealed anew, with a new data key, for this ticket alone: every other secret is dead, and an earlier copy of
 * the record does not lead to this one.
 *
 * @param rotatedAt when the ticket got its secret
 */
export function resealRecord(
  context: RecordContext,
  record: OpenRecord,
  ticket: Ticket,
  content: Content,
  now: number,
  rotatedAt: number,
): WrittenRecord {
  const { header } = readRecord(record.header)!
  const sealer = context.sealers.reads(header.kind, now)
  const metadata = (sealer && openMetadata(sealer, ticket.id, header, record.dataKey)) ?? {}
  const { createdAt } = record
  return seal(context, ticket, content, metadata, { counter: nextCounter(header.counter), createdAt, rotatedAt })
}

function seal(
  { sealers: { writes }, prefixTag }: RecordContext,
  ticket: Ticket,
  content: Content,
  metadata: Metadata,
  times: Pick<RecordHeader, 'counter' | 'createdAt' | 'rotatedAt'>,
): WrittenRecord {
  const dataKey = writes.newDataKey()
  const salt = new Uint8Array(randomBytes(16))
  const [subject, providerSession] = [
    content.subject && hashSubject(writes, content.subject),
    content.providerSession && hashName(writes, 'provider session', content.providerSession, writes.keyId),
  ]
  const header: RecordHeader = {
    ...times,
    kind: writes.kind,
    prefixTag,
    keyId: writes.keyId,
    salt,
    writeId: newWriteId(),
    broughtAt: 0,
    slots: [newSlot(writes, ticket, dataKey, writes.keyId)],
    pending: new Uint8Array(0),
    metadata: sealMetadata(writes, ticket.id, salt, dataKey, { ...metadata, subject, providerSession }),
  }
  return finish(writes, ticket, header, dataKey, content, 0, undefined)
}

/** How `amendRecord` changes the secrets. */
export interface SecretChange {
  /** A rotation by age: this secret is the newest from now on, the present one the one before. */
  readonly next?: TicketSecret | undefined
  /** The newest secret was brought for the first time. */
  readonly brought?: boolean
}

/** The record under the same data key, with other content or secrets. `undefined` when it has to be sealed anew. */
export function amendRecord(
  { sealers }: RecordContext,
  record: OpenRecord,
  ticket: Ticket,
  content: Content,
  now: number,
  { next, brought = false }: SecretChange,
): WrittenRecord | undefined {
  const { header } = readRecord(record.header)!
  const alive = isOver(header.broughtAt, now) ? header.slots.slice(0, 1) : header.slots
  const sealer = sealerToAmend(sealers, header, alive.length, now)
  if (sealer === undefined) return undefined
  const changed: RecordHeader = {
    ...header,
    counter: nextCounter(header.counter),
    writeId: newWriteId(),
    ...(alive.length === 1 && { slots: alive, broughtAt: 0 }),
    ...(brought && { broughtAt: now, pending: new Uint8Array(0) }),
    ...(next !== undefined && {
      rotatedAt: now,
      broughtAt: 0,
      slots: [newSlot(sealer, { id: ticket.id, secret: next }, record.dataKey, header.keyId), alive[0]!],
      pending: sealer.sealNext(ticket, header.keyId, next),
    }),
  }
  const slot = next === undefined ? record.slot : 1
  return finish(sealer, ticket, changed, record.dataKey, content, slot, next ?? record.next)
}

/** A record of an older kind or key moves to the present one as soon as only one secret opens it. */
function sealerToAmend({ reads, writes }: Sealers, header: RecordHeader, secrets: number, now: number) {
  const isPresent = header.kind === writes.kind && header.keyId === writes.keyId
  return isPresent || secrets > 1 ? reads(header.kind, now) : undefined
}

function newSlot(sealer: Sealer, ticket: Ticket, dataKey: Uint8Array, keyId: string): Slot {
  return { hash: hashSecret(ticket), wrapped: sealer.wrap(ticket, keyId, dataKey) }
}

function newWriteId(): Uint8Array {
  return new Uint8Array(randomBytes(8))
}

function finish(
  sealer: Sealer,
  ticket: Ticket,
  header: RecordHeader,
  dataKey: Uint8Array,
  content: Content,
  slot: number,
  next: TicketSecret | undefined,
): WrittenRecord {
  const headerBytes = writeHeader(header)
  const plain = new TextEncoder().encode(JSON.stringify(content))
  const sealed = sealer.seal(ticket.id, header.keyId, dataKey, headerBytes, plain)
  const bytes = new Uint8Array(headerBytes.length + sealed.length)
  bytes.set(headerBytes)
  bytes.set(sealed, headerBytes.length)
  const { createdAt, rotatedAt, broughtAt, slots } = header
  const kept = { createdAt, rotatedAt, broughtAt, slot, slots: slots.length, next, header: headerBytes, dataKey }
  return { bytes, record: { kind: 'open', ...parseContent(plain)!, ...kept } }
}
