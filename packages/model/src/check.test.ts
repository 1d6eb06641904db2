import { expect, test } from 'vitest'
import { check } from './check.ts'
import { emptyModel } from './defaults.ts'
import {
  found,
  good,
  listener,
  match,
  memory,
  proxy,
  route,
  sqlite,
  tls,
  upstream,
  withCookie,
  withMatch,
  withMiddleware,
  withSpec,
} from './fixtures/good-model.ts'
import type { GatewayModel, SessionSpec } from './model.ts'

test('a model that is right has nothing to be told of', () => {
  expect(found({})).toEqual([])
})

test('a model with nothing in it only says that nobody can reach it', () => {
  const codes = check(emptyModel, () => undefined).map(({ severity, code }) => `${severity} ${code}`)
  expect(codes).toEqual(['warning listener-missing', 'warning route-missing'])
})
test.each<[string, Partial<GatewayModel>, string[]]>([
  [
    'two routes of one name',
    { routes: [route, { ...route, matches: [{ ...match, host: 'a.example.com' }] }] },
    ['error name-twice /routes/1'],
  ],
  ['a name with a line break', { routes: [{ ...route, name: 'a\nb' }] }, ['error name-invalid /routes/0']],
  [
    'a key that records cannot name',
    { keys: [{ id: 'a.b', value: { from: 'env', name: 'K' } }] },
    ['error key-name-invalid /keys/0'],
  ],
  ['an unknown store', { ...withSpec({ store: 'main' }), stores: [] }, ['error store-unknown /sessions/0/store']],
  [
    'an unknown key, within a migration too',
    withSpec({ sealing: { kind: 'migrate', from: { kind: 'ticket' }, to: { kind: 'keys', keys: ['k1'] } } }),
    ['error key-unknown /sessions/0/sealing'],
  ],
  [
    'an unknown session',
    { routes: [{ ...route, middleware: [{ kind: 'session', session: 'x' }] }] },
    ['warning session-unused /sessions/0', 'error session-unknown /routes/0/middleware/0'],
  ],
  [
    'an unknown upstream',
    { routes: [{ ...route, action: { ...proxy, upstream: 'x' } }] },
    ['error upstream-unknown /routes/0/action', 'warning upstream-unused /upstreams/0'],
  ],
  [
    'an unknown mirror',
    withMiddleware({ kind: 'mirror', upstream: 'x', percent: 100 }),
    ['error upstream-unknown /routes/0/middleware/1/upstream'],
  ],
  ['a store that nothing uses', { stores: [sqlite, { ...sqlite, name: 'x' }] }, ['warning store-unused /stores/1']],
  [
    'listeners on one address',
    { listeners: [listener, { ...listener, name: 'b', address: { host: undefined, port: 8080 } }] },
    ['warning secure-cookie-on-plain-listener /listeners/1', 'error address-twice /listeners/1/address'],
  ],
  [
    'a listener where the internal one is',
    { internal: { address: listener.address } },
    ['error address-twice /internal/address'],
  ],
  [
    'listeners on free ports',
    {
      listeners: [
        { ...listener, address: { host: '127.0.0.1', port: 0 } },
        { ...listener, name: 'b', address: { host: '127.0.0.1', port: 0 } },
      ],
    },
    [],
  ],
  [
    'a range that is none',
    { listeners: [{ ...listener, trustedProxies: ['10.0.0.0/40'] }] },
    ['error cidr-invalid /listeners/0/trustedProxies/0'],
  ],
  [
    'a range of everybody',
    { listeners: [{ ...listener, trustedProxies: ['::/0'] }] },
    ['warning trusts-everybody /listeners/0/trustedProxies/0'],
  ],
  [
    'Secure on a plain listener that others reach',
    { listeners: [{ ...listener, address: { host: '10.0.0.1', port: 80 } }] },
    ['warning secure-cookie-on-plain-listener /listeners/0'],
  ],
  ['Secure on a TLS listener', { listeners: [{ ...listener, tls, address: { host: undefined, port: 443 } }] }, []],
  ['memory', { stores: [memory] }, ['warning store-in-memory /sessions/0/store']],
  ['memory for sessions that are off', { stores: [memory], ...withSpec({ mode: 'off' }) }, []],
  ['memory with workers', { workers: 2, stores: [memory] }, ['error memory-with-workers /workers']],
  ['sqlite with workers', { workers: 2 }, []],
  [
    'sealed cookies above the header limit',
    { stores: [{ kind: 'sealed-cookie', name: 'main', maxParts: 4 }] },
    ['error cookie-above-header-limit /stores/0/maxParts'],
  ],
  ['sealed cookies by default', { stores: [{ kind: 'sealed-cookie', name: 'main', maxParts: 3 }] }, []],
  [
    'a session larger than its store',
    { stores: [{ ...memory, maxBytes: 65_536 }], ...withSpec({ maxBytes: 65_537 }) },
    ['error session-above-store /sessions/0/maxBytes', 'warning store-in-memory /sessions/0/store'],
  ],
])('%s', (_, change, expected) => {
  expect(found(change).sort()).toEqual([...expected].sort())
})

test('the message on memory with workers names the alternatives', () => {
  const [problem] = check({ ...good, workers: 2, stores: [memory] }, () => undefined)
  for (const name of ['sqlite', 'redis', 'sealedCookie', 'workers: 1']) expect(problem?.remedy).toContain(name)
})

test('two sessions may share records only when they read them alike', () => {
  const other: SessionSpec = { ...good.sessions[0]!, name: 'other', mode: 'on-demand' }
  const routes = [
    route,
    {
      ...route,
      name: 'b',
      matches: [{ ...match, host: 'b' }],
      middleware: [{ kind: 'session', session: 'other' } as const],
    },
  ]
  expect(found({ sessions: [good.sessions[0]!, other], routes })).toEqual([])
  const differing = { ...other, cookie: { ...other.cookie, name: 'b' } }
  expect(found({ sessions: [good.sessions[0]!, differing], routes })).toEqual([
    'error sessions-mixed /sessions/1/prefix',
  ])
  const elsewhere = { ...other, prefix: 'elsewhere' }
  expect(found({ sessions: [good.sessions[0]!, elsewhere], routes })).toEqual([
    'warning cookie-shared /sessions/1/cookie/name',
  ])
})

test('check() finds everything at once, in the order of places', () => {
  const codes = found({
    workers: 2,
    stores: [memory],
    ...withSpec({ sealing: { kind: 'none' }, prefix: '' }),
    accessLog: { enabled: true, sessionField: '' },
  })
  expect(codes.map((line) => line.split(' ')[1]).sort()).toEqual([
    'log-field-invalid',
    'memory-with-workers',
    'prefix-invalid',
    'sealing-none',
  ])
})

test('every code is lower case with hyphens, and every sentence is one', () => {
  const wild = {
    workers: 2,
    ...withCookie({ secure: false, sameSite: 'None', domain: 'x', path: 'y' }),
    ...withMatch({ host: ':', path: { kind: 'exact', value: '?' } }),
  } as const
  for (const { code, message, consequence, remedy } of check({ ...good, ...wild }, () => undefined)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    for (const sentence of [message, consequence, remedy]) expect(sentence).toMatch(/^["A-Z].*[.?"]$/s)
  }
})

test('check() calls nothing missing or unused in a part of a model', () => {
  expect(check(emptyModel, () => undefined, false)).toEqual([])
  const unused = { ...good, upstreams: [upstream, { ...upstream, name: 'other' }] }
  expect(check(unused, () => undefined).map(({ code }) => code)).toEqual(['upstream-unused'])
  expect(check(unused, () => undefined, false)).toEqual([])
})
