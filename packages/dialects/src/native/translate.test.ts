import { readFileSync } from 'node:fs'
import { check } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { native } from './dialect.ts'
import { parseCase } from './fixtures/golden.ts'

function problems(name: string) {
  const { files } = parseCase(readFileSync(new URL(`cases/${name}.case`, import.meta.url), 'utf8'))
  const { model, diagnostics, placeOf, leftOut } = native.translate(
    [{ name: 'coatcheck.yaml', text: files['in/coatcheck.yaml']! }],
    () => undefined,
  )
  return [...diagnostics, ...check(model!, placeOf, true, leftOut)]
}

test('a configuration wrong in ten places shows ten errors, each with place, code, consequence and remedy', () => {
  const errors = problems('ten-mistakes').filter(({ severity }) => severity === 'error')
  expect(errors.length).toBeGreaterThanOrEqual(10)
  expect(new Set(errors.map(({ place }) => `${place?.line}:${place?.column}`)).size).toBeGreaterThanOrEqual(10)
  for (const { place, code, message, consequence, remedy } of errors) {
    expect(place).toMatchObject({ file: 'coatcheck.yaml', line: expect.any(Number), column: expect.any(Number) })
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    for (const sentence of [message, consequence, remedy]) expect(sentence).toMatch(/^\S.*\S$/)
  }
})

test('the parts of the format that come later are all that is told of the example with everything', () => {
  expect(problems('design-example-later').map(({ code }) => code)).toEqual(Array(4).fill('not-supported-yet'))
})

test('the example of what runs now has no errors and no warnings', () => {
  expect(problems('design-example')).toEqual([])
})

test.each(['{tokens.access_token}', 'Bearer {tokens.id_token}', '{{{tokens.id_token}', '{nothing} {tokens.id_token}'])(
  'tokens of a provider are refused until there are providers: %j',
  (value) => {
    for (const headers of [{ set: { Authorization: value } }, { add: { 'X-Token': ['a', value] } }]) {
      const text = JSON.stringify({ routes: [{ headers: { request: headers }, upstream: 'http://127.0.0.1:3000' }] })
      const { diagnostics, model } = native.translate([{ name: 'x.yaml', text }], () => undefined)
      expect(diagnostics).toMatchObject([{ severity: 'error', code: 'not-supported-yet' }])
      expect(model?.routes[0]?.action.kind).toBe('broken')
    }
  },
)

test('what only looks like a token is text', () => {
  const text =
    'routes: [{ headers: { request: { set: { X-A: "{{tokens.id_token}} tokens.id_token" } } }, upstream: "http://a" }]'
  expect(native.translate([{ name: 'x.yaml', text }], () => undefined).diagnostics).toEqual([])
})

test('a route with a mistake anywhere never runs without it: it is broken', () => {
  const text =
    'upstreams: { app: "http://127.0.0.1:3000" }\nroutes: [{ match: /admin, logn: { at: /login }, upstream: app }]\n'
  const { model } = native.translate([{ name: 'x.yaml', text }], () => undefined)
  expect(model?.routes[0]).toMatchObject({ matches: [{ path: { value: '/admin' } }], action: { kind: 'broken' } })
})

test('values are looked up for the file that asks', () => {
  const asked: unknown[] = []
  native.translate(
    [
      { name: 'a.yaml', text: 'name: { env: A }' },
      { name: 'b/b.yaml', text: 'workers: { file: w }' },
    ],
    (reference, asking) => {
      asked.push([reference, asking])
      return '2'
    },
  )
  expect(asked).toContainEqual([{ env: 'A' }, 'a.yaml'])
  expect(asked).toContainEqual([{ file: 'w' }, 'b/b.yaml'])
})

test('two thousand routes are translated and checked in a moment', () => {
  const routes = Array.from(
    { length: 2000 },
    (_, i) =>
      `  - { name: r${i}, match: { host: h${i % 200}.example.com, path: /p${i} }, login: { at: /login }, rewrite: { prefix: / }, upstream: u${i % 1000} }`,
  )
  const upstreams = Array.from({ length: 1000 }, (_, i) => `  u${i}: http://10.0.${i >> 8}.${i & 255}:80`)
  const text = `sessions: { default: {} }\nupstreams:\n${upstreams.join('\n')}\nroutes:\n  - { match: /login, capture: { $subject: X-User }, upstream: u0 }\n${routes.join('\n')}\n`
  const before = process.cpuUsage()
  const { model, diagnostics, placeOf } = native.translate([{ name: 'x.yaml', text }], () => undefined)
  const found = check(model!, placeOf).filter(({ severity }) => severity === 'error')
  const { user } = process.cpuUsage(before)
  expect([...diagnostics, ...found]).toEqual([])
  expect(user / 1e6).toBeLessThan(10)
})
