import { describe, expect, test } from 'vitest'
import { check } from '../check.ts'
import type { LeftOut } from '../dialect.ts'
import { found, good, listener, match, route, tls, upstream, upstreamTls, withMatch } from '../fixtures/good-model.ts'
import type { GatewayModel } from '../model.ts'
import type { BrokenAction, ProxyAction, RedirectAction, Route } from '../route.ts'

const redirect: RedirectAction = {
  kind: 'redirect',
  status: 302,
  scheme: undefined,
  host: undefined,
  port: undefined,
  path: undefined,
}
const badProxy: ProxyAction = {
  kind: 'proxy',
  upstream: 'app',
  host: { kind: 'fixed', value: 'a b' },
  webSocketOrigins: ['x'],
}

test.each<[string, Partial<GatewayModel>, string[]]>([
  [
    'an upstream without weight',
    { upstreams: [{ ...upstream, targets: [{ url: 'http://10.0.0.1', weight: 0 }] }] },
    ['error upstream-without-target /upstreams/0/targets'],
  ],
  [
    'an upstream with a path',
    { upstreams: [{ ...upstream, targets: [{ url: 'http://10.0.0.1/a', weight: 1 }] }] },
    ['error upstream-url-invalid /upstreams/0/targets/0'],
  ],
  [
    'an upstream that is a listener',
    { upstreams: [{ ...upstream, targets: [{ url: 'http://127.0.0.1:8080', weight: 1 }] }] },
    ['error upstream-is-listener /upstreams/0/targets/0'],
  ],
  [
    'TLS settings for http',
    { upstreams: [{ ...upstream, tls: upstreamTls }] },
    ['warning upstream-tls-unused /upstreams/0/tls'],
  ],
  [
    'certificates that are not checked',
    {
      upstreams: [
        { ...upstream, targets: [{ url: 'https://a', weight: 1 }], tls: { ...upstreamTls, insecureSkipVerify: true } },
      ],
    },
    ['warning upstream-not-verified /upstreams/0/tls/insecureSkipVerify'],
  ],
  ['a route without match', { routes: [{ ...route, matches: [] }] }, ['error match-missing /routes/0']],
  ['a host with a port', withMatch({ host: 'a.example.com:80' }), ['error host-invalid /routes/0/matches/0/host']],
  ['a host in capitals', withMatch({ host: 'A.example.com' }), ['error host-invalid /routes/0/matches/0/host']],
  [
    'hosts that are fine',
    {
      routes: ['*.example.com', '127.0.0.1', '[::1]', 'localhost', 'xn--bcher-kva.example', 'a_b.example'].map(
        (host, i) => ({ ...route, name: `r${i}`, matches: [{ ...match, host }] }),
      ),
    },
    [],
  ],
  [
    'a dot segment in a path',
    withMatch({ path: { kind: 'exact', value: '/a/%2E%2e/b' } }),
    ['error path-invalid /routes/0/matches/0/path'],
  ],
  [
    'a relative path',
    withMatch({ path: { kind: 'exact', value: 'a' } }),
    ['error path-invalid /routes/0/matches/0/path'],
  ],
  [
    'a template with a name twice',
    withMatch({ path: { kind: 'template', value: '/{a}/{a}' } }),
    ['error path-invalid /routes/0/matches/0/path'],
  ],
  [
    'a template without a name',
    withMatch({ path: { kind: 'template', value: '/a' } }),
    ['error path-invalid /routes/0/matches/0/path'],
  ],
  ['a method in small letters', withMatch({ methods: ['get'] }), ['error method-invalid /routes/0/matches/0/methods']],
  [
    'a header that is none',
    withMatch({ headers: [{ name: 'a:b', value: undefined }] }),
    ['error header-name-invalid /routes/0/matches/0/headers/0'],
  ],
  [
    'a match that another covers',
    { routes: [route, { ...route, name: 'b', matches: [{ ...match, path: { kind: 'exact', value: '/x' } }, match] }] },
    ['error route-unreachable /routes/1/matches/1'],
  ],
  [
    'a match with more conditions, later',
    { routes: [route, { ...route, name: 'b', matches: [{ ...match, methods: ['GET'] }] }] },
    [],
  ],
  [
    'methods that are among an earlier one’s',
    {
      routes: [
        { ...route, matches: [{ ...match, methods: ['GET', 'PUT'] }] },
        { ...route, name: 'b', matches: [{ ...match, methods: ['PUT'] }] },
      ],
    },
    ['error route-unreachable /routes/1/matches/0'],
  ],
  [
    'methods that are only in part',
    {
      routes: [
        { ...route, matches: [{ ...match, methods: ['GET', 'PUT'] }] },
        { ...route, name: 'b', matches: [{ ...match, methods: ['PUT', 'POST'] }] },
      ],
    },
    [],
  ],
  [
    'a header without value that covers one with',
    {
      routes: [
        { ...route, matches: [{ ...match, headers: [{ name: 'x-a', value: undefined }] }] },
        { ...route, name: 'b', matches: [{ ...match, headers: [{ name: 'X-A', value: '1' }] }] },
      ],
    },
    ['error route-unreachable /routes/1/matches/0'],
  ],
  [
    'a template by another name',
    {
      routes: [
        { ...route, matches: [{ ...match, path: { kind: 'template', value: '/{a}' } }] },
        { ...route, name: 'b', matches: [{ ...match, path: { kind: 'template', value: '/{b}' } }] },
      ],
    },
    ['error route-unreachable /routes/1/matches/0'],
  ],
  [
    'a value that lies in the same place as an earlier one’s',
    { routes: [keyed('app', 'KEY'), keyed('b', 'KEY')] },
    ['error route-unreachable /routes/1/matches/0'],
  ],
  ['values that lie in different places', { routes: [keyed('app', 'KEY'), keyed('b', 'OTHER')] }, []],
  ['a broken route of which nothing more is known', { routes: [route, { ...broken(), matches: [match] }] }, []],
  [
    'a broken route of which all is known',
    { routes: [route, broken({ actions: [{ ...redirect, host: 'a b' }, badProxy], lost: ['headers'] })] },
    [
      'error host-invalid /routes/1/action/written/actions/0/host',
      'error host-invalid /routes/1/action/written/actions/1/host',
      'error origin-invalid /routes/1/action/written/actions/1/webSocketOrigins/0',
      'error route-unreachable /routes/1/matches/0',
    ],
  ],
  ['a broken route whose match was lost', { routes: [route, broken({ actions: [], lost: ['match'] })] }, []],
])('%s', (_, change, expected) => {
  expect(found(change).sort()).toEqual([...expected].sort())
})

function keyed(name: string, variable: string): Route {
  const headers = [{ name: 'X-Key', value: { from: 'env', name: variable } }] as const
  return { ...route, name, matches: [{ ...match, headers }] }
}

function broken(written?: BrokenAction['written']): Route {
  return { ...route, name: 'b', action: { kind: 'broken', reason: 'It has errors.', ...(written && { written }) } }
}

test('names of what was left out are known', () => {
  const change = { ...good, sessions: [{ ...good.sessions[0]!, store: 'main' }], stores: [] }
  const told = (leftOut?: LeftOut) =>
    check(change, () => undefined, false, leftOut).map(({ code, remedy }) => [code, remedy])
  expect(told({ stores: ['main'] })).toEqual([])
  expect(told({ stores: ['mian'] })).toEqual([['store-unknown', 'Define it, or write another. Did you mean "mian"?']])
  expect(told()).toEqual([['store-unknown', 'Define it, or write another. There is no store yet.']])
})

const plain = { ...listener, name: 'plain', address: { host: '127.0.0.1', port: 80 } }
const secure = { ...listener, name: 'secure', address: { host: '127.0.0.1', port: 443 }, tls }
const on = (name: string, ...listeners: string[]) => ({ ...route, name, listeners })
const toHttps = (listeners: string[] | undefined) => ({
  ...route,
  name: 'upgrade',
  listeners,
  middleware: [],
  action: {
    kind: 'redirect',
    status: 301,
    scheme: 'https',
    host: undefined,
    port: undefined,
    path: undefined,
  } as const,
})

describe('routes of some listeners', () => {
  test.each<[string, Partial<GatewayModel>, string[]]>([
    ['one for each', { listeners: [plain, secure], routes: [on('a', 'plain'), on('b', 'secure')] }, []],
    ['a nearer one first', { listeners: [plain, secure], routes: [on('a', 'plain'), route] }, []],
    [
      'one that another takes everything of',
      { listeners: [plain, secure], routes: [route, on('a', 'plain')] },
      ['error route-unreachable /routes/1/matches/0'],
    ],
    [
      'one that two others take everything of, each on one listener',
      { listeners: [plain, secure], routes: [on('a', 'plain'), on('b', 'secure'), route] },
      ['error route-unreachable /routes/2/matches/0'],
    ],
    [
      'listeners that are not there',
      { listeners: [plain], routes: [on('a', 'plain', 'plian')] },
      ['error listener-unknown /routes/0/listeners/1'],
    ],
    [
      'none at all',
      { listeners: [plain], routes: [route, on('a')] },
      ['error route-without-listener /routes/1/listeners'],
    ],
    [
      'a listener without any',
      { listeners: [plain, secure], routes: [on('a', 'plain')] },
      ['warning listener-unused /listeners/1'],
    ],
    [
      'a redirect from http to https beside the TLS listener',
      { listeners: [plain, secure], routes: [toHttps(['plain']), on('app', 'secure')] },
      [],
    ],
    [
      'a redirect to a listener that it serves itself',
      { listeners: [plain, secure], upstreams: [], stores: [], sessions: [], routes: [toHttps(undefined)] },
      ['warning redirect-to-own-listener /routes/0/action'],
    ],
    [
      'Secure cookies, of which the plain listener sees none',
      {
        listeners: [{ ...plain, address: { host: undefined, port: 80 } }, secure],
        routes: [toHttps(['plain']), on('app', 'secure')],
      },
      [],
    ],
  ])('%s', (_, change, expected) => {
    expect(found(change)).toEqual(expected)
  })
})
