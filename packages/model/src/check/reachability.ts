import type { FieldMatch, PathMatch, Route, RouteMatch } from '../route.ts'
import { type Check, type Finding, isUnderstood, serves } from './finder.ts'

/**
 * No match is covered by others that come before it, on all listeners that its route serves.
 *
 * Among matches of the same host and path those with more conditions rank higher, so that one can cover another only
 * when both have as many, or the later one ranks lower and asks for nothing more.
 */
export const checkReachability: Check = ({ listeners, routes }, found) => {
  const everywhere = listeners.length === 0 ? [''] : listeners.map(({ name }) => name)
  const groups = new Map<string, Candidate[]>()
  for (const [index, route] of routes.entries()) {
    if (!isUnderstood(route, 'match', 'listeners')) continue
    for (const [at, match] of route.matches.entries()) {
      const key = `${match.host ?? ''} ${pathKey(match.path)}`
      const group = groups.get(key) ?? []
      const candidate = { route, match, pointer: `/routes/${index}/matches/${at}`, index }
      const above = takenBefore(candidate, group, route.listeners ?? everywhere)
      if (above !== undefined)
        found.error(candidate.pointer, {
          ...unreachable(candidate, above),
          related: above.map(({ pointer }) => pointer),
        })
      group.push(candidate)
      groups.set(key, group)
    }
  }
}

interface Candidate {
  readonly route: Route
  readonly match: RouteMatch
  readonly pointer: string
  readonly index: number
}

/**
 * Those that take everything of the candidate, each on some of the listeners; `undefined` when something is left of it.
 */
function takenBefore(
  { match, index }: Candidate,
  group: readonly Candidate[],
  listeners: readonly string[],
): Candidate[] | undefined {
  const covering = group.filter((other) => other.index !== index && covers(other.match, match))
  const above = new Set<Candidate>()
  for (const listener of listeners) {
    const taker = covering.find(({ route }) => serves(route, listener))
    if (taker === undefined) return undefined
    above.add(taker)
  }
  return above.size === 0 ? undefined : [...above]
}

/** Paths that take the same requests: a slash at the end of a prefix says nothing, nor do names in a template. */
function pathKey({ kind, value }: PathMatch): string {
  const bare = kind === 'prefix' && value !== '/' ? value.replace(/\/$/, '') : value
  return `${kind} ${kind === 'template' ? bare.replace(/\{\w+\}/g, '{}') : bare}`
}

/** Whether the earlier one takes whatever the later one would, and is not outranked by it. */
function covers(earlier: RouteMatch, later: RouteMatch): boolean {
  const methods = later.methods.length > 0 && later.methods.every((method) => earlier.methods.includes(method))
  const sameMethods = earlier.methods.length === 0 ? later.methods.length === 0 : methods
  return sameMethods && sameFields(earlier.headers, later.headers, lower) && sameFields(earlier.query, later.query)
}

const lower = (name: string) => name.toLowerCase()

function sameFields(a: readonly FieldMatch[], b: readonly FieldMatch[], fold = (name: string) => name): boolean {
  if (a.length !== b.length) return false
  return a.every((one) =>
    b.some(
      (other) => fold(one.name) === fold(other.name) && (one.value === undefined || sameValue(one.value, other.value)),
    ),
  )
}

/** Of values that lie elsewhere, those are the same that lie in the same place. */
function sameValue(a: FieldMatch['value'], b: FieldMatch['value']): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

function unreachable({ route, match }: Candidate, above: readonly Candidate[]): Finding {
  const methods = match.methods.length === 0 ? 'requests' : match.methods.join(', ')
  const what = `${methods} for "${match.path.value}" on ${match.host === undefined ? 'any host' : `"${match.host}"`}`
  const names = above
    .map((one) => (one.route.name === route.name ? 'the other one' : `"${one.route.name}"`))
    .join(' and ')
  const [routes, take] = above.length === 1 ? ['route', 'takes'] : ['routes', 'take']
  const takers = names === 'the other one' ? 'the other one' : `${routes} ${names}`
  return {
    code: 'route-unreachable',
    message: `Route "${route.name}" can never take ${what}: ${takers} above it ${take} them all.`,
    consequence: `What "${route.name}" asks for and does would not happen.`,
    remedy: `Move "${route.name}" up, narrow ${names}, or remove one of them.`,
  }
}
