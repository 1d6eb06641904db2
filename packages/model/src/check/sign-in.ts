import type { GatewayModel } from '../model.ts'
import type { PathMatch, Route, RouteMatch } from '../route.ts'
import { type Check, eachMiddleware, type Finding, isUnderstood, middlewareOf, serves, sessionOf } from './finder.ts'

/** Routes that need a session have one; routes that need a sign-in lead to one. */
export const checkSignIn: Check = (model, found) => {
  for (const kind of ['login', 'capture'] as const) {
    for (const { pointer, route } of eachMiddleware(model, kind)) {
      if (!isUnderstood(route, 'session')) continue
      if (middlewareOf(route, 'session') === undefined) found.error(pointer, withoutSession(kind, route))
      else if (sessionOf(model, route)?.mode === 'off') found.error(pointer, sessionOff(kind, route))
    }
  }
  for (const { spec, pointer, route } of eachMiddleware(model, 'login')) {
    const at = `${pointer}/at`
    if (!/^\/(?!\/)[!-~]*$/.test(spec.at)) found.error(at, invalidPage(route, spec.at))
    else if (!leadsSomewhere(model, route, spec.at)) found.warning(at, pageUnrouted(route, spec.at))
    const session = sessionOf(model, route)
    if (session !== undefined && !isCaptured(model, session.name)) found.error(at, withoutCapture(route, session.name))
  }
}

function withoutSession(kind: string, { name }: Route): Finding {
  return {
    code: `${kind}-without-session`,
    message: `Route "${name}" has "${kind}" and no session.`,
    consequence: kind === 'login' ? 'Nobody could get in.' : 'There would be nowhere to keep what is captured.',
    remedy: 'Define sessions: { default: {} }, or name one of the sessions in the route.',
  }
}

function sessionOff(kind: string, { name }: Route): Finding {
  return {
    code: 'session-off',
    message: `Route "${name}" has "${kind}", and its session is off.`,
    consequence: kind === 'login' ? 'Nobody could get in.' : 'There would be nowhere to keep what is captured.',
    remedy: 'Set the session’s mode to on-demand or enforce.',
  }
}

/** Whether some route with this session learns who signs in; a broken one may have been meant to. */
export function isCaptured(model: GatewayModel, session: string): boolean {
  return model.routes.some((route) => {
    if (middlewareOf(route, 'session')?.session !== session) return false
    return !isUnderstood(route, 'capture') || middlewareOf(route, 'capture')?.subject !== undefined
  })
}

function withoutCapture({ name }: Route, session: string): Finding {
  return {
    code: 'login-without-capture',
    message: `Route "${name}" wants people who signed in, and no route with session "${session}" captures $subject.`,
    consequence: 'Nobody could ever get in.',
    remedy: 'Add capture: { $subject: X-Auth-User } to the route of the login page, with the same session.',
  }
}

function invalidPage({ name }: Route, at: string): Finding {
  return {
    code: 'login-page-invalid',
    message: `Route "${name}" leads people to "${at}", which is not a path on the same host.`,
    consequence: 'People could be led elsewhere.',
    remedy: 'Write the path of the login page, as /login.',
  }
}

function pageUnrouted({ name }: Route, at: string): Finding {
  return {
    code: 'login-page-unrouted',
    message: `Route "${name}" leads people to "${at}", which no route on its hosts and listeners takes.`,
    consequence: 'They find 404 there.',
    remedy: 'Add a route for the login page, on the same host and the same listeners.',
  }
}

/** On every host and listener of the route some route takes the login page. */
function leadsSomewhere(model: GatewayModel, route: Route, at: string): boolean {
  const path = at.replace(/[?#].*$/, '')
  const listeners = model.listeners.map(({ name }) => name).filter((name) => serves(route, name))
  return route.matches.every(({ host }) => {
    const takers = model.routes.filter(({ matches }) =>
      matches.some((match) => takesHost(match, host) && takesPath(match.path, path)),
    )
    return takers.length > 0 && listeners.every((name) => takers.some((taker) => serves(taker, name)))
  })
}

function takesHost({ host }: RouteMatch, wanted: string | undefined): boolean {
  if (host === undefined || host === wanted || wanted === undefined) return true
  return host.startsWith('*.') && wanted.endsWith(host.slice(1))
}

/** Whether requests for this path match, as the router does it. */
export function takesPath({ kind, value }: PathMatch, path: string): boolean {
  if (kind === 'exact') return value === path
  const bare = value.replace(/\/$/, '')
  if (kind === 'prefix') return path === bare || path.startsWith(`${bare}/`)
  const segments = path.split('/')
  const wanted = value.split('/')
  return (
    wanted.length === segments.length &&
    wanted.every((name, i) => name === segments[i] || (/^\{/.test(name) && segments[i] !== ''))
  )
}
