import type { MiddlewareKind, MiddlewareSpec, Route } from '@coatcheck/model'

/** The middleware of one kind on a route; there is at most one. */
export function findSpec<K extends MiddlewareKind>(
  route: Route,
  kind: K,
): Extract<MiddlewareSpec, { kind: K }> | undefined {
  return route.middleware.find((spec): spec is Extract<MiddlewareSpec, { kind: K }> => spec.kind === kind)
}
