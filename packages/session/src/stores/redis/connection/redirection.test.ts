import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redirection } from './redirection.ts'

const from = { host: 'node-1', port: 7000 }

test.each([
  ['MOVED 3999 127.0.0.1:6381', { slot: 3999, node: { host: '127.0.0.1', port: 6381 }, asking: false }],
  ['ASK 0 redis.internal:1', { slot: 0, node: { host: 'redis.internal', port: 1 }, asking: true }],
  ['MOVED 16383 ::1:6381', { slot: 16_383, node: { host: '::1', port: 6381 }, asking: false }],
  ['MOVED 1 :6381', { slot: 1, node: { host: 'node-1', port: 6381 }, asking: false }],
  ['MOVED 1 ?:6381', { slot: 1, node: { host: 'node-1', port: 6381 }, asking: false }],
  ['MOVED 16384 127.0.0.1:6381', undefined],
  ['MOVED 1 127.0.0.1:0', undefined],
  ['MOVED 1 127.0.0.1:70000', undefined],
  ['MOVED 1 127.0.0.1', undefined],
  ['MOVED', undefined],
  ['ERR no such thing', undefined],
])('%s', (text, expected) => {
  expect(redirection(text, from)).toEqual(expected)
})

test('nothing that a server says throws, and what is read is in bounds', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `MOVED ${text}`),
      ),
      (text) => {
        const found = redirection(text, from)
        return found === undefined || (found.slot <= 16_383 && found.node.port > 0 && found.node.port <= 65_535)
      },
    ),
  )
})
