import type { PathRewrite, RewriteSpec } from '@coatcheck/model'
import type { Exchange } from '../exchange.ts'
import type { Middleware } from '../middleware.ts'
import { wirePath } from '../target.ts'
import type { RouteContext } from './context.ts'

/**
 * Gives the upstream another path; the query stays.
 *
 * The new target is held to the same rule as the client's: whatever its path may be read as leads to one route.
 */
export function rewrite(spec: RewriteSpec, context: RouteContext): Middleware {
  const rewritten = compileRewrite(spec.path)
  return (next) =>
    function rewriteTarget(exchange) {
      const target = rewritten(exchange)
      context.checkTarget(target, exchange)
      exchange.outgoing.target = target
      return next(exchange)
    }
}

/**
 * The target that a rewrite makes of the one on its way. A prefix is what the route's match took, by segments of the
 * raw path, so that escapes in the rest stay as they came; an exact path or a template is replaced as a whole.
 */
export function compileRewrite(path: PathRewrite): (exchange: Exchange) => string {
  if (!path.value.startsWith('/'))
    throw new Error(`it rewrites to "${path.value}", which is no path: it must begin with /`)
  const whole = wirePath(path.value)
  const start = whole.replace(/\/$/, '')
  return function rewritten({ outgoing: { target }, matchedSegments }) {
    const question = target.indexOf('?')
    const end = question === -1 ? target.length : question
    const query = target.slice(end)
    if (path.kind === 'full' || matchedSegments < 0) return whole + query
    const rest = target.slice(endOfSegments(target, matchedSegments, end), end)
    return (start + rest || '/') + query
  }
}

/** Where the first `count` segments end. */
function endOfSegments(target: string, count: number, end: number): number {
  let at = 0
  for (let i = 0; i < count; i++) {
    const next = target.indexOf('/', at + 1)
    if (next === -1 || next >= end) return end
    at = next
  }
  return at
}
