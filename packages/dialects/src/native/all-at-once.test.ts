/** One look finds everything: no mistake hides another one, and what is written wrongly is written. */
import { check } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { native } from './dialect.ts'

const start = 'listeners: { web: ":8443" }\n'

function lookAtAll(text: string) {
  const { model, diagnostics, placeOf, leftOut } = native.translate([{ name: 'x.yaml', text }], () => undefined)
  return [...diagnostics, ...check(model!, placeOf, diagnostics.length === 0, leftOut)]
}
const look = (text: string) => lookAtAll(text).filter(({ severity }) => severity === 'error')
const codes = (text: string) =>
  look(start + text)
    .map(({ code }) => code)
    .sort()
const route = (fields: string) => codes(`upstreams: { app: "http://a" }\nroutes: [{ ${fields} }]\n`)

describe('in a route, a wrong field hides no other', () => {
  test.each<[string, string[]]>([
    ['match: { path: bad }', ['action-missing', 'value-invalid']],
    ['match: { path: bad }, upstream: app, redirect: { host: b.example }', ['action-twice', 'value-invalid']],
    ['redirect: { status: 200 }, upstream: app', ['action-twice', 'value-invalid']],
    ['redirect: 5, upstream: app', ['action-twice', 'value-invalid']],
    ['rewrite: { path: bad }', ['action-missing', 'value-invalid']],
    ['rewrite: { path: bad }, redirect: { host: b.example }, upstream: app', ['action-twice', 'value-invalid']],
    ['redirect: { host: "bad host" }, upstream: app', ['action-twice', 'host-invalid']],
    ['redirect: { path: /a?b }, upstream: app', ['action-twice', 'rewrite-path-invalid']],
    ['redirect: { host: b.example }, host: "bad host"', ['action-twice']],
    ['match: { path: bad }, redirect: { host: "bad host" }', ['host-invalid', 'value-invalid']],
    ['match: { path: bad }, upstream: app, host: "bad host"', ['host-invalid', 'value-invalid']],
    ['match: { path: bad }, upstream: app, webSocketOrigins: [x]', ['origin-invalid', 'value-invalid']],
    ['match: { path: bad }, upstream: ap', ['upstream-unknown', 'value-invalid']],
    ['match: { path: bad }, upstream: "https://127.0.0.1:8443"', ['upstream-is-listener', 'value-invalid']],
    ['match: { path: bad }, upstream: app, session: none', ['session-unknown', 'value-invalid']],
    ['match: { path: bad }, upstream: app, login: { at: /x }', ['login-without-session', 'value-invalid']],
    ['capture: { $subject: X-User }', ['action-missing', 'capture-without-session']],
    ['foo: 1, match: { path: bad }', ['action-missing', 'field-unknown', 'value-invalid']],
  ])('{ %s }', (fields, expected) => {
    expect(route(fields)).toEqual(expected)
  })

  test('an unreachable route is told beside its other mistakes', () => {
    const text =
      'upstreams: { app: "http://a" }\nroutes: [{ match: /a, upstream: app }, { match: /a, rewrite: { path: bad } }]\n'
    expect(codes(text)).toEqual(['action-missing', 'route-unreachable', 'value-invalid'])
  })
})

describe('nothing is told that only follows from another mistake', () => {
  test.each<[string, string[]]>([
    ['upsteam: app', ['field-unknown']],
    ['redirct: { host: b.example }', ['field-unknown']],
    ['upstream: 5', ['value-invalid']],
    ['upstream:', ['value-invalid']],
    ['redirect: { host: 5 }', ['value-invalid']],
    ['redirect: 5', ['value-invalid']],
    ['match: { pth: /a }, redirect: { path: /b }', ['field-unknown']],
    ['session: 5, login: { at: /x }, upstream: app', ['value-invalid']],
    ['sesion: x, login: { at: /x }, upstream: app', ['field-unknown']],
  ])('{ %s }', (fields, expected) => {
    expect(route(fields)).toEqual(expected)
  })

  const app = 'routes: [{ upstream: "http://a" }]'

  test.each<[string, string[]]>([
    ['sessions: { default: { timeouts: { idle: 13h, lifetime: 10x } } }', ['value-invalid']],
    ['sessions: { default: { timeouts: { lifetime: 10x }, rotateAfter: 13h } }', ['value-invalid']],
    ['sessions: { default: { timeouts: { lifetime: 10m }, rotateAfter: 1x } }', ['value-invalid']],
    [
      'sessions: { a: { prefix: p, timeouts: { idle: 5m } }, b: { prefix: p, timeouts: { idle: 5x } } }',
      ['value-invalid'],
    ],
    ['upstreams: { b: { urls: ["https://b"], tls: { key: b.key, certificate: 5 } } }', ['value-invalid']],
  ])('%s', (text, expected) => {
    const listener = 'listeners: { web: "127.0.0.1:8080" }'
    expect(lookAtAll(`${listener}\n${text}\n${app}`).map(({ code }) => code)).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['{ address: ":8443", tls: { certificate: a.crt } }', ['field-missing']],
    ['{ address: ":8443", tls: [{ certificate: a.crt, key: a.key }, { certificate: b.crt }] }', ['field-missing']],
    ['{ address: ":8443", tsl: { certificate: a.crt, key: a.key } }', ['field-unknown']],
    ['{ address: "127.0.0.1:1", limits: { headerBytes: 5x, targetBytes: 60KiB } }', ['value-invalid']],
  ])('listener %s', (listener, expected) => {
    const text = `listeners: { web: ${listener} }\nsessions: { default: {} }\n${app}`
    expect(lookAtAll(text).map(({ code }) => code)).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['{ cookie: { secure: fals } }', ['value-invalid']],
    ['{ lookup: { hedaer: X-Session } }', ['field-unknown']],
    ['{ mode: of }', ['value-invalid']],
  ])('session %s', (session, expected) => {
    const text = `listeners: { web: ":8080" }\nsessions: { default: ${session} }\n${app}`
    expect(lookAtAll(text).map(({ code }) => code)).toEqual(expected)
  })

  test('a route that is none is told once', () => {
    expect(codes('routes: [5, x]\n')).toEqual(['value-invalid', 'value-invalid'])
  })

  test('a match that was not understood covers no other route', () => {
    const text =
      'routes: [{ match: { pth: /a }, upstream: "http://a" }, { match: { hst: x }, upstream: "http://a" }, { upstream: "http://a" }]\n'
    expect(codes(text)).toEqual(['field-unknown', 'field-unknown'])
  })
})

describe('a broken definition is a known name', () => {
  const only = (text: string, code: string) => look(start + text).filter((one) => one.code === code)

  test.each([
    ['stores: { main: { sqllite: {} } }\nsessions: { default: { store: mian } }\n', 'store-unknown', 'main'],
    ['upstreams: { app: { urls: [ftp://x] } }\nroutes: [{ upstream: ap }]\n', 'upstream-unknown', 'app'],
    ['upstreams: { app: 5 }\nroutes: [{ upstream: "http://a", mirror: ap }]\n', 'upstream-unknown', 'app'],
    ['sessions: { shop: 5 }\nroutes: [{ upstream: "http://a", session: shpo }]\n', 'session-unknown', 'shop'],
    ['keys: { k10: 5 }\nsessions: { default: { sealing: { keys: [k1o] } } }\n', 'key-unknown', 'k10'],
    [
      'listeners: { tls: { address: x } }\nroutes: [{ upstream: "http://a", listeners: tsl }]\n',
      'listener-unknown',
      'tls',
    ],
  ])('%j', (text, code, name) => {
    const found = look(text).filter((one) => one.code === code)
    expect(found.map(({ remedy }) => remedy)).toEqual([expect.stringContaining(`Did you mean "${name}"?`)])
  })

  test('and what refers to it by its right name is told nothing', () => {
    const text = `stores: { main: { sqllite: {} } }
keys: { k1: 5 }
sessions: { default: { store: main }, sealed: { sealing: { keys: [k1] } } }
upstreams: { app: { urls: [ftp://x] } }
routes: [{ upstream: app, mirror: app }, { match: /b, session: sealed, upstream: app }]
`
    expect(codes(text)).toEqual(['field-unknown', 'value-invalid', 'value-invalid'])
    expect(only(text, 'session-unknown')).toEqual([])
  })

  test.each([
    ['stores: { main: { sqllite: {} } }', 'store: main'],
    ['keys: { k1: 5 }', 'sealing: { keys: [k1] }'],
  ])('and hides nothing of what refers to it: %s', (broken, refers) => {
    const text = `${broken}\nsessions: { default: { ${refers}, prefix: "a b", cookie: { name: "a b" } } }\nroutes: [{ upstream: "http://a", login: { at: x } }]\n`
    expect(codes(text)).toEqual(expect.arrayContaining(['cookie-name-invalid', 'login-page-invalid', 'prefix-invalid']))
  })
})

describe('what cannot do without a field shows its other mistakes without it', () => {
  const app = 'routes: [{ upstream: "http://a" }]\n'

  test.each<[string, string[]]>([
    ['listeners: { web: { address: x, trustedProxies: [10.0.0.0/99] } }', ['cidr-invalid', 'value-invalid']],
    ['listeners: { web: { adress: ":1", trustedProxies: [10.0.0.0/99] } }', ['cidr-invalid', 'field-unknown']],
    ['listeners: { web: { trustedProxies: [10.0.0.0/99] } }', ['cidr-invalid', 'field-missing']],
    ['listeners: { web: { http2: true } }', ['field-missing', 'tls-missing']],
    ['listeners: { web: { address: ":1", http2: true, tls: { certificate: a.crt } } }', ['field-missing']],
    ['upstreams: { b: { urls: [ftp://x], tls: { key: b.key } } }', ['client-certificate-half', 'value-invalid']],
    ['upstreams: { b: { url: "http://b", tls: { key: b.key } } }', ['client-certificate-half', 'field-unknown']],
    ['upstreams: { b: { tls: { key: b.key } } }', ['client-certificate-half', 'field-missing']],
  ])('%s', (text, expected) => {
    expect(
      look(`${text}\n${app}`)
        .map(({ code }) => code)
        .sort(),
    ).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['upstream: app, cors: { origins: 5, methods: [get] }', ['method-invalid', 'value-invalid']],
    ['upstream: app, cors: { methods: [get] }', ['field-missing', 'method-invalid']],
    ['upstream: app, cors: { origins: [], credentials: true }', ['value-invalid']],
  ])('{ %s }', (fields, expected) => {
    expect(route(fields)).toEqual(expected)
  })

  test('and what refers to it is broken, and told nothing', () => {
    const text = `listeners: { web: { address: x } }
upstreams: { app: { urls: [ftp://x] } }
routes: [{ upstream: app }, { match: /b, upstream: "http://a", listeners: web }]
`
    const { model, diagnostics } = native.translate([{ name: 'x.yaml', text }], () => undefined)
    expect(diagnostics.map(({ code }) => code)).toEqual(['value-invalid', 'value-invalid'])
    expect(model?.routes.map(({ action }) => action)).toMatchObject([
      { kind: 'broken', reason: 'Its upstream "app" has errors.' },
      { kind: 'broken', reason: 'Its listener "web" has errors.' },
    ])
  })
})

test('two thousand routes, each wrong in three places, are told in a moment', () => {
  const wrong = (i: number) => `  - { name: r${i}, match: { path: bad }, foo: 1, upstreem: x }`
  const text = `${start}routes:\n${Array.from({ length: 2000 }, (_, i) => wrong(i)).join('\n')}\n`
  const before = process.cpuUsage()
  expect(look(text)).toHaveLength(6000)
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(15)
  // What counts is the time of the processor, not that of a machine that does other things.
}, 120_000)

test('whatever is written ends in a model and what is wrong with it', () => {
  const fields =
    'listeners upstreams routes address urls url cors origins web app upstream redirect match path host tls certificate ' +
    'key env file sessions stores keys store sealing migrate from to headers request set rewrite mirror login default'
  const scalar = fc.constantFrom<unknown>('app', '/a', ':80', 'http://a', '{tokens.id_token}', 'off', 5, true, null)
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 6 }, scalar, tie('object'), tie('object'), fc.array(tie('value'), { maxLength: 2 })),
    object: fc.dictionary(fc.constantFrom(...fields.split(' ')), tie('value'), { maxKeys: 5 }),
  }))
  const section = fc.oneof(value, fc.dictionary(fc.constantFrom('web', 'app', 'a b'), value, { maxKeys: 2 }))
  const document = fc.record(
    { listeners: section, upstreams: section, sessions: section, stores: section, routes: fc.array(value) },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(document, (written) => {
      for (const { message } of look(JSON.stringify(written))) expect(message).toMatch(/^\S.*\.$/)
    }),
    { numRuns: 300 },
  )
})
