import { suggest } from '@coatcheck/model'
import type * as z from 'zod'
import { isReference } from './content.ts'
import { referenceMark } from './schema/values.ts'

/** What the schema found wrong. */
export type Issue = z.core.$ZodIssue
/** Why a value is not right when it is read in one of the ways in which it may be written. */
export type Way = readonly Issue[]

/** Of several ways to write a value, the one that was meant: of the right kind, and nearest to being right. */
export function meantWay(ways: readonly Way[], found: unknown): Way | undefined {
  if (isReference(found)) return insideOf(ways.find(isReferenceWay))
  const ofKind = ways.filter((way) => !isReferenceWay(way) && isOfKind(way, found))
  return ofKind.sort((a, b) => farness(a, found) - farness(b, found))[0]
}

/** Ways within ways, but for references, which are one. */
export function flat(way: Way): Way[] {
  const [issue] = way
  const nested = way.length === 1 && issue?.code === 'invalid_union' && issue.path.length === 0 && !isReferenceWay(way)
  return nested ? issue.errors.flatMap(flat) : [way]
}

function isReferenceWay(way: Way): boolean {
  return way.some(
    (issue) => issue.message === referenceMark || (issue.code === 'custom' && issue.params?.code === 'value-missing'),
  )
}

/** A reference that is not written right is told by its own issues. */
function insideOf(way: Way | undefined): Way | undefined {
  const issue = way?.[0]
  if (way === undefined || issue?.code !== 'invalid_union' || !isReferenceWay(way)) return way
  return [...issue.errors].sort((a, b) => farness(a) - farness(b))[0] ?? way
}

function isOfKind(way: Way, found: unknown): boolean {
  return !way.some((issue) => {
    if (issue.path.length > 0) return false
    if (issue.code === 'invalid_value') return !issue.values.some((option) => typeof option === typeof found)
    return issue.code === 'invalid_type'
  })
}

/** How much is wrong with a way. A choice that is nearly right was meant; one that is not was not. */
function farness(way: Way, found?: unknown): number {
  return way.reduce((sum, issue) => {
    if (issue.code === 'unrecognized_keys') return sum + issue.keys.length
    if (issue.code !== 'invalid_value') return sum + 1
    return sum + (suggest(String(found), issue.values.map(String)) === undefined ? 1.5 : 0.5)
  }, 0)
}

/** What the ways expect, for a remedy. */
export function alternatives(ways: readonly Way[]): string[] {
  const all = ways.filter((way) => !isReferenceWay(way)).flatMap((way) => way.flatMap(expected))
  return [...new Set(all)]
}

/** `a, b or c`; with another comma where a part has some of its own. */
export function either(options: readonly string[]): string {
  const last = options.at(-1) ?? ''
  const others = options.slice(0, -1)
  const between = others.some((option) => option.includes(',')) ? ', or ' : ' or '
  return others.length === 0 ? last : `${others.join(', ')}${between}${last}`
}

function expected(issue: Issue): string[] {
  if (issue.path.length > 0) return []
  if (issue.code === 'invalid_value') return issue.values.map(String)
  return issue.code === 'invalid_type' ? [kindOf(issue)] : []
}

/** What the schema says that it expects, else the kind. */
export function kindOf(issue: Issue & { code: 'invalid_type' }): string {
  return issue.message.startsWith('Invalid ') ? (kinds[issue.expected] ?? issue.expected) : issue.message
}

/** How remedies call a string. */
export const textKind = 'text'

const kinds: Readonly<Record<string, string>> = {
  string: textKind,
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}
