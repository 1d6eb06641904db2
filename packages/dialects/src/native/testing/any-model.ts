import {
  defaultSession,
  defaultSessionSpec,
  emptyModel,
  type GatewayModel,
  type HeaderChanges,
  largestSize,
  type MiddlewareSpec,
  type PathRewrite,
  type Route,
  type RouteAction,
  type RouteMatch,
  type Sealing,
  type SessionSpec,
  type StoreSpec,
  type UpstreamSpec,
  type ValueSource,
} from '@coatcheck/model'
import fc from 'fast-check'

/** Models that the native format can express, in all their parts. They need not pass `check`. */
const name = fc
  .stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/)
  .filter((text) => !['off', 'keep', 'target', 'constructor'].includes(text))
const text = fc.stringMatching(/^[ -~äöü€]{1,20}$/)
const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/)
const path = fc.stringMatching(/^\/[a-z0-9{}%:#&*!|>@-]{0,12}$/)
const timer = fc.integer({ min: 1, max: 86_400_000 })
const duration = fc.integer({ min: 1, max: 3650 * 86_400_000 })
const size = (min: number, max: number) => fc.integer({ min, max })
const maybe = <T>(inner: fc.Arbitrary<T>) => fc.option(inner, { nil: undefined })
const uniqueBy = <T extends { name: string }>(inner: fc.Arbitrary<T>, maxLength = 3) =>
  fc.uniqueArray(inner, { selector: (one) => one.name, maxLength })

const address = fc.record({
  host: maybe(fc.oneof(fc.ipV4(), fc.constantFrom('::', '::1', 'fe80::1'))),
  port: fc.integer({ min: 0, max: 65_535 }),
})
const filePath = fc.stringMatching(/^[a-z./ ~#-]{0,10}[a-z]$/)
const reference: fc.Arbitrary<ValueSource> = fc.oneof(
  filePath.map((path) => ({ from: 'file', path }) as const),
  token.map((name) => ({ from: 'env', name }) as const),
)
const pem = fc.oneof(
  reference,
  text.map((rest) => ({ from: 'value', value: `-----BEGIN ${rest}\n${rest}\n` }) as const),
)

const listener = fc
  .record({
    name,
    address,
    tls: maybe(
      fc.record({
        certificates: fc.array(fc.record({ certificate: pem, key: pem }), { minLength: 1, maxLength: 2 }),
        clientCertificates: maybe(
          fc.record({ mode: fc.constantFrom('request', 'require'), ca: pem, forward: fc.boolean() }),
        ),
      }),
    ),
    trustedProxies: fc.array(fc.ipV4(), { maxLength: 2 }),
    http2: fc.boolean(),
    limits: fc.record({
      headerBytes: size(1024, 1_048_576),
      headerCount: size(1, 1000),
      targetBytes: size(256, 1_048_576),
    }),
    timeouts: fc.record({ headers: timer, keepAlive: timer, idle: timer }),
  })
  .map((one) => ({ ...one, http2: one.tls !== undefined && one.http2 }))

const store: fc.Arbitrary<StoreSpec> = fc.oneof(
  fc.record({ kind: fc.constant('memory'), name, maxSessions: size(1, 1e8), maxBytes: size(65_536, largestSize) }),
  fc.record({ kind: fc.constant('sqlite'), name, file: maybe(text) }),
  fc.record({ kind: fc.constant('sealed-cookie'), name, maxParts: size(1, 20) }),
)

const simpleSealing: fc.Arbitrary<Sealing> = fc.oneof(
  fc.constantFrom({ kind: 'ticket' } as const, { kind: 'none' } as const),
  fc.array(name, { minLength: 1, maxLength: 2 }).map((keys) => ({ kind: 'keys', keys }) as const),
)
const sealing: fc.Arbitrary<Sealing> = fc.oneof(
  simpleSealing,
  fc.record({ kind: fc.constant('migrate'), from: simpleSealing, to: simpleSealing }),
)
const session: fc.Arbitrary<SessionSpec> = fc.record({
  name: fc.oneof(name, fc.constant(defaultSession)),
  mode: fc.constantFrom('enforce', 'on-demand', 'off'),
  store: name,
  prefix: text,
  lookup: fc.oneof(
    fc.constant({ kind: 'cookie' } as const),
    token.map((header) => ({ kind: 'header', name: header }) as const),
  ),
  cookie: fc.record({
    name: token,
    domain: maybe(text),
    path: text,
    sameSite: fc.constantFrom('Strict', 'Lax', 'None'),
    secure: fc.boolean(),
    httpOnly: fc.boolean(),
    expires: fc.constantFrom('browser', 'lifetime'),
  }),
  timeouts: fc.record({ idle: duration, lifetime: duration }),
  rotateAfter: maybe(duration),
  sealing,
  serveCachedFor: fc.oneof(fc.constant(0), duration),
  maxBytes: size(1024, 16_777_216),
  forward: fc.boolean(),
})

const url = fc
  .tuple(fc.constantFrom('http', 'https'), fc.oneof(name, fc.constant('[::1]')), size(1, 65_535))
  .map(([scheme, host, port]) => {
    return new URL(`${scheme}://${host.replace(/[_.-]/g, '')}:${port}`).origin
  })
const upstream: fc.Arbitrary<UpstreamSpec> = fc.record({
  name: fc.oneof(name, url),
  targets: fc.array(fc.record({ url, weight: size(0, 1000) }), { minLength: 1, maxLength: 3 }),
  tls: maybe(
    fc.record({
      ca: maybe(pem),
      serverName: maybe(text),
      certificate: maybe(pem),
      key: maybe(pem),
      insecureSkipVerify: fc.boolean(),
    }),
  ),
  timeouts: fc.record({ connect: timer, response: timer, idle: timer }),
  failing: fc.record({ after: size(1, 1000), for: timer }),
  connections: fc.record({ maxIdle: size(0, 10_000), idle: timer }),
})

const fieldMatch = fc.record({ name: token, value: maybe(text) })
const match: fc.Arbitrary<RouteMatch> = fc.record({
  host: maybe(name),
  path: fc.record({ kind: fc.constantFrom('exact', 'prefix', 'template'), value: path }),
  methods: fc.array(token, { maxLength: 2 }),
  headers: uniqueBy(fieldMatch),
  query: uniqueBy(fieldMatch),
})
const pathRewrite: fc.Arbitrary<PathRewrite> = fc.record({ kind: fc.constantFrom('full', 'prefix'), value: path })
const headerValue = fc.record({ name: token, value: fc.oneof(text, fc.constant('')) })
const changes: fc.Arbitrary<HeaderChanges> = fc.record({
  set: uniqueBy(headerValue),
  add: uniqueBy(headerValue),
  remove: fc.array(token, { maxLength: 2 }),
})

interface Known {
  readonly sessions: readonly string[]
  readonly upstreams: readonly string[]
}

const middleware = ({ sessions, upstreams }: Known): fc.Arbitrary<MiddlewareSpec[]> => {
  const when = <T>(known: readonly string[], inner: (name: fc.Arbitrary<string>) => fc.Arbitrary<T>) =>
    known.length === 0 ? fc.constant(undefined) : maybe(inner(fc.constantFrom(...known)))
  return fc
    .tuple(
      maybe(
        fc.record({
          kind: fc.constant('cors'),
          origins: fc.array(text, { minLength: 1, maxLength: 2 }),
          methods: fc.array(token, { maxLength: 2 }),
          headers: fc.array(token, { maxLength: 2 }),
          exposeHeaders: fc.array(token, { maxLength: 2 }),
          credentials: fc.boolean(),
          maxAge: timer,
        }),
      ),
      when(sessions, (session) => fc.record({ kind: fc.constant('session'), session })),
      maybe(fc.record({ kind: fc.constant('login'), at: path })),
      maybe(
        fc.record({
          kind: fc.constant('capture'),
          subject: maybe(token),
          attributes: fc.uniqueArray(fc.record({ attribute: token, header: token }), {
            selector: (one) => one.attribute,
            maxLength: 3,
          }),
        }),
      ),
      maybe(fc.record({ kind: fc.constant('headers'), request: changes, response: changes })),
      maybe(fc.record({ kind: fc.constant('rewrite'), path: pathRewrite })),
      when(upstreams, (upstream) => fc.record({ kind: fc.constant('mirror'), upstream, percent: size(0, 100) })),
    )
    .map((specs) => specs.filter((spec) => spec !== undefined) as MiddlewareSpec[])
}

const action = ({ upstreams }: Known): fc.Arbitrary<RouteAction> => {
  const redirect = fc.record({
    kind: fc.constant('redirect'),
    status: fc.constantFrom(301, 302, 303, 307, 308),
    scheme: maybe(fc.constantFrom('http', 'https')),
    host: maybe(name),
    port: maybe(size(1, 65_535)),
    path: maybe(pathRewrite),
  }) as fc.Arbitrary<RouteAction>
  if (upstreams.length === 0) return redirect
  const host = fc.oneof(
    fc.constantFrom({ kind: 'keep' } as const, { kind: 'target' } as const),
    name.map((value) => ({ kind: 'fixed', value }) as const),
  )
  const proxy = fc.record({
    kind: fc.constant('proxy'),
    upstream: fc.constantFrom(...upstreams),
    host,
    webSocketOrigins: fc.array(text, { maxLength: 2 }),
  }) as fc.Arbitrary<RouteAction>
  return fc.oneof(proxy, redirect)
}

const route = (known: Known): fc.Arbitrary<Route> =>
  fc.record({
    name,
    matches: fc.array(match, { minLength: 1, maxLength: 3 }),
    middleware: middleware(known),
    action: action(known),
  })

/** A session and a store that are all defaults, so that what is left out is tried too. */
const plain = fc.record({
  sessions: uniqueBy(
    fc.oneof(
      session,
      name.map((one) => defaultSessionSpec(one, undefined)),
    ),
  ),
  stores: uniqueBy(store),
})

export const anyModel: fc.Arbitrary<GatewayModel> = fc
  .record({ plain, upstreams: uniqueBy(upstream), listeners: uniqueBy(listener) })
  .chain(({ plain: { sessions, stores }, upstreams, listeners }) => {
    const known = { sessions: sessions.map((one) => one.name), upstreams: upstreams.map((one) => one.name) }
    return fc.record({
      name: maybe(text),
      workers: size(1, 64),
      internal: fc.oneof(fc.constant(emptyModel.internal), maybe(fc.record({ address }))),
      listeners: fc.constant(listeners),
      keys: fc.uniqueArray(
        fc.record({
          id: name,
          value: fc.oneof(
            reference,
            text.map((value) => ({ from: 'value', value }) as const),
          ),
        }),
        {
          selector: (one) => one.id,
          maxLength: 3,
        },
      ),
      stores: fc.constant(withImplied(stores, sessions)),
      sessions: fc.constant(sessions),
      upstreams: fc.constant(upstreams),
      routes: uniqueBy(route(known)),
      accessLog: fc.record({ enabled: fc.boolean(), sessionField: fc.oneof(fc.constant('session.id'), text) }),
      shutdown: fc.record({ grace: timer }),
    }) as fc.Arbitrary<GatewayModel>
  })

/** Translation adds the memory store that sessions fall back on. */
function withImplied(stores: readonly StoreSpec[], sessions: readonly SessionSpec[]): StoreSpec[] {
  const needed = sessions.some((one) => one.store === 'memory') && !stores.some((one) => one.name === 'memory')
  return needed
    ? [...stores, { kind: 'memory', name: 'memory', maxSessions: 100_000, maxBytes: 268_435_456 }]
    : [...stores]
}
