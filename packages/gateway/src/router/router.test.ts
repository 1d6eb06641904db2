import type { PathMatch } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ReadField, ReadMatch } from '../read-matches.ts'
import { canonicalPath } from '../target.ts'
import type { RequestFields } from './conditions.ts'
import { compareEntries } from './precedence.ts'
import { createRouter } from './router.ts'

interface Asked extends RequestFields {
  readonly host: string
  readonly path: string
}

function matchOf(part: Partial<ReadMatch> = {}): ReadMatch {
  return { host: undefined, path: { kind: 'prefix', value: '/' }, methods: [], headers: [], query: [], ...part }
}
const prefix = (value: string): PathMatch => ({ kind: 'prefix', value })
const exact = (value: string): PathMatch => ({ kind: 'exact', value })
const template = (value: string): PathMatch => ({ kind: 'template', value })

function find(matches: readonly ReadMatch[], asked: Partial<Asked>): number | undefined {
  const router = createRouter(matches.map((match, value) => ({ match, value })))
  const request = { method: 'GET', headers: [], query: '', ...asked }
  return router.find(asked.host ?? 'shop.example.com', asked.path ?? '/', request)?.value
}

/** The rules again, in the plainest way: try all in their order. */
function reference(matches: readonly ReadMatch[], asked: Asked): number | undefined {
  const entries = matches.map((match, order) => ({ match, order, value: order })).sort(compareEntries)
  return entries.find(({ match }) => takes(match, asked))?.value
}

function takes(match: ReadMatch, asked: Asked): boolean {
  return (
    takesHost(match.host, asked.host) &&
    takesPath(match.path, asked.path) &&
    (match.methods.length === 0 || match.methods.includes(asked.method)) &&
    match.headers.every((field) => takesHeader(field, asked.headers)) &&
    match.query.every(({ name, value }) => {
      const found = new URLSearchParams(asked.query).get(name)
      return found !== null && (value === undefined || value === found)
    })
  )
}

function takesHost(host: string | undefined, asked: string): boolean {
  if (host === undefined) return true
  return host.startsWith('*.') ? asked.endsWith(host.slice(1)) && asked.length > host.length - 1 : host === asked
}

function takesPath({ kind, value }: PathMatch, asked: string): boolean {
  if (kind === 'exact') return canonicalPath(value) === asked
  if (kind === 'template') {
    const pattern = value.replace(/\{[^}]*\}/g, '\0').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    return new RegExp(`^${pattern.replaceAll('\0', '[^/]+')}$`).test(asked)
  }
  const plain = canonicalPath(value).replace(/\/$/, '')
  return asked === plain || asked.startsWith(`${plain}/`)
}

function takesHeader({ name, value }: ReadField, headers: readonly string[]): boolean {
  return headers.some(
    (header, i) =>
      i % 2 === 0 && header.toLowerCase() === name.toLowerCase() && (value ?? headers[i + 1]) === headers[i + 1],
  )
}

describe('createRouter', () => {
  test('an exact host goes before a wildcard, a longer wildcard before a shorter one, any host comes last', () => {
    const matches = [undefined, '*.com', '*.example.com', 'shop.example.com'].map((host) => matchOf({ host }))
    expect(find(matches, { host: 'shop.example.com' })).toBe(3)
    expect(find(matches, { host: 'a.b.example.com' })).toBe(2)
    expect(find(matches, { host: 'example.com' })).toBe(1)
    expect(find(matches, { host: 'example.net' })).toBe(0)
    expect(find(matches, { host: '' })).toBe(0)
  })

  test('F5: a wildcard takes whole labels only', () => {
    const matches = [matchOf({ host: '*.example.com' })]
    expect(find(matches, { host: 'evilexample.com' })).toBeUndefined()
    expect(find(matches, { host: 'example.com.evil' })).toBeUndefined()
    expect(find(matches, { host: 'example.com' })).toBeUndefined()
  })

  test('a nearer host that has no match for the path leaves it to a wider one', () => {
    const matches = [matchOf({ host: 'shop.example.com', path: prefix('/a') }), matchOf()]
    expect(find(matches, { path: '/b' })).toBe(1)
  })

  test('exact goes before template, template before prefix, a longer prefix before a shorter one', () => {
    const matches = [prefix('/'), prefix('/users'), prefix('/users/7'), template('/users/{id}'), exact('/users/7')].map(
      (path) => matchOf({ path }),
    )
    expect(find(matches, { path: '/users/7' })).toBe(4)
    expect(find(matches, { path: '/users/8' })).toBe(3)
    expect(find(matches, { path: '/users/7/x' })).toBe(2)
    expect(find(matches, { path: '/users/' })).toBe(1)
    expect(find(matches, { path: '/usersx' })).toBe(0)
  })

  test('a prefix is taken by segment, with or without a slash at its end', () => {
    for (const value of ['/a', '/a/']) {
      const matches = [matchOf({ path: prefix(value) })]
      for (const path of ['/a', '/a/', '/a/b']) expect(find(matches, { path })).toBe(0)
      for (const path of ['/ab', '/', '/A', '//a']) expect(find(matches, { path })).toBeUndefined()
    }
  })

  test('a variable stands for one whole segment that is not empty', () => {
    const matches = [matchOf({ path: template('/users/{id}/posts') })]
    expect(find(matches, { path: '/users/7/posts' })).toBe(0)
    for (const path of ['/users//posts', '/users/7/8/posts', '/users/7/posts/', '/users/7']) {
      expect(find(matches, { path })).toBeUndefined()
    }
  })

  test('of two templates the one with text further to the left goes first', () => {
    const matches = [matchOf({ path: template('/{a}/b') }), matchOf({ path: template('/a/{b}') })]
    expect(find(matches, { path: '/a/b' })).toBe(1)
    expect(find(matches, { path: '/x/b' })).toBe(0)
  })

  test('of equal paths: with methods first, then more headers, then more parameters, then as defined', () => {
    const header = { name: 'X-Beta', value: '1' }
    const matches = [
      matchOf(),
      matchOf({ query: [{ name: 'q', value: undefined }] }),
      matchOf({ headers: [header] }),
      matchOf({ methods: ['GET'] }),
      matchOf(),
    ]
    const headers = ['x-beta', '1']
    expect(find(matches, { headers, query: 'q' })).toBe(3)
    expect(find(matches, { method: 'PUT', headers, query: 'q' })).toBe(2)
    expect(find(matches, { method: 'PUT', query: 'q=1' })).toBe(1)
    expect(find(matches, { method: 'PUT' })).toBe(0)
  })

  test('HEAD is not GET', () => {
    expect(find([matchOf({ methods: ['GET'] })], { method: 'HEAD' })).toBeUndefined()
  })

  test('of a query parameter that stands there twice the first one counts, decoded', () => {
    const matches = [matchOf({ query: [{ name: 'a b', value: 'c&d' }] })]
    expect(find(matches, { query: 'a+b=c%26d&a+b=x' })).toBe(0)
    expect(find(matches, { query: 'a+b=x&a+b=c%26d' })).toBeUndefined()
  })

  test('configured paths are compared in canonical form', () => {
    expect(find([matchOf({ path: exact('/café/%40x') })], { path: '/caf%C3%A9/@x' })).toBe(0)
  })

  test('a name of Object.prototype is a path like any other', () => {
    expect(find([matchOf({ path: exact('/__proto__') })], { path: '/__proto__' })).toBe(0)
    expect(find([matchOf({ path: exact('/a') })], { path: '/constructor' })).toBeUndefined()
  })
})

describe('the router and the plainest reading of the rules', () => {
  const segment = fc.constantFrom('a', 'b', 'c', '')
  const host = fc.constantFrom(undefined, 'x.y.z', 'y.z', '*.y.z', '*.z', 'w.y.z')
  const path = fc.oneof(
    fc.array(segment, { maxLength: 3 }).map((parts) => prefix(`/${parts.join('/')}`)),
    fc.array(segment, { maxLength: 3 }).map((parts) => exact(`/${parts.join('/')}`)),
    fc
      .array(fc.constantFrom('a', 'b', '{x}'), { minLength: 1, maxLength: 3 })
      .map((parts) => template(`/${parts.join('/')}`)),
  )
  const field = fc.record({ name: fc.constantFrom('k', 'K2'), value: fc.constantFrom(undefined, '1', '2') })
  const match = fc.record({
    host,
    path,
    methods: fc.subarray(['GET', 'PUT'], { maxLength: 1 }),
    headers: fc.array(field, { maxLength: 2 }),
    query: fc.array(field, { maxLength: 1 }),
  })
  const asked = fc.record({
    host: fc.constantFrom('x.y.z', 'y.z', 'z', 'v.x.y.z', ''),
    path: fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
    method: fc.constantFrom('GET', 'PUT', 'POST'),
    headers: fc
      .array(fc.constantFrom('k', '1', '2', 'k2'), { maxLength: 4 })
      .map((all) => all.slice(0, all.length & ~1)),
    query: fc.constantFrom('', 'k=1', 'k=2&k=1', 'K2'),
  })

  test('find the same among up to 24 matches', () => {
    fc.assert(
      fc.property(fc.array(match, { maxLength: 24 }), asked, (matches, request) => {
        expect(find(matches, request)).toBe(reference(matches, request))
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('thousands of routes', () => {
  /** Counts how often the router asks a method: that is how many candidates it tried. */
  function countTries(routes: number): number {
    const matches = Array.from({ length: routes }, (_, i) => matchOf({ path: prefix(`/p${i}/q`), methods: ['GET'] }))
    const router = createRouter(matches.map((match, value) => ({ match, value })))
    let tries = 0
    const request = {
      headers: [],
      query: '',
      get method() {
        tries++
        return 'GET'
      },
    }
    expect(router.find('h', `/p${routes - 1}/q/r`, request)?.value).toBe(routes - 1)
    expect(router.find('h', '/none', request)).toBeUndefined()
    return tries
  }

  test('cost a request no more than ten', () => {
    expect(countTries(5000)).toBe(countTries(10))
  })

  test('a path of many segments costs no more steps than the routes have', () => {
    const router = createRouter([{ match: matchOf({ path: prefix('/a/b') }), value: 1 }])
    const path = '/a/b'.concat('/c'.repeat(4000))
    let asked = 0
    const slice = String.prototype.slice
    const counting = Object.assign(Object(path), {
      slice: (from: number, to: number) => {
        asked++
        return slice.call(path, from, to)
      },
      indexOf: (text: string, at: number) => path.indexOf(text, at),
    })
    router.find('h', counting, { method: 'GET', headers: [], query: '' })
    expect(asked).toBeLessThan(5)
  })
})
