/** `{ env: NAME }` and `{ file: path }` stand for every value, and for nothing else. */
import { describe, expect, test } from 'vitest'
import { native } from './dialect.ts'
import { documentShape, forms, type Shape } from './shape.ts'

/** Names of things in the file, and what refers to them. */
const names = [
  'routes/[]/name',
  'routes/[]/listeners',
  'routes/[]/listeners/[]',
  'routes/[]/session',
  'routes/[]/upstream',
  'routes/[]/mirror',
  'routes/[]/mirror/upstream',
  'sessions/*/store',
  'sessions/*/sealing/keys/[]',
  'sessions/*/sealing/migrate/from/keys/[]',
  'sessions/*/sealing/migrate/to/keys/[]',
]

/** Paths of everything that is a value in one of its forms, and whether a reference may stand for it. */
function valuesOf(shape: Shape, path: string): [string, boolean][] {
  const ways = forms(shape)
  const isValue = ways.some(
    ({ type, enum: options, const: only }) => options ?? only ?? ['string', 'integer', 'boolean'].includes(type ?? ''),
  )
  const taken = ways.some(({ $ref, allOf }) => $ref ?? allOf)
  const inner = (name: string) => (path === '' ? name : `${path}/${name}`)
  return [
    ...(isValue ? [[path, taken] as [string, boolean]] : []),
    ...ways.flatMap(({ properties, additionalProperties, items }) => [
      ...Object.entries(properties ?? {}).flatMap(([name, part]) => valuesOf(part, inner(name))),
      ...(additionalProperties ? valuesOf(additionalProperties, inner('*')) : []),
      ...(items ? valuesOf(items, inner('[]')) : []),
    ]),
  ]
}

test('every value takes a reference, and no name does', () => {
  const values = valuesOf(documentShape(), '')
  expect(values.length).toBeGreaterThan(80)
  expect(values.filter(([path, taken]) => taken === names.includes(path)).map(([path]) => path)).toEqual([])
  expect(names.filter((name) => !values.some(([path]) => path === name))).toEqual([])
})

const environment: Readonly<Record<string, string>> = {
  HOST: 'Shop.example.com',
  PATH_: '/shop',
  METHOD: 'GET',
  TEMPLATE: '/users/{id}',
  KIND: 'sqlite',
  FILE: 'stage.db',
  NEVER: 'never',
  OFF: 'off',
  STATUS: '308',
  NONE: 'none',
  COOKIE: 'cookie',
  REFUSE: 'refuse',
  AGE: '5m',
  PRESENT: 'true',
  ABSENT: 'false',
}
const read = (text: string) =>
  native.translate([{ name: 'x.yaml', text }], (reference) =>
    'env' in reference ? environment[reference.env] : '/file',
  )

test('whether a header is asked for at all may come from the environment, and only as true', () => {
  const { model, diagnostics } = read(
    'routes: [{ match: { headers: { X-A: { present: { env: PRESENT } } }, query: { a: { present: { env: PRESENT } } } }, upstream: "http://a" }]',
  )
  expect(diagnostics).toEqual([])
  expect(model?.routes[0]?.matches[0]).toMatchObject({ headers: [{ name: 'X-A' }], query: [{ name: 'a' }] })
  expect(
    read('routes: [{ match: { headers: { X-A: { present: { env: ABSENT } } } }, upstream: "http://a" }]').diagnostics,
  ).toMatchObject([{ code: 'value-invalid' }])
})

test('what differs from stage to stage comes from the environment', () => {
  const { model, diagnostics } = read(`internal: { env: OFF }
accessLog: { env: OFF }
stores: { main: { sqlite: { file: { env: FILE } } }, other: { env: KIND } }
sessions:
  default: { store: main, rotateAfter: { env: NEVER }, lookup: { env: COOKIE }, onStoreFailure: { env: REFUSE } }
  more: { store: other, rotateAfter: { env: AGE }, sealing: { env: NONE } }
routes:
  - match: { host: [{ env: HOST }], path: { env: PATH_ }, methods: [{ env: METHOD }] }
    rewrite: { path: { file: p } }
    upstream: http://127.0.0.1:3000
  - { match: { host: { env: HOST }, path: { template: { env: TEMPLATE } }, methods: { env: METHOD } }, redirect: { status: { env: STATUS }, prefix: { env: PATH_ } } }
  - { match: { env: PATH_ }, upstream: http://127.0.0.1:3000 }
`)
  expect(diagnostics).toEqual([])
  expect(model).toMatchObject({
    internal: undefined,
    accessLog: { enabled: false },
    stores: [
      { kind: 'sqlite', file: 'stage.db' },
      { kind: 'sqlite', file: undefined },
    ],
    sessions: [
      { rotateAfter: undefined, lookup: { kind: 'cookie' }, serveCachedFor: 0 },
      { rotateAfter: 300_000, sealing: { kind: 'none' } },
    ],
    routes: [
      {
        matches: [{ host: 'shop.example.com', path: { kind: 'prefix', value: '/shop' }, methods: ['GET'] }],
        middleware: [{}, { kind: 'rewrite', path: { kind: 'full', value: '/file' } }],
      },
      {
        matches: [{ host: 'shop.example.com', path: { kind: 'template', value: '/users/{id}' }, methods: ['GET'] }],
        action: { status: 308, path: { kind: 'prefix', value: '/shop' } },
      },
      { matches: [{ path: { kind: 'prefix', value: '/shop' } }] },
    ],
  })
})

describe('where none can stand, the message says so', () => {
  test.each([
    ['routes: [{ name: { env: X }, upstream: "http://a" }]', 'routes[0].name'],
    ['routes: [{ upstream: { env: X } }]', 'routes[0].upstream'],
    ['routes: [{ upstream: "http://a", mirror: { env: X } }]', 'routes[0].mirror'],
    ['routes: [{ upstream: "http://a", mirror: { upstream: { file: x } } }]', 'routes[0].mirror.upstream'],
    ['routes: [{ upstream: "http://a", session: { env: X } }]', 'routes[0].session'],
    ['routes: [{ upstream: "http://a", listeners: { env: X } }]', 'routes[0].listeners'],
    ['routes: [{ upstream: "http://a", listeners: [{ env: X }] }]', 'routes[0].listeners[0]'],
    ['sessions: { a: { store: { env: X } } }', 'sessions.a.store'],
    ['sessions: { a: { sealing: { keys: [{ env: X }] } } }', 'sessions.a.sealing.keys[0]'],
  ])('%s', (text, where) => {
    const { diagnostics } = read(text)
    expect(diagnostics).toMatchObject([{ code: 'value-invalid' }])
    const { message, remedy } = diagnostics[0]!
    expect(message).toMatch(/^"\S+" is \{ (?:env: X|file: x) \}, which stands where a name is asked for\.$/)
    expect(message).toContain(where)
    expect(remedy).toMatch(/^Write the name out: no \{ env \} or \{ file \} can stand here\./)
  })

  test('a route names a URL from elsewhere through an upstream', () => {
    expect(read('routes: [{ upstream: { env: X } }]').diagnostics[0]?.remedy).toContain(
      'upstreams: { app: { env: X } }',
    )
  })

  test.each(['listeners: { a: { address: ":1", trustedProxies: { env: X } } }', 'routes: { file: x }'])(
    'a list is written out, and its items may be references: %s',
    (text) => {
      const { diagnostics } = read(text)
      expect(diagnostics).toMatchObject([
        { code: 'value-invalid', message: expect.stringContaining('a list is asked for') },
      ])
      expect(diagnostics[0]?.remedy).toMatch(/^Write a list/)
    },
  )
})
