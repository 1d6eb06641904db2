import { emptyModel, type GatewayModel, type Route } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createListenerRouters } from '../router/listener-routers.ts'
import { anyUpstream, matchOf, noChanges, route, sessionSpec, toApp } from '../testing/gateway.ts'
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
    expect(steps[1]!.does).toContain('everybody else gets 401')
    expect(ask(shop, { headers: [['Accept', 'text/html']] }).steps[1]!.does).toContain('led to /login (303)')
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
        ['Cookie', '[secret]'],
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
    const steps = (changed: Partial<Route>, part: Partial<GatewayModel> = {}) =>
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
          expect(chooseRoute(routes, request).route).toBe(router.find(host, asked, request)?.value)
        },
      ),
      { numRuns: 5000 },
    )
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

The chain, in its order:
  session  opens session "default" by the cookie __Host-session
  login    lets through who has an identity that a capture route of the same session learned; everybody else gets 401
  headers  changes 3 headers of the request and 0 of the answer
  rewrite  makes the target /v1/x?q=1
  proxy    forwards to upstream "app"

Upstream "app" (http://10.0.0.5:3000) would get:
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
  ['X-Credential', 'abc'],
  ['X-Anything', 'Bearer abc'],
  ['X-Anything', 'eyJhbGciOiJub25l.eyJzdWIiOiJh.c2ln'],
])('%s: %s is not shown', (name, value) => {
  expect(maskHeader(name, value)).toBe('[secret]')
})

test('names of people and plain values are shown', () => {
  expect(maskHeader('X-Auth-User', 'anna')).toBe('anna')
  expect(maskHeader('X-Version', '1.2.3')).toBe('1.2.3')
})
