import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matchOf } from '../testing/gateway.ts'
import { createListenerRouters } from './listener-routers.ts'

const request = { method: 'GET', headers: [], query: '' }

test('a listener finds what a router of its own routes alone would find', () => {
  const listener = fc.constantFrom('a', 'b', 'c')
  const entry = fc.record({
    path: fc.constantFrom('/', '/x', '/x/y', '/z'),
    listeners: fc.option(fc.uniqueArray(listener, { maxLength: 3 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 10 }),
      listener,
      fc.constantFrom('/', '/x/y/z', '/q'),
      (all, name, path) => {
        const entries = all.map(({ path, listeners }, value) => ({ match: matchOf(path), listeners, value }))
        const own = entries.filter(({ listeners }) => listeners?.includes(name) ?? true)
        const alone = createListenerRouters(own.map((one) => ({ ...one, listeners: undefined })))('any')
        const found = createListenerRouters(entries)(name).find('h', path, request)
        expect(found).toEqual(alone.find('h', path, request))
      },
    ),
    { numRuns: 2000 },
  )
})

test('listeners that no route names share one router', () => {
  const routerOf = createListenerRouters([
    { match: matchOf('/'), listeners: undefined, value: 1 },
    { match: matchOf('/a'), listeners: ['own'], value: 2 },
  ])
  expect(routerOf('b')).toBe(routerOf('c'))
  expect(routerOf('own')).not.toBe(routerOf('b'))
})
