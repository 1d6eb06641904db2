import {
  defaultSession,
  defaults,
  type FieldMatch,
  type GatewayModel,
  type HeaderChanges,
  type HeaderValue,
  type MiddlewareKind,
  type MiddlewareSpec,
  type PathMatch,
  type PathRewrite,
  type Route,
  type RouteAction,
  type RouteMatch,
} from '@coatcheck/model'
import { all, duration, oneOrMore, secret, some, unless, type Written } from './written.ts'

export function route(spec: Route, { sessions }: GatewayModel): Written {
  const of = <K extends MiddlewareKind>(kind: K) =>
    spec.middleware.find((one): one is Extract<MiddlewareSpec, { kind: K }> => one.kind === kind)
  const [cors, capture, headers, rewrite, mirror] = [
    of('cors'),
    of('capture'),
    of('headers'),
    of('rewrite'),
    of('mirror'),
  ]
  const usual = sessions.some(({ name }) => name === defaultSession) ? defaultSession : 'off'
  return all({
    name: spec.name,
    match: matches(spec.matches),
    listeners: spec.listeners && oneOrMore(spec.listeners),
    session: unless(usual, of('session')?.session ?? 'off'),
    login: of('login') && { at: of('login')?.at },
    capture:
      capture &&
      all({
        $subject: capture.subject,
        ...Object.fromEntries(capture.attributes.map((one) => [one.attribute, one.header])),
      }),
    cors: cors && corsFields(cors),
    headers: headers && all({ request: changes(headers.request), response: changes(headers.response) }),
    rewrite: rewrite && path(rewrite.path),
    mirror:
      mirror &&
      (mirror.percent === defaults.mirror.percent
        ? mirror.upstream
        : { upstream: mirror.upstream, percent: mirror.percent }),
    ...action(spec.action),
  })
}

function matches(specs: readonly RouteMatch[]): Written {
  if (specs.length > 1) return specs.map((spec) => all(match(spec)))
  const fields = specs[0] && match(specs[0])
  return fields && Object.keys(some(fields) ?? {}).join() === 'path' && typeof fields.path === 'string'
    ? fields.path
    : fields && some(fields)
}

function match({ host, path, methods, headers, query }: RouteMatch): { [name: string]: Written } {
  return {
    host,
    path: unless<PathMatch>({ kind: 'prefix', value: '/' }, path, () =>
      path.kind === 'prefix' ? path.value : { [path.kind]: path.value },
    ),
    methods: methods.length === 0 ? undefined : methods,
    headers: conditions(headers),
    query: conditions(query),
  }
}

function conditions(fields: readonly FieldMatch[]): Written {
  return some(
    Object.fromEntries(
      fields.map(({ name, value }) => [name, value === undefined ? { present: true } : plainOrSource(value)]),
    ),
  )
}

function corsFields(spec: Extract<MiddlewareSpec, { kind: 'cors' }>): Written {
  const usual = defaults.cors
  return all({
    origins: spec.origins,
    methods: unless<readonly string[]>(usual.methods, spec.methods),
    headers: unless<readonly string[]>(usual.headers, spec.headers),
    exposeHeaders: unless<readonly string[]>(usual.exposeHeaders, spec.exposeHeaders),
    credentials: unless<boolean>(usual.credentials, spec.credentials),
    maxAge: unless<number>(usual.maxAge, spec.maxAge, duration),
  })
}

function changes({ set, add, remove }: HeaderChanges): Written {
  return some({ set: values(set), add: values(add), remove: remove.length === 0 ? undefined : remove })
}

function values(headers: readonly HeaderValue[]): Written {
  const names = [...new Set(headers.map(({ name }) => name))]
  return some(
    Object.fromEntries(
      names.map((name) => [
        name,
        oneOrMore(headers.filter((one) => one.name === name).map(({ value }) => plainOrSource(value))),
      ]),
    ),
  )
}

function plainOrSource(value: HeaderValue['value']): Written {
  return typeof value === 'string' ? value : secret(value)
}

function path({ kind, value }: PathRewrite): { [name: string]: Written } {
  return kind === 'full' ? { path: value } : { prefix: value }
}

/** A broken route is written without an action: it stays an error, and its requests go to no other route. */
function action(spec: RouteAction): { [name: string]: Written } {
  if (spec.kind === 'broken') return {}
  if (spec.kind === 'proxy') {
    const { upstream, host, webSocketOrigins } = spec
    const written = host.kind === 'fixed' ? host.value : unless<string>('keep', host.kind)
    return { upstream, host: written, webSocketOrigins: webSocketOrigins.length === 0 ? undefined : webSocketOrigins }
  }
  const { status, scheme, host, port } = spec
  const redirect = all({
    status: unless<number>(defaults.redirect.status, status),
    scheme,
    host,
    port,
    ...(spec.path && path(spec.path)),
  })
  return { redirect }
}
