import type { PathMatch } from '@coatcheck/model'
import { isNamed } from '../headers.ts'
import type { ReadField, ReadMatch, ReadRoute } from '../read-matches.ts'
import { queryHolds, type RequestFields } from '../router/conditions.ts'
import { createPathTable } from '../router/path-table.ts'
import { compareEntries, decidingRule, type Entry, isWildcard, type PrecedenceRule } from '../router/precedence.ts'
import { describeField } from './mask.ts'

/** A match that was looked at. */
export interface Candidate {
  readonly route: string
  /** The match, as one reads it. */
  readonly match: string
  /** Why it does not take the request; `undefined` for the one that does. */
  readonly reason: string | undefined
}

/** A match that would take the request, were there not one that goes before it. */
export interface LowerCandidate extends Candidate {
  /** By which rule the other one goes before it. */
  readonly reason: string
}

export interface AskedRequest extends RequestFields {
  readonly listener: string
  readonly host: string
  readonly path: string
}

export interface Choice {
  readonly route: ReadRoute | undefined
  readonly match: ReadMatch | undefined
  /** In the order in which they are tried, up to the one that takes the request. */
  readonly candidates: readonly Candidate[]
  /** Of other routes, in the order in which they would be tried. */
  readonly lower: readonly LowerCandidate[]
}

/** Goes through all matches in their order, which the router does not have to, and says why each was not it. */
export function chooseRoute(routes: readonly ReadRoute[], request: AskedRequest): Choice {
  const entries = routes.flatMap((route) => route.matches.map((match) => ({ match, value: route })))
  const ordered = entries.map((entry, order) => ({ ...entry, order })).sort(compareEntries)
  const candidates: Candidate[] = []
  for (const [index, taken] of ordered.entries()) {
    const candidate = judged(taken, request)
    candidates.push(candidate)
    if (candidate.reason !== undefined) continue
    const lower = ordered.slice(index + 1).flatMap((other) => lowerThan(taken, other, request))
    return { route: taken.value, match: taken.match, candidates, lower }
  }
  return { route: undefined, match: undefined, candidates, lower: [] }
}

function judged({ match, value: route }: Entry<ReadRoute>, request: AskedRequest): Candidate {
  return { route: route.name, match: describeMatch(match, route.listeners), reason: mismatch(route, match, request) }
}

function lowerThan(taken: Entry<ReadRoute>, other: Entry<ReadRoute>, request: AskedRequest): LowerCandidate[] {
  if (other.value === taken.value) return []
  const candidate = judged(other, request)
  return candidate.reason === undefined ? [{ ...candidate, reason: precedence[decidingRule(taken, other)] }] : []
}

const precedence: Readonly<Record<PrecedenceRule, string>> = {
  host: 'a nearer host goes first',
  path: 'a nearer path goes first',
  methods: 'a match with methods goes first',
  headers: 'a match with more headers goes first',
  query: 'a match with more query parameters goes first',
  order: 'the earlier one goes first',
}

function mismatch({ listeners }: ReadRoute, match: ReadMatch, request: AskedRequest): string | undefined {
  if (listeners?.includes(request.listener) === false) return `the listener is ${request.listener}`
  if (!takesHost(match.host, request.host)) return `the host is ${request.host || 'missing'}`
  if (!takesPath(match.path, request)) return `the path is ${request.path}`
  if (match.methods.length > 0 && !match.methods.includes(request.method)) return `the method is ${request.method}`
  const header = match.headers.find((field) => !takesHeader(field, request))
  if (header !== undefined) return `the header ${describeField(header, 'header')} is not there`
  const parameter = match.query.find((field) => !queryHolds([field], request.query))
  return parameter && `the query parameter ${describeField(parameter, 'query')} is not there`
}

function takesHost(host: string | undefined, asked: string): boolean {
  if (host === undefined) return true
  return isWildcard(host) ? asked.endsWith(host.slice(1).toLowerCase()) : asked === host.toLowerCase()
}

function takesPath(path: PathMatch, request: AskedRequest): boolean {
  const table = createPathTable<true>()
  table.add({ match: { host: undefined, path, methods: [], headers: [], query: [] }, value: true, order: 0 })
  return table.find(request.path, request) !== undefined
}

function takesHeader({ name, value }: ReadField, { headers }: AskedRequest): boolean {
  const lower = name.toLowerCase()
  return headers.some(
    (header, i) => i % 2 === 0 && isNamed(header, lower) && (value ?? headers[i + 1]) === headers[i + 1],
  )
}

/** A match in one line. */
export function describeMatch(
  { host, path, methods, headers, query }: ReadMatch,
  listeners: readonly string[] | undefined,
): string {
  return [
    host ?? 'any host',
    path.kind === 'prefix' ? `${path.value.replace(/\/$/, '')}/…` : path.value,
    ...(methods.length > 0 ? [methods.join('|')] : []),
    ...headers.map((field) => `header ${describeField(field, 'header')}`),
    ...query.map((field) => `query ${describeField(field, 'query')}`),
    ...(listeners === undefined ? [] : [`on ${listeners.join('|')}`]),
  ].join(' ')
}
