import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatNode, parseNode } from './store-node.ts'

test.each([
  ['redis', 'redis', 6379],
  ['Redis-0.Example.com:7000', 'redis-0.example.com', 7000],
  ['redis_main:1', 'redis_main', 1],
  ['redis.ns.svc.cluster.local.:6379', 'redis.ns.svc.cluster.local.', 6379],
  ['10.0.0.7', '10.0.0.7', 6379],
  ['10.0.0.7:65535', '10.0.0.7', 65_535],
  ['[::1]', '::1', 6379],
  ['[fd00::7]:26379', 'fd00::7', 26_379],
  ['[fe80::1%eth0]:6379', 'fe80::1%eth0', 6379],
  ['1st.example', '1st.example', 6379],
])('parseNode(%s)', (text, host, port) => {
  expect(parseNode(text, 6379)).toEqual({ ok: true, value: { host, port } })
})

test.each([
  '',
  ':6379',
  'redis:',
  'redis:0',
  'redis:65536',
  'redis:123456',
  'redis:+1',
  'redis: 1',
  'redis ',
  ' redis',
  'redis\n:1',
  '::1',
  '::1:6379',
  'fd00::7',
  '[]',
  '[10.0.0.7]',
  '[::1',
  '::1]',
  '[::1]6379',
  '[::1]:',
  '[::1%]',
  '[::1%e/0]',
  '10.0.0.256',
  '10.0.0',
  '010.0.0.1',
  '127.1',
  '1.',
  '-a',
  'a-',
  'a..b',
  '.a',
  'a/b',
  'user@host',
  'a?b',
  'redis://redis:6379',
  'a:1,b:2',
  'ä',
  'a'.repeat(64),
  `${'a.'.repeat(127)}a`,
])('parseNode(%j) is refused', (text) => {
  expect(parseNode(text, 6379).ok).toBe(false)
})

const label = fc.stringMatching(/^[a-z]([a-z0-9_-]{0,10}[a-z0-9_])?$/)
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
)

test('parseNode() reads what formatNode() writes', () => {
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      expect(parseNode(formatNode({ host, port }), 1)).toEqual({ ok: true, value: { host, port } })
    }),
  )
})

test('parseNode() of anything is a node that can be written again, or a reason', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.:[\]%/@_-]{0,24}$/)), (text) => {
      const result = parseNode(text, 6379)
      if (result.ok) expect(parseNode(formatNode(result.value), 1)).toEqual(result)
      else expect(result.problem).not.toBe('')
    }),
  )
})
