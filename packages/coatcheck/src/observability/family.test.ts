import { expect, test } from 'vitest'
import { add, counter, gauge, histogram, observe, set } from './family.ts'

test('a series is one number for one set of label values', () => {
  const family = counter('x_total', 'X.', ['a', 'b'])
  add(family.series('1', '2'), 1)
  add(family.series('1', '2'), 1)
  add(family.series('12', ''), 5)
  expect(family.snapshot().samples).toEqual([
    ['', 'a="1",b="2"', 2],
    ['', 'a="12",b=""', 5],
  ])
})

test('a family without labels has its series from the start', () => {
  expect(gauge('x', 'X.', [], 'max').snapshot()).toEqual({
    name: 'x',
    help: 'X.',
    type: 'gauge',
    merge: 'max',
    samples: [['', '', 0]],
  })
})

test('label values are escaped', () => {
  const family = counter('x_total', 'X.', ['a'])
  family.series('back\\slash "quote"\nline')
  expect(family.snapshot().samples[0]![1]).toBe('a="back\\\\slash \\"quote\\"\\nline"')
})

test('a histogram counts up to and including a bound', () => {
  const family = histogram('x_seconds', 'X.', ['a'], [1, 2])
  for (const value of [0.5, 1, 1.5, 99]) observe(family, family.series('r'), value)
  expect(family.snapshot().samples).toEqual([
    ['_bucket', 'a="r",le="1"', 2],
    ['_bucket', 'a="r",le="2"', 3],
    ['_bucket', 'a="r",le="+Inf"', 4],
    ['_sum', 'a="r"', 102],
    ['_count', 'a="r"', 4],
  ])
})

test('retain() forgets by one label, wherever it stands', () => {
  const family = counter('x_total', 'X.', ['listener', 'route', 'method'])
  for (const route of ['keep', 'go']) for (const method of ['GET', 'PUT']) family.series('web', route, method)
  family.retain('route', (route) => route === 'keep')
  expect(family.snapshot().samples.map(([, labels]) => labels)).toEqual([
    'listener="web",route="keep",method="GET"',
    'listener="web",route="keep",method="PUT"',
  ])
  expect(family.has('web', 'go', 'GET')).toBe(false)
  family.retain('listener', () => false)
  expect(family.snapshot().samples).toEqual([])
  expect(family.has('web')).toBe(false)
})

test('retain() sees the series, so that what still counts can stay', () => {
  const family = gauge('x', 'X.', ['a'], 'sum')
  set(family.series('busy'), 1)
  family.series('idle')
  family.retain('a', (_, { value }) => value !== 0)
  expect(family.has('busy')).toBe(true)
  expect(family.has('idle')).toBe(false)
})
