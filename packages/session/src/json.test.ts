import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyJson } from './json.ts'
import { createBrowser, createWorld } from './rules/fixtures/world.ts'
import { sealedCookies } from './stores/sealed-cookie/index.ts'

const sealed = { store: sealedCookies({ keys: [{ id: 'k1', bytes: new Uint8Array(32) }], maxParts: 16 }) }
const stores = [{ cache: false }, sealed] as const

class Basket {
  items = ['book']
}
const within: unknown[] = []
within.push({ within })
let deep: unknown = 1
for (let level = 0; level < 20_000; level += 1) deep = [deep]
// biome-ignore lint/suspicious/noSparseArray: a hole is what the test is about
const hole = ['a', , 'b']

const wrong: [what: string, value: unknown, place: string][] = [
  ['undefined', undefined, '"cart" is undefined'],
  ['undefined in a list', [1, undefined], '"cart"[1] is undefined'],
  ['a hole in a list', { list: hole }, '"cart"["list"][1] is undefined'],
  ['not a number', { price: Number.NaN }, '"cart"["price"] is NaN'],
  ['infinity', [Number.POSITIVE_INFINITY], '"cart"[0] is Infinity'],
  ['minus infinity', Number.NEGATIVE_INFINITY, '"cart" is -Infinity'],
  ['a bigint', { total: 10n }, '"cart"["total"] is a bigint'],
  ['a symbol', Symbol('a'), '"cart" is a symbol'],
  ['a function', { toJSON: () => 1 }, '"cart"["toJSON"] is a function'],
  ['a date', { since: new Date(0) }, '"cart"["since"] is an object of class Date'],
  ['a map', new Map([['a', 1]]), '"cart" is an object of class Map'],
  ['a set', new Set([1]), '"cart" is an object of class Set'],
  ['bytes', new Uint8Array(2), '"cart" is an object of class Uint8Array'],
  ['a promise', Promise.resolve(1), '"cart" is an object of class Promise'],
  ['an object with a class', { basket: new Basket() }, '"cart"["basket"] is an object of class Basket'],
  ['text in a box', Object('a'), '"cart" is an object of class String'],
  ['what contains itself', within, '"cart"[0]["within"][0]'],
  ['what is nested too deep', deep, 'nested deeper than 100 levels'],
]

test.each(wrong)('set() refuses %s by its key and place, and the session is as before', async (_what, value, place) => {
  for (const options of stores) {
    const browser = createBrowser(createWorld().manager(options))
    const set = (session: Awaited<ReturnType<typeof browser.visit>>) => {
      expect(() => session.set('cart', value as never)).toThrow(
        expect.objectContaining({
          name: 'SessionError',
          code: 'ERR_INVALID_OPTION',
          message: expect.stringContaining(place),
        }),
      )
    }
    expect((await browser.visit(set)).state).toBe('none')
    await browser.visit((s) => s.set('cart', ['book']))
    await browser.visit(set)
    expect((await browser.visit()).data).toEqual({ cart: ['book'] })
  }
})

test('what set() takes comes back as it was, from every store; what it refuses would not', async () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
    maxDepth: 3,
  })
  const worlds = stores.map((options) => createWorld().manager(options))
  let taken = 0
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), anything), fc.string(), async (value, key) => {
      const copied = attempt(() => copyJson(key, value))
      if (copied instanceof Error) {
        expect(copied).toMatchObject({
          code: 'ERR_INVALID_OPTION',
          message: expect.stringContaining(JSON.stringify(key)),
        })
        expect(attempt(() => expect(throughJson(value)).toEqual(value))).toBeInstanceOf(Error)
        return
      }
      taken += 1
      for (const manager of worlds) {
        const browser = createBrowser(manager)
        const session = await browser.visit((s) => s.set(key, value as never))
        expect(session.get(key)).toEqual(throughJson(value))
        expect((await browser.visit()).data).toEqual(throughJson({ [key]: value }))
      }
    }),
    { numRuns: 300 },
  )
  expect(taken).toBeGreaterThan(50)
  expect(Object.keys(Object.prototype)).toEqual([])
})

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test('set() keeps the value as it is at that moment, and nobody can change what get() gives', async () => {
  const browser = createBrowser(createWorld().manager())
  const cart = { items: ['book'], note: undefined }
  const session = await browser.visit((s) => {
    s.set('cart', cart as never)
    cart.items.push('pen')
  })
  const kept = session.get('cart') as { items: string[] }
  expect(kept).toEqual({ items: ['book'] })
  expect(() => kept.items.push('pen')).toThrow(TypeError)
  expect((await browser.visit()).get('cart')).toEqual({ items: ['book'] })
})

test('__proto__ inside a value is a name like any other', async () => {
  const browser = createBrowser(createWorld().manager({ cache: false }))
  const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
  await browser.visit((s) => s.set('a', value))
  const read = (await browser.visit()).get('a') as object
  expect(Object.keys(read)).toEqual(['__proto__', 'constructor'])
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})
