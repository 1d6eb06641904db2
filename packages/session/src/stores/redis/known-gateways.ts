/**
 * What the gateways under one prefix tell each other of themselves: fingerprints of the keys that they know, and the
 * settings that all of them should have alike. Gateways that are alike in all of it are one entry; an entry lasts as long
 * as one of them renews it.
 */
import { createHmac } from 'node:crypto'
import type { SealingKey } from '../../api.ts'
import { knownFor } from './meeting.ts'

/** Short texts by name, as `idle: '600000'`. */
export type SharedSettings = Readonly<Record<string, string>>

export interface KnownGateway {
  /** Fingerprints by the id of the key. */
  readonly keys: Readonly<Record<string, string>>
  readonly settings: SharedSettings
}

/** Tells keys apart without giving them away: HMAC-SHA-256, 12 characters of base64url. */
export function fingerprint({ id, bytes }: SealingKey, prefix: string): string {
  const hash = createHmac('sha256', bytes).update(`coatcheck fingerprint\0${prefix}\0${id}`).digest()
  return hash.subarray(0, 9).toString('base64url')
}

/** What a gateway with these keys and settings says of itself. */
export function describeGateway(keys: readonly SealingKey[], settings: SharedSettings, prefix: string): KnownGateway {
  return { keys: Object.fromEntries(keys.map((key) => [key.id, fingerprint(key, prefix)])), settings }
}

/** The same text for gateways that are alike. */
export function formatGateway({ keys, settings }: KnownGateway): string {
  return JSON.stringify({ keys: sorted(keys), settings: sorted(settings) })
}

/** `undefined` for what is no entry of ours. */
export function parseGateway(text: string): KnownGateway | undefined {
  try {
    const { keys, settings } = JSON.parse(text) as Partial<KnownGateway>
    return isTexts(keys) && isTexts(settings) ? { keys, settings } : undefined
  } catch {
    return undefined
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((text) => typeof text === 'string' && text.length <= 256)
}

function sorted(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is wrong between this gateway and those that run. */
export interface Comparison {
  /** Why this one must not serve beside them; `undefined`: nothing is in the way. */
  readonly conflict: string | undefined
  /** What differs, and works all the same. */
  readonly warnings: readonly string[]
  /** Ids of keys that gateways which run know, and this one does not. */
  readonly missing: readonly string[]
}

/**
 * Entries that are none of ours count for nothing.
 *
 * @param alike whether a gateway that is alike runs already: then none has to be in the way
 */
export function compareGateways(own: KnownGateway, entries: readonly string[], alike: boolean): Comparison {
  const others = entries.map(parseGateway).filter((other) => other !== undefined)
  const strangers = others.filter((other) => !sharesKey(own, other))
  const twins = new Set(others.flatMap((other) => sameNames(own.keys, other.keys)))
  const warnings = differences(own.settings, others)
  const missing = missingKeys(own, others)
  if (twins.size > 0) return { conflict: namesTwice([...twins]), warnings, missing }
  if (others.length > 0 && strangers.length === others.length && !alike)
    return { conflict: shareNothing(own), warnings, missing }
  if (strangers.length === 0) return { conflict: undefined, warnings, missing }
  return { conflict: undefined, warnings: [...warnings, shareWithSome(strangers)], missing }
}

function missingKeys(own: KnownGateway, others: readonly KnownGateway[]): string[] {
  const theirs = new Set(others.flatMap(({ keys }) => Object.keys(keys)))
  return [...theirs].filter((id) => !Object.hasOwn(own.keys, id)).map((id) => plain(id.slice(0, 32)))
}

function sharesKey(own: KnownGateway, other: KnownGateway): boolean {
  return Object.entries(own.keys).some(([id, print]) => other.keys[id] === print)
}

/** Ids under which the two have different keys. */
function sameNames(own: KnownGateway['keys'], others: KnownGateway['keys']): string[] {
  return Object.keys(own).filter((id) => Object.hasOwn(others, id) && others[id] !== own[id])
}

function differences(own: SharedSettings, others: readonly KnownGateway[]): string[] {
  return Object.entries(own).flatMap(([name, value]) => {
    const elsewhere = new Set(others.map(({ settings }) => settings[name]).filter((other) => other !== undefined))
    elsewhere.delete(value)
    if (elsewhere.size === 0) return []
    return [
      `The setting "${name}" is ${value} here and ${[...elsewhere].map(plain).join(', ')} in gateways that share the sessions.`,
    ]
  })
}

/** What others say comes from the store, and ends on terminals and in logs. */
const plain = (text: string) => text.replace(/[^\x20-\x7e]/g, '?')
const list = (ids: readonly string[]) => ids.map((id) => `"${plain(id.slice(0, 32))}"`).join(', ')

function namesTwice(ids: readonly string[]): string {
  return (
    `Under the key id ${list(ids)} gateways that run have another key than this one: what one of them seals is damaged ` +
    'for the other. Give each key an id of its own, and all gateways the same "keys:".'
  )
}

function shareNothing({ keys }: KnownGateway): string {
  return (
    `None of the keys here (${list(Object.keys(keys))}) is known to the gateways that run: sessions of the one would not ` +
    'open on the other. Give all gateways the same "keys:"; a new key is first put last in the list of all of them, then ' +
    `first. If the others were stopped, wait ${knownFor / 1000} s.`
  )
}

function shareWithSome(strangers: readonly KnownGateway[]): string {
  const theirs = list([...new Set(strangers.flatMap((stranger) => Object.keys(stranger.keys)))])
  return `Some gateways that run know none of the keys here, but ${theirs}: sessions of the one do not open on the other.`
}
