import { emptyModel, type GatewayModel, type Route } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ReadRoute } from '../read-matches.ts'
import { createListenerRouters } from '../router/listener-routers.ts'
import { anyUpstream, matchOf, noChanges, route, sessionSpec, stage, toApp } from '../testing/gateway.ts'
import { listenerSpec } from '../testing/requests.ts'
import { chooseRoute } from './candidates.ts'
import { type ExplainedRequest, explain } from './explain.ts'
import { formatExplanation } from './format.ts'
import { maskHeader } from './mask.ts'

const session = { kind: 'session', session: 'default' } as const
const tls = listenerSpec({
  name: 'tls',
  address: { host: undefined, port: 443 },
  tls: { certificates: [], clientCertificates: undefined },
})
const upstream = { ...anyUpstream, name: 'app', targets: [{ url: 'http://10.0.0.5:3000', weight: 1 }] }

function modelOf(routes: Route[], part: Partial<GatewayModel> = {}): GatewayModel {
  return { ...emptyModel, routes, sessions: [sessionSpec()], upstreams: [upstream], listeners: [tls], ...part }
}
function ask(model: GatewayModel, part: Partial<ExplainedRequest> = {}) {
  return explain(model, { method: 'GET', url: 'https://shop.example.com/dashboard/x?q=1', headers: [], ...part })
}

const shop = modelOf([
  route('rest', '/'),
  route('write', '/', [], { matches: [matchOf('/dashboard', { methods: ['POST'] })] }),
  route('beta', '/', [], { matches: [matchOf('/dashboard', { headers: [{ name: 'X-Beta', value: '1' }] })] }),
  route('other', '/', [], { matches: [matchOf('/dashboard', { host: 'other.example.com' })] }),
  route('dashboard', '/dashboard', [
    { kind: 'rewrite', path: { kind: 'prefix', value: '/v1' } },
    { kind: 'login', at: '/login' },
    session,
    {
      kind: 'headers',
      request: {
        ...noChanges,
        set: [
          { name: 'X-User-Id', value: '{session.user_id}' },
          { name: 'Authorization', value: 'Bearer {tokens.access_token}' },
          { name: 'X-Api-Key', value: 'hunter2' },
        ],
      },
      response: noChanges,
    },
  ]),
])

describe('explain', () => {
  test('says which route takes the request, and why each nearer one does not', () => {
    const { route, candidates } = ask(shop)
    expect(route).toBe('dashboard')
    expect(candidates).toEqual([
      { route: 'other', match: 'other.example.com /dashboard/…', reason: 'the host is shop.example.com' },
      { route: 'write', match: 'any host /dashboard/… POST', reason: 'the method is GET' },
      { route: 'beta', match: 'any host /dashboard/… header X-Beta=1', reason: 'the header X-Beta=1 is not there' },
      { route: 'dashboard', match: 'any host /dashboard/…', reason: undefined },
    ])
  })

  test('says what each middleware would do, in the order of the chain', () => {
    const { steps } = ask(shop)
    expect(steps.map(({ kind }) => kind)).toEqual(['session', 'login', 'headers', 'rewrite', 'proxy'])
    expect(steps[0]!.does).toContain('opens session "default" by the cookie __Host-session')
    expect(steps[1]!.does).toBe('lets nobody through, since no route learns who signs in; everybody gets 401')
    expect(ask(shop, { headers: [['Accept', 'text/html']] }).steps[1]!.does).toContain(
      'is led to /login?return=%2Fdashboard%2Fx%3Fq%3D1 (303)',
    )
    expect(steps[3]!.does).toBe('makes the target /v1/x?q=1')
  })

  test('says what the upstream would get, secrets masked', () => {
    const headers: [string, string][] = [
      ['Cookie', 'a=1; __Host-session=1.x.y'],
      ['x_user_id', 'forged'],
      ['X-Forwarded-For', '6.6.6.6'],
      ['Accept', '*/*'],
    ]
    const { upstream } = ask(shop, { headers })
    expect(upstream).toEqual({
      name: 'app',
      urls: ['http://10.0.0.5:3000'],
      method: 'GET',
      target: '/v1/x?q=1',
      headers: [
        ['Host', 'shop.example.com'],
        ['Cookie', 'a=[secret]'],
        ['Accept', '*/*'],
        ['X-Forwarded-For', '{client.address}'],
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Host', 'shop.example.com'],
        ['X-Forwarded-Port', '443'],
        ['Forwarded', 'for={client.address};host="shop.example.com";proto=https'],
        ['X-Request-Id', '{request.id}'],
        ['X-User-Id', '{session.user_id}'],
        ['Authorization', '{tokens.access_token}'],
        ['X-Api-Key', '[secret]'],
      ],
    })
  })

  test('says why a request is refused: by its target, by another reading of it, for want of a route', () => {
    expect(ask(shop, { url: 'https://shop.example.com/a/..;/b' }).refused).toMatchObject({
      status: 400,
      code: 'ambiguous-target',
    })
    const other = ask(shop, { url: 'https://shop.example.com/x%2f..x/dashboard'.replace('x%2f..x/', '%2f') })
    expect(other.refused).toEqual({
      status: 400,
      code: 'ambiguous-target',
      message: 'servers may read the path as /dashboard, of route "dashboard"',
    })
    expect(ask(modelOf([])).refused).toMatchObject({ status: 404, code: 'no-route' })
  })

  test('takes the path as it is written, not as URL parsers resolve it', () => {
    expect(ask(shop, { url: 'https://shop.example.com/x/../dashboard' }).refused?.code).toBe('ambiguous-target')
    expect(ask(shop, { url: 'https://shop.example.com' }).path).toBe('/')
    expect(ask(shop, { url: 'https://shop.example.com?x' }).path).toBe('/')
  })

  test('explains redirects and broken routes, those too that break only when they are compiled', () => {
    const action = {
      kind: 'redirect',
      status: 301,
      scheme: 'https',
      host: 'new.example',
      port: undefined,
      path: undefined,
    } as const
    const steps = (changed: Partial<ReadRoute>, part: Partial<GatewayModel> = {}) =>
      ask(modelOf([route('a', '/', [], changed)], part)).steps.map(({ kind, does }) => `${kind} ${does}`)
    expect(steps({ action })).toEqual(['redirect answers 301 and leads to https://new.example/dashboard/x?q=1'])
    expect(steps({ action: { kind: 'broken', reason: 'no upstream' } })).toEqual(['broken answers 500: no upstream'])
    expect(steps({ middleware: [session] }, { sessions: [] })[0]).toContain('session "default", which is not defined')
    expect(steps({ action: toApp({ upstream: 'gone' }) })[0]).toContain('upstream "gone", which is not defined')
  })

  test('takes a route of the listener that the URL leads to, and names it where it is another', () => {
    const plain = listenerSpec({ name: 'plain', address: { host: undefined, port: 80 } })
    const model = modelOf([route('upgrade', '/', [], { listeners: ['plain'] }), route('rest', '/')], {
      listeners: [plain, tls],
    })
    expect(ask(model, { url: 'http://a.example/' })).toMatchObject({ route: 'upgrade', listener: { name: 'plain' } })
    expect(ask(model, { url: 'https://a.example/', listener: 'plain' }).route).toBe('upgrade')
    const { route: taken, candidates } = ask(model, { url: 'https://a.example/' })
    expect(taken).toBe('rest')
    expect(candidates[0]).toEqual({
      route: 'upgrade',
      match: 'any host /… on plain',
      reason: 'the listener is tls',
    })
  })

  test('says by which rule the route goes before others that match', () => {
    const at = (name: string, part: Parameters<typeof matchOf>[1] = {}) =>
      route(name, '/', [], { matches: [matchOf('/dashboard', part)] })
    const taken = at('all', {
      host: 'shop.example.com',
      methods: ['GET'],
      headers: [{ name: 'X-A', value: undefined }],
      query: [{ name: 'q', value: '1' }],
    })
    const host = { host: 'shop.example.com' }
    const [methods, headers, query] = taken.matches.map((match) => [
      { ...host, headers: match.headers, query: match.query },
      { ...host, methods: match.methods, query: match.query },
      { ...host, methods: match.methods, headers: match.headers },
    ])[0]!
    const others = [
      at('query', query),
      at('headers', headers),
      at('methods', methods),
      route('path', '/', [], { matches: [matchOf('/', host)] }),
      at('host'),
    ]
    const { route: found, lower } = ask(modelOf([...others, taken, { ...taken, name: 'again' }]), {
      headers: [['X-A', '1']],
    })
    expect(found).toBe('all')
    expect(lower.map(({ route, reason }) => `${route}: ${reason}`)).toEqual([
      'again: the earlier one goes first',
      'query: a match with more query parameters goes first',
      'headers: a match with more headers goes first',
      'methods: a match with methods goes first',
      'path: a nearer path goes first',
      'host: a nearer host goes first',
    ])
  })

  test('says what cors does for the origin that asks, and that a preflight goes no further', () => {
    const cors = {
      kind: 'cors',
      origins: ['https://a.example'],
      methods: ['GET', 'PATCH'],
      headers: ['X-A'],
      exposeHeaders: [],
      credentials: false,
      maxAge: 5000,
    } as const
    const model = modelOf([route('api', '/', [cors, session])])
    const step = (origin: string, asked?: string, headers?: string) => {
      const preflight: [string, string][] = asked === undefined ? [] : [['Access-Control-Request-Method', asked]]
      const wanted: [string, string][] = headers === undefined ? [] : [['Access-Control-Request-Headers', headers]]
      const method = asked === undefined ? 'GET' : 'OPTIONS'
      return ask(model, { method, headers: [['Origin', origin], ...preflight, ...wanted] })
    }
    expect(step('https://a.example').steps[0]!.does).toBe('lets pages of https://a.example read the answer')
    expect(step('https://b.example').steps[0]!.does).toBe('does not let pages of https://b.example read the answer')
    const { steps, upstream } = step('https://a.example', 'PATCH', 'x-a')
    expect(steps.map(({ kind }) => kind)).toEqual(['cors'])
    expect(steps[0]!.does).toBe('answers this preflight with 204, and the browser sends the request')
    expect(upstream).toBeUndefined()
    const refused = (...asked: Parameters<typeof step>) => step(...asked).steps[0]!.does
    expect(refused('https://b.example', 'GET')).toContain('the origin https://b.example is not listed, so')
    expect(refused('https://a.example', 'PUT')).toContain('the method PUT is not listed, so')
    expect(refused('https://a.example', 'GET', 'X-A, X-B')).toContain('the header X-B is not listed, so')
  })

  test('refuses what the gateway refuses: a WebSocket of another site, a rewrite that reads as another route', () => {
    const rewrite = { kind: 'rewrite', path: { kind: 'prefix', value: '/' } } as const
    const model = modelOf([
      route('chat', '/chat', [session, { kind: 'capture', subject: 'X-User', attributes: [] }]),
      route('open', '/open', [rewrite]),
      route('rest', '/rest'),
    ])
    const socket: [string, string][] = [['Upgrade', 'websocket']]
    const url = 'https://shop.example.com/chat'
    expect(ask(model, { url, headers: [...socket, ['Origin', 'https://evil.example']] })).toMatchObject({
      route: 'chat',
      refused: { status: 403, code: 'origin-refused' },
      upstream: undefined,
    })
    const { upstream } = ask(model, { url, headers: [...socket, ['Origin', 'https://shop.example.com']] })
    expect(upstream!.headers).toEqual(expect.arrayContaining([['Upgrade', 'websocket']]))
    expect(ask(model, { url: 'https://shop.example.com/open%2frest' }).refused?.code).toBe('ambiguous-target')
    expect(ask(model, { url: 'https://shop.example.com/open/%2frest' }).refused).toMatchObject({
      code: 'ambiguous-target',
      message: expect.stringContaining('of route "rest"'),
    })
  })

  test('chooses as the router does', () => {
    const part = fc.constantFrom('a', 'b', '')
    const path = fc.array(part, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
    const kind = fc.constantFrom('exact', 'prefix', 'template')
    const match = fc.record({
      path,
      kind,
      host: fc.constantFrom(undefined, '*.z', 'x.z'),
      method: fc.constantFrom('GET', 'PUT', ''),
      listeners: fc.constantFrom(undefined, ['a'], ['a', 'b']),
    })
    fc.assert(
      fc.property(
        fc.array(match, { maxLength: 12 }),
        path,
        fc.constantFrom('x.z', 'y.z', 'q'),
        fc.constantFrom('a', 'b', 'c'),
        (matches, asked, host, listener) => {
          const routes = matches.map(({ path: value, kind, host, method, listeners }, i) =>
            route(`r${i}`, '/', [], {
              listeners,
              matches: [matchOf('/', { host, path: { kind, value } as never, methods: method ? [method] : [] })],
            }),
          )
          const router = createListenerRouters(
            routes.flatMap((value) => value.matches.map((match) => ({ match, listeners: value.listeners, value }))),
          )(listener)
          const request = { method: 'GET', headers: [], query: '', host, path: asked, listener }
          const { route: taken, lower } = chooseRoute(routes, request)
          expect(taken).toBe(router.find(host, asked, request)?.value)
          const next = chooseRoute(
            routes.filter((one) => one !== taken),
            request,
          ).route
          expect(lower[0]?.route).toBe(taken && next?.name)
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe('explain and the gateway', () => {
  const sets = (name: string, value: string) => ({ ...noChanges, set: [{ name, value }] })
  const headers = (name: string, value: string) =>
    ({ kind: 'headers', request: sets(name, value), response: noChanges }) as const
  const prefix = { kind: 'rewrite', path: { kind: 'prefix', value: '/v1' } } as const
  const routes = [
    route('api', '/api', [session, prefix, headers('X-Session-Id', '{session.$id}')]),
    route('fixed', '/fixed', [], { action: toApp({ host: { kind: 'fixed', value: 'inside:81' } }) }),
    route('empty', '/empty', [session, headers('X-Empty', '')]),
    route('wanting', '/wanting', [headers('X-User', '{identity.sub}')]),
    route('chat', '/chat', [session]),
    route('rest', '/'),
  ]
  const enforced = [sessionSpec({ mode: 'enforce' })]
  const model = modelOf(routes, {
    sessions: enforced,
    listeners: [listenerSpec({ address: { host: undefined, port: 80 } })],
  })

  test.each<[target: string, ...headers: string[]]>([
    ['/api/items?x=1', 'Cookie', 'a=1; __Host-session=1.x.y', 'x_session_id', 'forged'],
    ['/api//x', 'X-Forwarded-For', '6.6.6.6', 'Forwarded', 'for=6.6.6.6'],
    ['/fixed/a%20b', 'Connection', 'X-Hop', 'X-Hop', '1'],
    ['/empty', 'X-Empty', 'forged'],
    ['/wanting', 'X-User', 'forged', 'X-Kept', '1'],
    ['/a%2fb', 'TE', 'trailers', 'Expect', '100-continue'],
    ['/%2fapi'],
    ['/api/../rest'],
    ['/chat', 'Upgrade', 'websocket', 'Origin', 'https://evil.example'],
  ])('agree on %s', async (target, ...given) => {
    const on = stage({ routes, sessions: enforced })
    const upgrade = given.includes('websocket') ? 'websocket' : undefined
    const { exchange, reply } = await on
      .ask({ target, upgrade, headers: ['Host', 'shop.example.com', ...given] })
      .catch((error) => ({ exchange: { reason: error.code, route: undefined }, reply: { status: error.status } }))
    const pairs = given.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, given[i + 1]!]] : []))
    const said = explain(model, { method: 'GET', url: `http://shop.example.com${target}`, headers: pairs })
    // Of a path that reads as two routes' it names the one that its plain reading leads to.
    if (exchange.reason !== 'ambiguous-target') expect(said.route).toBe(exchange.route)
    expect(said.refused?.code).toBe(exchange.reason)
    if (said.refused !== undefined) return expect(said.refused.status).toBe(reply.status)
    const [sent] = on.sent
    const names = sent!.headers.filter((_, i) => i % 2 === 0)
    expect(said.upstream!.headers.map(([name]) => name)).toEqual(names)
    expect(said.upstream).toMatchObject({ target: sent!.target, method: sent!.method })
    expect(said.upstream!.headers[0]![1]).toBe(sent!.headers[1])
  })
})

describe('formatExplanation', () => {
  test('reads from top to bottom', () => {
    expect(formatExplanation(ask(shop))).toBe(`GET https://shop.example.com/dashboard/x?q=1
Through listener "tls" (:443, TLS): it has the scheme and the port of the URL
Routed by path /dashboard/x

Tried before:
  "other" (other.example.com /dashboard/…): the host is shop.example.com
  "write" (any host /dashboard/… POST): the method is GET
  "beta" (any host /dashboard/… header X-Beta=1): the header X-Beta=1 is not there

Route: "dashboard" (any host /dashboard/…)

Would take it too, but comes later:
  "rest" (any host /…): a nearer path goes first

The chain, in its order:
  session  opens session "default" by the cookie __Host-session, which this request does not bring
  login    lets nobody through, since no route learns who signs in; everybody gets 401
  headers  on the request sets X-User-Id, Authorization, X-Api-Key
  rewrite  makes the target /v1/x?q=1
  proxy    forwards to upstream "app"

Upstream "app" (http://10.0.0.5:3000) would get, once all of this lets the request through:
  GET /v1/x?q=1
  Host: shop.example.com
  X-Forwarded-For: {client.address}
  X-Forwarded-Proto: https
  X-Forwarded-Host: shop.example.com
  X-Forwarded-Port: 443
  Forwarded: for={client.address};host="shop.example.com";proto=https
  X-Request-Id: {request.id}
  X-User-Id: {session.user_id}
  Authorization: {tokens.access_token}
  X-Api-Key: [secret]
`)
  })

  test('counts what is elsewhere when there is much of it', () => {
    const many = Array.from({ length: 100 }, (_, i) => route(`r${i}`, `/p/${i}`))
    const text = formatExplanation(
      ask(
        modelOf([...many, route('all', '/'), route('put', '/', [], { matches: [matchOf('/', { methods: ['PUT'] })] })]),
      ),
    )
    expect(text).toContain(
      '"put" (any host /… PUT): the method is GET\n  and 100 more, for other listeners, hosts and paths',
    )
  })
})

test.each([
  ['X-Ticket', 'abc'],
  ['X-Auth', 'abc'],
  ['X-Code-Verifier', 'abc'],
  ['X-OTP', '123456'],
  ['X-Credential', 'abc'],
  ['X-Anything', 'Bearer abc'],
  ['X-Anything', 'eyJhbGciOiJub25l.eyJzdWIiOiJh.c2ln'],
])('%s: %s is not shown', (name, value) => {
  expect(maskHeader(name, value)).toBe('[secret]')
})

test('of cookies the names are shown', () => {
  expect(maskHeader('cookie', 'a=1; b=2=3;c')).toBe('a=[secret]; b=[secret]; [secret]')
})

test('names of people and plain values are shown', () => {
  expect(maskHeader('X-Auth-User', 'anna')).toBe('anna')
  expect(maskHeader('X-Version', '1.2.3')).toBe('1.2.3')
})
