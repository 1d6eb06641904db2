import type { GatewayModel } from '../model.ts'
import { type Check, eachMiddleware, type Finder, serves } from './finder.ts'

/** What is defined is used: else a name is wrong somewhere, or something was forgotten. */
export const checkUnused: Check = (model, found) => {
  if (model.listeners.length === 0) found.warning('/listeners', noListener)
  if (model.routes.length === 0) found.warning('/routes', noRoute)
  // What a broken route was meant to use is not known.
  if (model.routes.length === 0 || model.routes.some(({ action }) => action.kind === 'broken')) return
  unusedListeners(model, found)
  const mirrors = [...eachMiddleware(model, 'mirror')].map(({ spec }) => spec.upstream)
  const proxied = model.routes.flatMap(({ action }) => (action.kind === 'proxy' ? [action.upstream] : []))
  const sessions = [...eachMiddleware(model, 'session')].map(({ spec }) => spec.session)
  unused('upstream', model.upstreams, new Set([...mirrors, ...proxied]), found)
  unused('session', model.sessions, new Set(sessions), found)
  unused('store', model.stores, new Set(model.sessions.map(({ store }) => store)), found)
}

function unusedListeners({ listeners, routes }: GatewayModel, found: Finder): void {
  for (const [index, { name }] of listeners.entries()) {
    if (routes.some((route) => serves(route, name))) continue
    found.warning(`/listeners/${index}`, {
      code: 'listener-unused',
      message: `No route serves the listener "${name}".`,
      consequence: 'Every request that comes in there is answered with 404.',
      remedy: `Add "${name}" to the listeners of a route, or remove the listener.`,
    })
  }
}

function unused(kind: string, specs: readonly { name: string }[], used: ReadonlySet<string>, found: Finder): void {
  for (const [index, { name }] of specs.entries()) {
    if (used.has(name)) continue
    found.warning(`/${kind}s/${index}`, {
      code: `${kind}-unused`,
      message: `Nothing uses the ${kind} "${name}".`,
      consequence: 'It has no effect.',
      remedy: `Refer to it${kind === 'store' ? ' from a session' : ' from a route'}, or remove it.`,
    })
  }
}

const noListener = {
  code: 'listener-missing',
  message: 'There is no listener.',
  consequence: 'Nobody can reach the gateway.',
  remedy: 'Add one, as listeners: { web: ":8080" }.',
}

const noRoute = {
  code: 'route-missing',
  message: 'There is no route.',
  consequence: 'Every request is answered with 404.',
  remedy: 'Add one, as routes: [{ upstream: http://127.0.0.1:3000 }].',
}
