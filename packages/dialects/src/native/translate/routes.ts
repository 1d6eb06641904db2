import {
  defaultSession,
  defaults,
  type ProxyAction,
  type RedirectAction,
  type Route,
  type RouteAction,
  unknownReference,
  withoutListener,
} from '@coatcheck/model'
import { withoutPassword } from '../content.ts'
import { parseUpstreamUrl } from '../schema/upstreams.ts'
import type { Context } from './context.ts'
import { matches } from './matches.ts'
import { middleware, pathRewrite, type WrittenRoute } from './middleware.ts'
import { isUnusableSession } from './sessions.ts'

/** The routes, and the URLs that they name in place of upstreams, each with the pointer of where that is done first. */
export function routes(context: Context): { routes: Route[]; urls: Map<string, string> } {
  const urls = new Map<string, string>()
  const named: NameUpstream = (name, pointer) => nameOfUpstream(name, pointer, context, urls)
  const made = (context.document.routes ?? []).map((written, index) => route(written, index, context, named))
  return { routes: made, urls }
}

/** The upstream that is meant by what stands at the pointer. */
type NameUpstream = (written: string, pointer: string) => string

function route(written: WrittenRoute, index: number, context: Context, named: NameUpstream): Route {
  const pointer = `/routes/${index}`
  context.came(pointer, pointer)
  const session = sessionOf(written, context.lostIn(index), context)
  const known = session !== undefined && isNoName(session, context) ? undefined : session
  return {
    name: written.name ?? `route-${index + 1}`,
    listeners: written.listeners === undefined ? undefined : [...new Set([written.listeners].flat())],
    matches: matches(written.match, pointer, context),
    middleware: middleware({ ...written, mirror: mirror(written, pointer, context, named) }, known, pointer, context),
    action: action(written, index, context, named),
  }
}

function mirror(
  { mirror: written }: WrittenRoute,
  route: string,
  context: Context,
  named: NameUpstream,
): WrittenRoute['mirror'] {
  if (written === undefined) return undefined
  const full = typeof written === 'string' ? { upstream: written } : written
  const pointer = typeof written === 'string' ? `${route}/mirror` : `${route}/mirror/upstream`
  return isUnusableUpstream(full.upstream, context) ? undefined : { ...full, upstream: named(full.upstream, pointer) }
}

/** The session named, else the one named `default` where there is one; not known where another name was lost. */
function sessionOf({ session }: WrittenRoute, lost: readonly string[], { isWritten }: Context): string | undefined {
  if (session === 'off' || lost.includes('session')) return undefined
  return session ?? (isWritten('sessions', defaultSession) ? defaultSession : undefined)
}

/** Written under what is no name; that was told. */
function isNoName(session: string, { document, isWritten, leftOut }: Context): boolean {
  return (
    isWritten('sessions', session) &&
    !Object.hasOwn(document.sessions ?? {}, session) &&
    !leftOut.sessions.includes(session)
  )
}

function action(written: WrittenRoute, index: number, context: Context, named: NameUpstream): RouteAction {
  const pointer = `/routes/${index}`
  const reason = whyBroken(written, index, context)
  const actions = actionsOf(written, pointer, named)
  const [only] = actions
  if (reason === undefined && only !== undefined) return came(only, `${pointer}/action`, pointer, context)
  const lost = context.lostIn(index)
  const meant = actions.map((one, at) => came(one, `${pointer}/action/written/actions/${at}`, pointer, context))
  const broken = { kind: 'broken', reason: reason ?? 'It has errors in the configuration.' } as const
  return lost.includes('*') ? broken : { ...broken, written: { actions: meant, lost } }
}

/** What is written, as far as it was understood: one, unless it is wrong. */
function actionsOf(written: WrittenRoute, pointer: string, named: NameUpstream): (ProxyAction | RedirectAction)[] {
  return [
    ...(written.redirect === undefined ? [] : [redirect(written.redirect)]),
    ...(written.upstream === undefined ? [] : [proxy(written, named(written.upstream, `${pointer}/upstream`))]),
  ]
}

function came<A extends ProxyAction | RedirectAction>(action: A, model: string, route: string, context: Context): A {
  context.came(model, `${route}/${action.kind === 'redirect' ? 'redirect' : 'upstream'}`)
  if (action.kind === 'redirect') return action
  context.came(`${model}/host`, `${route}/host`)
  context.came(`${model}/webSocketOrigins`, `${route}/webSocketOrigins`)
  return action
}

/** Why nothing can be done for the requests of this route; told where the reason is, or told already. */
function whyBroken(written: WrittenRoute, index: number, context: Context): string | undefined {
  const pointer = `/routes/${index}`
  const unknown = [whyNoListener(written, pointer, context), whyNoUpstream(written, pointer, context)]
  const lost = context.lostIn(index)
  const wanting = wantingAction((field) => context.hasField(index, field), lost)
  if (wanting !== undefined) context.report(`${pointer}${wanting.at}`, wanting)
  if (lost.length > 0) return 'It has errors in the configuration.'
  if (wanting !== undefined) return wanting.message
  const session = sessionOf(written, lost, context)
  if (session !== undefined && isUnusableSession(session, context)) return `Its session "${session}" has errors.`
  return unknown.find((reason) => reason !== undefined)
}

/** Every name that stands for no listener is told; those that have errors were told already. */
function whyNoListener({ listeners }: WrittenRoute, pointer: string, context: Context): string | undefined {
  const known = Object.keys(context.document.listeners ?? {})
  let reason: string | undefined
  for (const [index, name] of (listeners === undefined ? [] : [listeners].flat()).entries()) {
    if (context.isUsable('listeners', name)) continue
    if (context.isWritten('listeners', name)) {
      reason ??= `Its listener "${name}" has errors.`
      continue
    }
    const problem = unknownReference('listener', name, [...known, ...context.leftOut.listeners], withoutListener)
    context.report(Array.isArray(listeners) ? `${pointer}/listeners/${index}` : `${pointer}/listeners`, problem)
    reason ??= problem.message
  }
  return reason
}

function whyNoUpstream({ upstream: name }: WrittenRoute, route: string, context: Context): string | undefined {
  if (name === undefined) return undefined
  const { document, isWritten, leftOut } = context
  if (isUnusableUpstream(name, context)) return `Its upstream "${name}" has errors.`
  const url = parseUpstreamUrl(name)
  if (isWritten('upstreams', name) || url.ok) return undefined
  const consequence = 'Its requests would be answered with 500.'
  const problem = looksLikeUrl(name)
    ? {
        code: 'upstream-url-invalid',
        message: `"${withoutPassword(name)}" ${url.problem}.`,
        consequence,
        remedy: url.remedy,
      }
    : unknownReference('upstream', name, [...Object.keys(document.upstreams ?? {}), ...leftOut.upstreams], consequence)
  context.report(`${route}/upstream`, problem)
  return problem.message
}

/** A URL that is none, or an address without its scheme; names of upstreams do not look so. */
function looksLikeUrl(text: string): boolean {
  return text.includes('://') || /^(?:[\w.-]+|\[[\da-f:]+\]):\d+$/i.test(text)
}

/** Written, but left out of the model because of errors. */
function isUnusableUpstream(name: string, { isUsable, isWritten }: Context): boolean {
  return isWritten('upstreams', name) && !isUsable('upstreams', name)
}

/**
 * @param has whether a field is written, right or wrong
 * @param lost names of those that may have been meant by others
 */
function wantingAction(
  has: (field: 'upstream' | 'redirect' | 'host' | 'webSocketOrigins') => boolean,
  lost: readonly string[],
) {
  if (!has('upstream') && !has('redirect')) {
    if (lost.some((field) => field === 'upstream' || field === 'redirect' || field === '*')) return undefined
    return {
      at: '',
      code: 'action-missing',
      message: 'The route has neither "upstream" nor "redirect".',
      consequence: 'Nothing could be done with its requests.',
      remedy: 'Add upstream: NAME (or a URL), or redirect: { … }.',
    }
  }
  if (!has('redirect')) return undefined
  const other = (['upstream', 'host', 'webSocketOrigins'] as const).find(has)
  if (other === undefined) return undefined
  return {
    at: `/${other}`,
    code: 'action-twice',
    message: `The route has "redirect" and "${other}".`,
    consequence: `A redirect reaches no upstream, so "${other}" would have been ignored.`,
    remedy: 'Keep one of them.',
  }
}

function proxy({ host, webSocketOrigins }: WrittenRoute, upstream: string): ProxyAction {
  const kind =
    host === undefined || host === 'keep'
      ? ({ kind: 'keep' } as const)
      : host === 'target'
        ? ({ kind: 'target' } as const)
        : undefined
  return {
    kind: 'proxy',
    upstream,
    host: kind ?? { kind: 'fixed', value: host! },
    webSocketOrigins: webSocketOrigins ?? [],
  }
}

function redirect(written: NonNullable<WrittenRoute['redirect']>): RedirectAction {
  const { status, scheme, host, port } = written
  return {
    kind: 'redirect',
    status: status ?? defaults.redirect.status,
    scheme,
    host,
    port,
    path: pathRewrite(written),
  }
}

/** Upstreams that are written go before URLs, so that one may be called like its URL. */
function nameOfUpstream(written: string, pointer: string, { isWritten }: Context, urls: Map<string, string>): string {
  if (isWritten('upstreams', written)) return written
  const url = parseUpstreamUrl(written)
  if (!url.ok) return written
  if (!urls.has(url.value)) urls.set(url.value, pointer)
  return url.value
}
