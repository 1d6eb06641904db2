import type { CorsSpec, ProxyAction, Route } from '../route.ts'
import {
  actionsOf,
  type Check,
  eachMiddleware,
  type Finder,
  type Finding,
  isUnderstood,
  middlewareOf,
} from './finder.ts'
import { isHeaderValue, isToken } from './header-names.ts'
import { methodProblem } from './matches.ts'

/** Origins that routes let in are origins, and let in no more than was meant. */
export const checkOrigins: Check = (model, found) => {
  for (const { spec, pointer, route } of eachMiddleware(model, 'cors')) checkCors(spec, pointer, route, found)
  for (const [index, route] of model.routes.entries()) {
    for (const { action, at } of actionsOf(route)) {
      if (action.kind === 'proxy') checkSocketOrigins(action, route, `/routes/${index}${at}/webSocketOrigins`, found)
    }
  }
  for (const { spec, pointer, route } of eachMiddleware(model, 'mirror')) {
    if (spec.percent === 0) found.warning(pointer, mirrorsNothing(route))
    if (route.action.kind === 'redirect') found.warning(pointer, mirrorsNothing(route))
  }
}

function checkSocketOrigins({ webSocketOrigins }: ProxyAction, route: Route, pointer: string, found: Finder): void {
  for (const [at, origin] of webSocketOrigins.entries()) {
    if (!isOrigin(origin)) found.error(`${pointer}/${at}`, invalidOrigin(route, origin, 'https://app.example.com'))
  }
  if (webSocketOrigins.length > 0 && isUnderstood(route, 'session') && middlewareOf(route, 'session') === undefined)
    found.warning(pointer, originsUnused(route))
}

function checkCors(spec: CorsSpec, pointer: string, route: Route, found: Finder): void {
  for (const [at, origin] of spec.origins.entries()) {
    if (origin === '*' || isOrigin(origin) || isOrigin(origin.replace('://*.', '://'))) continue
    found.error(
      `${pointer}/origins/${at}`,
      invalidOrigin(route, origin, 'https://app.example.com, https://*.example.com or "*"'),
    )
  }
  for (const method of spec.methods) {
    const wrong = isToken(method) ? methodProblem(method) : undefined
    if (wrong !== undefined)
      found.error(`${pointer}/methods`, { ...wrong, consequence: 'No preflight would ask for it.' })
  }
  if (spec.credentials && spec.origins.includes('*')) found.error(`${pointer}/credentials`, credentialsForAll(route))
  for (const list of ['methods', 'headers', 'exposeHeaders'] as const) {
    for (const name of spec[list]) {
      if (!isToken(name) || !isHeaderValue(name)) found.error(`${pointer}/${list}`, invalidName(route, list, name))
    }
  }
}

/** A serialised origin (RFC 6454, section 6.2): scheme, host, port unless it is the usual one. */
function isOrigin(text: string): boolean {
  return /^https?:\/\/[a-z0-9.:[\]_-]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

function invalidOrigin({ name }: Route, origin: string, example: string): Finding {
  return {
    code: 'origin-invalid',
    message: `"${origin}" of route "${name}" is not an origin as browsers send it.`,
    consequence: 'No request would match it.',
    remedy: `Write scheme and host in lower case, without a path and without the usual port, as ${example}.`,
  }
}

function credentialsForAll({ name }: Route): Finding {
  return {
    code: 'cors-credentials-for-all',
    message: `Route "${name}" lets every origin come with cookies.`,
    consequence: 'Any page could act as the visitor; browsers refuse it.',
    remedy: 'Name the origins, or leave credentials off.',
  }
}

function invalidName({ name }: Route, list: string, written: string): Finding {
  return {
    code: 'cors-name-invalid',
    message: `"${written}" in cors.${list} of route "${name}" is not a name.`,
    consequence: 'Browsers could not read the answer.',
    remedy: 'Write one name per item.',
  }
}

function originsUnused({ name }: Route): Finding {
  return {
    code: 'origins-unused',
    message: `Route "${name}" lists origins for WebSockets, and has no session.`,
    consequence: 'Every origin may open one; the list has no effect.',
    remedy: 'Give the route a session, or remove the list.',
  }
}

function mirrorsNothing({ name }: Route): Finding {
  return {
    code: 'mirror-nothing',
    message: `Route "${name}" mirrors nothing: it redirects, or its share is 0.`,
    consequence: 'The mirror has no effect.',
    remedy: 'Remove it, or raise percent.',
  }
}
