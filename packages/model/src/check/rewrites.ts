import type { GatewayModel, Listener } from '../model.ts'
import type { PathRewrite, ProxyAction, RedirectAction, Route, RouteMatch } from '../route.ts'
import { actionsOf, type Check, eachMiddleware, type Finder, type Finding, middlewareOf, serves } from './finder.ts'
import { isHostPattern } from './matches.ts'
import { takesPath } from './sign-in.ts'

/** Rewrites and redirects lead somewhere that was meant. */
export const checkRewrites: Check = (model, found) => {
  for (const { spec, pointer, route, index } of eachMiddleware(model, 'rewrite')) {
    checkPath(spec.path, route, `${pointer}/path`, found)
    const other = protectedRouteAt(model, route, spec.path)
    if (other !== undefined)
      found.warning(pointer, { ...leadsUnder(route, other), related: [`/routes/${model.routes.indexOf(other)}`] })
    const actions = actionsOf(route)
    if (actions.length === 1 && actions[0]?.action.kind === 'redirect')
      found.error(`/routes/${index}`, rewriteOfRedirect(route))
  }
  for (const [index, route] of model.routes.entries()) {
    for (const { action, at } of actionsOf(route)) {
      if (action.kind === 'redirect') checkTarget(action, route, `/routes/${index}${at}`, found)
      else checkUpstreamHost(action, route, `/routes/${index}${at}/host`, found)
    }
    if (route.action.kind === 'redirect') {
      if (toOwnAddress(route.action) && leadsBack(route, route.action.path))
        found.error(`/routes/${index}/action`, toItself(route))
      const listener = listenerLedTo(model, route, route.action)
      if (listener !== undefined) found.warning(`/routes/${index}/action`, schemeToItself(model, route, listener))
    }
  }
}

function checkPath(path: PathRewrite, route: Route, pointer: string, found: Finder): void {
  if (!/^\/(?!\/)/.test(path.value) || /[?#\\\s\u0000-\u001f]|\/\.{1,2}(?:\/|$)/.test(path.value)) {
    found.error(pointer, {
      code: 'rewrite-path-invalid',
      message: `Route "${route.name}" leads to "${path.value}", which is not a plain path.`,
      consequence: 'Servers would read it in different ways.',
      remedy: 'Begin with one "/", without query, fragment, blanks, "\\" and dot segments.',
    })
  }
  if (path.kind === 'prefix' && route.matches.some((match) => match.path.kind !== 'prefix'))
    found.error(pointer, prefixOfNone(route))
}

function prefixOfNone({ name }: Route): Finding {
  return {
    code: 'rewrite-without-prefix',
    message: `Route "${name}" replaces a prefix, and has a match whose path is not a prefix.`,
    consequence: 'It is not known which part of the path to replace.',
    remedy: 'Use path instead of prefix, or match prefixes only.',
  }
}

function rewriteOfRedirect({ name }: Route): Finding {
  return {
    code: 'rewrite-of-redirect',
    message: `Route "${name}" has "rewrite" and "redirect".`,
    consequence: 'A redirect reaches no upstream, so the rewrite has no effect.',
    remedy: 'Write the path into the redirect.',
  }
}

/**
 * Another route that guards the rewritten path of the same upstream with a login, while this one does not.
 *
 * Those who may use only this route then reach what the other one guards.
 */
function protectedRouteAt(model: GatewayModel, route: Route, path: PathRewrite): Route | undefined {
  if (middlewareOf(route, 'login') !== undefined) return undefined
  const targets = targetsOf(model, route)
  return model.routes.find((other) => {
    const guarded = other !== route && middlewareOf(other, 'login') !== undefined
    return (
      guarded &&
      targetsOf(model, other).some((url) => targets.includes(url)) &&
      other.matches.some((match) => mayLand(match, path))
    )
  })
}

function targetsOf(model: GatewayModel, { action }: Route): string[] {
  const name = action.kind === 'proxy' ? action.upstream : undefined
  return model.upstreams.find((upstream) => upstream.name === name)?.targets.map(({ url }) => url) ?? []
}

/** The rewritten path is taken by the match, or what follows a rewritten prefix may be. */
function mayLand({ path }: RouteMatch, rewritten: PathRewrite): boolean {
  if (takesPath(path, rewritten.value)) return true
  return rewritten.kind === 'prefix' && takesPath({ kind: 'prefix', value: rewritten.value }, path.value)
}

function leadsUnder({ name }: Route, other: Route): Finding {
  return {
    code: 'rewrite-under-login',
    message: `Route "${name}" rewrites paths to where route "${other.name}" asks for a login.`,
    consequence: `Through "${name}" the same upstream answers them without one.`,
    remedy: `Give "${name}" a login too, or rewrite to another path.`,
  }
}

function checkTarget({ host, path }: RedirectAction, route: Route, pointer: string, found: Finder): void {
  if (path !== undefined) checkPath(path, route, `${pointer}/path`, found)
  if (host !== undefined && (!isHostPattern(host.toLowerCase()) || host.startsWith('*')))
    found.error(`${pointer}/host`, invalidHost(route, host))
}

function toOwnAddress({ scheme, host, port }: RedirectAction): boolean {
  return scheme === undefined && host === undefined && port === undefined
}

/** The new path is taken by the same route again. */
function leadsBack({ matches }: Route, path: PathRewrite | undefined): boolean {
  if (path === undefined) return true
  return matches.every((match) => takesPath(match.path, path.value))
}

function toItself({ name }: Route): Finding {
  return {
    code: 'redirect-to-itself',
    message: `Route "${name}" redirects to itself.`,
    consequence: 'Browsers would go round until they give up.',
    remedy: 'Change scheme, host, port or path so that another route takes the request.',
  }
}

/** A listener of the route that already has the scheme and port to which it redirects, and nothing else changes. */
function listenerLedTo({ listeners }: GatewayModel, route: Route, action: RedirectAction): Listener | undefined {
  const { scheme, host, port, path } = action
  if ((scheme === undefined && port === undefined) || host !== undefined || path !== undefined) return undefined
  return listeners.find(({ name, tls, address }) => {
    const own = tls === undefined ? 'http' : 'https'
    return serves(route, name) && own === (scheme ?? own) && address.port === (port ?? (own === 'https' ? 443 : 80))
  })
}

function schemeToItself({ listeners }: GatewayModel, { name, listeners: own }: Route, to: Listener): Finding {
  const others = listeners.map((listener) => listener.name).filter((other) => other !== to.name)
  const left = own?.filter((other) => other !== to.name) ?? others
  return {
    code: 'redirect-to-own-listener',
    message: `Route "${name}" redirects to where listener "${to.name}" is, and serves that listener itself.`,
    consequence: `Requests that come in through "${to.name}" are led to themselves, until browsers give up.`,
    remedy:
      left.length === 0
        ? 'Change scheme, host, port or path so that another route takes the request.'
        : `Write listeners: [${left.join(', ')}] in the route, or change host or path too.`,
  }
}

function invalidHost({ name }: Route, host: string): Finding {
  return {
    code: 'host-invalid',
    message: `Route "${name}" leads to the host "${host}", which is not a name.`,
    consequence: 'It could not be reached.',
    remedy: 'Write a name without scheme, port and path, as shop.example.com.',
  }
}

/** The fixed Host may have a port. */
function checkUpstreamHost({ host: sent }: ProxyAction, route: Route, pointer: string, found: Finder): void {
  if (sent.kind !== 'fixed') return
  const host = sent.value
  const bare = host.toLowerCase().replace(/:[0-9]{1,5}$/, '')
  if (isHostPattern(bare) && !bare.startsWith('*')) return
  found.error(pointer, {
    ...invalidHost(route, host),
    remedy: 'Write keep, target, or a name, with a port if need be, as shop.internal:8080.',
  })
}
