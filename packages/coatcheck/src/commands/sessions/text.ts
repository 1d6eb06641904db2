/** Sessions as text: one row each in a list, one field a line for a single one. */
import type { SessionInfo } from '@coatcheck/session'

/** Columns of a list, and the characters that each has; the last one has what is left. */
const columns = [
  ['ID', 22],
  ['SUBJECT', 22],
  ['CREATED', 20],
  ['LAST SEEN', 20],
  ['EXPIRES', 20],
  ['ADDRESS', 15],
  ['USER AGENT', 60],
] as const

const none = '-'

export const listHeading = row(columns.map(([name]) => name))

export function listRow(info: SessionInfo): string {
  const { id, createdAt, lastSeenAt, endsAt } = info
  const [subject, address, userAgent] = hidden(info, info.subject, info.address, info.userAgent)
  return row([id, subject!, time(createdAt), time(lastSeenAt), time(endsAt), address!, userAgent!])
}

/** Sealed with a key that is not here: that is another thing than none. */
function hidden({ readable }: SessionInfo, ...values: readonly (string | undefined)[]): string[] {
  return values.map((value) => (readable ? (value ?? none) : 'sealed'))
}

function row(cells: readonly string[]): string {
  const padded = cells.map((cell, index) => {
    const [, width] = columns[index]!
    const text = plain(cell)
    return index === columns.length - 1 ? text.slice(0, width) : text.padEnd(width)
  })
  return `${padded.join('  ').trimEnd()}\n`
}

/** What visitors wrote must not steer a terminal: control characters, also those of writing direction, become `?`. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
}

/** `2026-11-24T12:50:49Z` */
function time(at: number | undefined): string {
  return at === undefined ? none : asIso(at).replace(/\.\d+Z$/, 'Z')
}

/** Times as texts, for people and programs. */
export function asJson(session: string, info: SessionInfo): string {
  const { createdAt, lastSeenAt, endsAt, rotatedAt, ...rest } = info
  const times = {
    createdAt: asIso(createdAt),
    lastSeenAt: lastSeenAt === undefined ? null : asIso(lastSeenAt),
    endsAt: asIso(endsAt),
    rotatedAt: asIso(rotatedAt),
  }
  const { subject = null, address = null, userAgent = null } = info
  return `${JSON.stringify({ session, ...rest, subject, address, userAgent, ...times })}\n`
}

/** Of a record that anybody may have written, too. */
function asIso(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : 'never'
}

export function details(session: string, info: SessionInfo): string {
  const [subject, address, userAgent] = hidden(info, info.subject, info.address, info.userAgent)
  const key = info.keyId === '' ? 'no key' : `key ${info.keyId}`
  const rows: readonly (readonly [string, string])[] = [
    ['id', info.id],
    ['session', session],
    ['subject', subject!],
    ['created', time(info.createdAt)],
    ['last seen', time(info.lastSeenAt)],
    ['expires', time(info.endsAt)],
    ['ticket of', time(info.rotatedAt)],
    ['address', address!],
    ['user agent', userAgent!],
    ['sealing', `${info.sealing}, ${key}`],
    ['size', `${info.size} bytes`],
  ]
  return rows.map(([name, value]) => `${name.padEnd(12)}${plain(value)}\n`).join('')
}
