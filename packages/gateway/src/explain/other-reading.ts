import type { ReadRoute } from '../read-matches.ts'
import { type AskedRequest, chooseRoute } from './candidates.ts'

/** An answer of the gateway's own, before or instead of a route's chain. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Why a request is refused of which one reading is not the route's; `undefined` when all are. */
export function otherReading(
  routes: readonly ReadRoute[],
  request: AskedRequest,
  readings: readonly string[] | undefined,
  route: ReadRoute | undefined,
): Refusal | undefined {
  for (const path of readings ?? []) {
    const other = chooseRoute(routes, { ...request, path }).route
    if (other === route) continue
    const whose = other === undefined ? 'of no route' : `of route "${other.name}"`
    return { status: 400, code: 'ambiguous-target', message: `servers may read the path as ${path}, ${whose}` }
  }
  return undefined
}
