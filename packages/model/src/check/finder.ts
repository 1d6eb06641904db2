import type { Diagnostic, PlaceOf } from '../diagnostic.ts'
import type { LeftOut } from '../dialect.ts'
import type { GatewayModel } from '../model.ts'
import type { MiddlewareKind, MiddlewareSpec, ProxyAction, RedirectAction, Route } from '../route.ts'

/** What a check has found, without how bad it is and where it stands. */
export interface Finding extends Pick<Diagnostic, 'code' | 'message' | 'consequence' | 'remedy'> {
  /** JSON pointers of other parts of the model that belong to it. */
  readonly related?: readonly string[]
}

/** Collects findings. Pointers are JSON pointers into the model. */
export interface Finder {
  error(pointer: string, finding: Finding): void
  warning(pointer: string, finding: Finding): void
}

/** Looks at a whole model for one kind of mistake. */
export type Check = (model: GatewayModel, found: Finder, leftOut: LeftOut) => void

export function finder(placeOf: PlaceOf, into: Diagnostic[]): Finder {
  const add =
    (severity: Diagnostic['severity']) =>
    (pointer: string, { related, ...finding }: Finding) => {
      const places = related?.map(placeOf).filter((place) => place !== undefined)
      into.push({ severity, place: placeOf(pointer), ...finding, ...(places?.length ? { related: places } : {}) })
    }
  return { error: add('error'), warning: add('warning') }
}

/** Each route's middleware of one kind, with the pointers of both. */
export function* eachMiddleware<K extends MiddlewareKind>(model: GatewayModel, kind: K) {
  for (const [index, route] of model.routes.entries()) {
    for (const [at, spec] of route.middleware.entries()) {
      const pointer = `/routes/${index}`
      if (spec.kind === kind) {
        yield {
          spec: spec as Extract<MiddlewareSpec, { kind: K }>,
          pointer: `${pointer}/middleware/${at}`,
          route,
          index,
        }
      }
    }
  }
}

/** The route's middleware of one kind. */
export function middlewareOf<K extends MiddlewareKind>(route: Route, kind: K) {
  return route.middleware.find((spec): spec is Extract<MiddlewareSpec, { kind: K }> => spec.kind === kind)
}

/** What a route does, or was meant to do when it is broken, with pointers below the route. */
export function actionsOf({ action }: Route): { action: ProxyAction | RedirectAction; at: string }[] {
  if (action.kind !== 'broken') return [{ action, at: '/action' }]
  return (action.written?.actions ?? []).map((meant, index) => ({
    action: meant,
    at: `/action/written/actions/${index}`,
  }))
}

/** Whether all that was written in these fields of the route is in the model; of a broken one it may not be known. */
export function isUnderstood({ action }: Route, ...fields: readonly string[]): boolean {
  if (action.kind !== 'broken') return true
  return action.written !== undefined && !fields.some((field) => action.written?.lost.includes(field))
}

/** Whether what comes in through this listener can reach the route. */
export function serves({ listeners }: Route, listener: string): boolean {
  return listeners === undefined || listeners.includes(listener)
}

/** The session that serves a route; `undefined` when none does, or none of that name exists. */
export function sessionOf(model: GatewayModel, route: Route) {
  const name = middlewareOf(route, 'session')?.session
  return model.sessions.find((session) => session.name === name)
}
