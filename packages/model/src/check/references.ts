import type { GatewayModel, Sealing } from '../model.ts'
import type { Route } from '../route.ts'
import { didYouMean } from '../suggest.ts'
import { type Check, eachMiddleware, type Finder, type Finding } from './finder.ts'

/** A name that stands for nothing: what a diagnostic says of it, without its place. */
export function unknownReference(
  kind: 'listener' | 'store' | 'session' | 'upstream' | 'key',
  name: string,
  known: readonly string[],
  consequence: string,
): Omit<Finding, 'related'> {
  const names = [...new Set(known)]
  const list = names.length === 0 ? ` There is no ${kind} yet.` : ` Known are ${names.slice(0, 20).join(', ')}.`
  return {
    code: `${kind}-unknown`,
    message: `There is no ${kind} "${name}".`,
    consequence,
    remedy: `Define it, or write another.${didYouMean(name, names) || list}`,
  }
}

/**
 * Every name that refers to something is the name of something. What is written, but left out of the model, is known.
 */
export const checkReferences: Check = (model, found, leftOut) => {
  const known = {
    listeners: namesOf(model.listeners, leftOut.listeners),
    stores: namesOf(model.stores, leftOut.stores),
    sessions: namesOf(model.sessions, leftOut.sessions),
    upstreams: namesOf(model.upstreams, leftOut.upstreams),
    keys: [...model.keys.map(({ id }) => id), ...(leftOut.keys ?? [])],
  }
  for (const [index, { store, sealing }] of model.sessions.entries()) {
    const pointer = `/sessions/${index}`
    if (!known.stores.includes(store)) {
      found.error(`${pointer}/store`, unknownReference('store', store, known.stores, 'Its sessions could not be kept.'))
    }
    for (const key of keysOf(sealing).filter((key) => !known.keys.includes(key))) {
      const consequence = 'Its sessions could not be sealed or opened.'
      found.error(`${pointer}/sealing`, unknownReference('key', key, known.keys, consequence))
    }
  }
  for (const { spec, pointer } of eachMiddleware(model, 'session')) {
    if (known.sessions.includes(spec.session)) continue
    found.error(pointer, unknownReference('session', spec.session, known.sessions, 'The route would have no session.'))
  }
  for (const { spec, pointer } of eachMiddleware(model, 'mirror')) {
    if (known.upstreams.includes(spec.upstream)) continue
    found.error(
      `${pointer}/upstream`,
      unknownReference('upstream', spec.upstream, known.upstreams, 'Nothing would be mirrored.'),
    )
  }
  checkListenersOfRoutes(model, known.listeners, found)
  for (const [index, { action }] of model.routes.entries()) {
    if (action.kind !== 'proxy' || known.upstreams.includes(action.upstream)) continue
    const consequence = 'Its requests would be answered with 500.'
    found.error(`/routes/${index}/action`, unknownReference('upstream', action.upstream, known.upstreams, consequence))
  }
}

function namesOf(specs: readonly { readonly name: string }[], leftOut: readonly string[] = []): readonly string[] {
  return [...specs.map(({ name }) => name), ...leftOut]
}

/** What is missing for a route that names a listener which is not there. */
export const withoutListener = 'Nothing that comes in there would reach the route.'

function checkListenersOfRoutes(model: GatewayModel, names: readonly string[], found: Finder): void {
  for (const [index, route] of model.routes.entries()) {
    // Why a broken one is broken was told where it was found.
    if (route.action.kind === 'broken' || route.listeners === undefined) continue
    const pointer = `/routes/${index}/listeners`
    if (route.listeners.length === 0) found.error(pointer, onNoListener(route))
    for (const [at, name] of route.listeners.entries()) {
      if (names.includes(name)) continue
      found.error(`${pointer}/${at}`, unknownReference('listener', name, names, withoutListener))
    }
  }
}

function onNoListener({ name }: Route): Finding {
  return {
    code: 'route-without-listener',
    message: `Route "${name}" serves no listener.`,
    consequence: 'No request would reach it.',
    remedy: 'Name at least one, or leave "listeners" out to serve all of them.',
  }
}

/** Every key that a sealing names, those of a migration included. */
export function keysOf(sealing: Sealing): readonly string[] {
  if (sealing.kind === 'keys') return sealing.keys
  return sealing.kind === 'migrate' ? [...keysOf(sealing.from), ...keysOf(sealing.to)] : []
}
