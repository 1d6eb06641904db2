import type { FieldMatch, PathMatch, Route, RouteMatch } from '../model.ts'
import type { Check, Finding } from './finder.ts'

/**
 * No match is covered by another that comes before it.
 *
 * Among matches of the same host and path those with more conditions rank higher, so that one can cover another only
 * when both have as many, or the later one ranks lower and asks for nothing more.
 */
export const checkReachability: Check = ({ routes }, found) => {
  const groups = new Map<string, Candidate[]>()
  for (const [index, route] of routes.entries()) {
    // What a broken route was meant to match may not be known.
    if (route.action.kind === 'broken') continue
    for (const [at, match] of route.matches.entries()) {
      const key = `${match.host ?? ''} ${pathKey(match.path)}`
      const group = groups.get(key) ?? []
      const candidate = { route, match, pointer: `/routes/${index}/matches/${at}`, index }
      const above = group.find((other) => other.index !== index && covers(other.match, match))
      if (above !== undefined)
        found.error(candidate.pointer, { ...unreachable(candidate, above), related: [above.pointer] })
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
    b.some((other) => fold(one.name) === fold(other.name) && (one.value === undefined || one.value === other.value)),
  )
}

function unreachable({ route, match }: Candidate, above: Candidate): Finding {
  const methods = match.methods.length === 0 ? 'requests' : match.methods.join(', ')
  const what = `${methods} for "${match.path.value}" on ${match.host === undefined ? 'any host' : `"${match.host}"`}`
  return {
    code: 'route-unreachable',
    message: `Route "${route.name}" can never take ${what}: route "${above.route.name}" above it takes them all.`,
    consequence: `What "${route.name}" asks for and does would not happen.`,
    remedy: `Move "${route.name}" up, narrow "${above.route.name}", or remove one of them.`,
  }
}
