import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rangesOf } from './cluster-slots.ts'

const asked = { host: 'seed', port: 7000 }
const bytes = (text: string) => Buffer.from(text)

test('primaries and replicas of each range; without a host it is the node that was asked', () => {
  const reply = [
    [0, 5460, [bytes('10.0.0.1'), 7001, bytes('id1'), []], [bytes('10.0.0.2'), 7002, bytes('id2')]],
    [5461, 16_383, [null, 7003, bytes('id3')]],
  ]
  expect(rangesOf(reply, asked)).toEqual([
    { from: 0, to: 5460, primary: { host: '10.0.0.1', port: 7001 }, replicas: [{ host: '10.0.0.2', port: 7002 }] },
    { from: 5461, to: 16_383, primary: { host: 'seed', port: 7003 }, replicas: [] },
  ])
})

test.each([
  [null],
  ['OK'],
  [[null]],
  [[[]]],
  [[[0, 1]]],
  [[[0, 1, null]]],
  [[[0, 1, [bytes('?'), 7000]]]],
  [[[0, 1, [bytes('a'), 0]]]],
  [[[0, 1, [bytes('a'), 65_536]]]],
  [[[0, 16_384, [bytes('a'), 1]]]],
  [[[-1, 1, [bytes('a'), 1]]]],
  [[[2, 1, [bytes('a'), 1]]]],
  [[['0', '1', [bytes('a'), 1]]]],
])('what cannot be read is left out: %j', (reply) => {
  expect(rangesOf(reply, asked)).toEqual([])
})

test('no reply throws', () => {
  fc.assert(fc.property(fc.anything(), (reply) => Array.isArray(rangesOf(reply, asked))))
})
