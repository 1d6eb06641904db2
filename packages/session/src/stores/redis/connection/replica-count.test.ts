import { expect, test } from 'vitest'
import { replicaCount, replicasIn } from './replica-count.ts'

test('the most that were there within 30 seconds count, and nothing that is longer ago', () => {
  let now = 0
  const count = replicaCount(() => now)
  expect(count.most()).toBe(0)
  count.saw(2)
  now = 10_000
  count.saw(1)
  expect(count.most()).toBe(2)
  now = 29_999
  expect(count.most()).toBe(2)
  now = 30_000
  expect(count.most()).toBe(1)
  now = 40_000
  expect(count.most()).toBe(0)
})

test.each<[string, unknown, number | undefined]>([
  [
    'a primary with two',
    [
      'master',
      1,
      [
        ['a', '1', '1'],
        ['b', '1', '1'],
      ],
    ],
    2,
  ],
  ['a primary with none', [Buffer.from('master'), 1, []], 0],
  ['a replica', ['slave', 'a', 1, 'connected', 1], undefined],
  ['a sentinel', ['sentinel', ['main']], undefined],
  ['nothing of the kind', 'OK', undefined],
  ['a primary that tells nothing', ['master'], undefined],
])('ROLE of %s', (_, reply, replicas) => {
  if (replicas !== undefined) expect(replicasIn(reply)).toBe(replicas)
  else expect(() => replicasIn(reply)).toThrow(expect.objectContaining({ reason: 'role' }))
})
