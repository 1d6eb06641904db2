import type { ReadMatch } from '../read-matches.ts'

/** A match of a route, with where it stands among all. */
export interface Entry<T> {
  readonly match: ReadMatch
  /** Place in the order of definition. */
  readonly order: number
  readonly value: T
}

const ranks = { exact: 0, template: 1, prefix: 2 } as const

/**
 * Orders entries as they are tried: host exact, wildcard (longer first), any; path exact, template (the one whose text
 * comes further to the left first), prefix (longer first); with methods before without; more headers; more query
 * parameters; as they were defined.
 *
 * @see https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export function compareEntries(a: Entry<unknown>, b: Entry<unknown>): number {
  return compareHosts(a.match.host, b.match.host) || comparePaths(a.match, b.match) || compareConditions(a, b)
}

/** What an entry goes before another one by. */
export type PrecedenceRule = 'host' | 'path' | 'methods' | 'headers' | 'query' | 'order'

/** The first rule by which two entries differ. */
export function decidingRule(a: Entry<unknown>, b: Entry<unknown>): PrecedenceRule {
  if (compareHosts(a.match.host, b.match.host) !== 0) return 'host'
  if (comparePaths(a.match, b.match) !== 0) return 'path'
  const decides = (part: 'methods' | 'headers' | 'query') =>
    compareConditions(conditionsOf(a.match, part), conditionsOf(b.match, part)) !== 0
  return (['methods', 'headers', 'query'] as const).find(decides) ?? 'order'
}

/** An entry with this one kind of conditions alone. */
function conditionsOf(match: ReadMatch, part: 'methods' | 'headers' | 'query'): Entry<undefined> {
  const none = { ...match, methods: [], headers: [], query: [] }
  return { match: { ...none, [part]: match[part] }, order: 0, value: undefined }
}

/** The same among entries whose host and path are the same. */
export function compareConditions(a: Entry<unknown>, b: Entry<unknown>): number {
  return (
    Number(b.match.methods.length > 0) - Number(a.match.methods.length > 0) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.query.length - a.match.query.length ||
    a.order - b.order
  )
}

function compareHosts(a: string | undefined, b: string | undefined): number {
  return hostRank(a) - hostRank(b) || (isWildcard(a) && isWildcard(b) ? b.length - a.length : 0)
}

function hostRank(host: string | undefined): number {
  return host === undefined ? 2 : isWildcard(host) ? 1 : 0
}

export function isWildcard(host: string | undefined): host is `*.${string}` {
  return host?.startsWith('*.') ?? false
}

function comparePaths(a: ReadMatch, b: ReadMatch): number {
  const rank = ranks[a.path.kind] - ranks[b.path.kind]
  if (rank !== 0) return rank
  if (a.path.kind === 'template') return compareTemplates(segmentsOf(a.path.value), segmentsOf(b.path.value))
  return a.path.kind === 'prefix' ? segmentsOf(b.path.value).length - segmentsOf(a.path.value).length : 0
}

function compareTemplates(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = Number(isVariable(a[i]!)) - Number(isVariable(b[i]!))
    if (order !== 0) return order
  }
  return 0
}

/** Segments of a path in a match; a slash at the end of a prefix says nothing. */
export function segmentsOf(path: string): string[] {
  return path === '/' ? [] : path.replace(/^\//, '').replace(/\/$/, '').split('/')
}

/** `{name}` in a template. */
export function isVariable(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('}')
}
