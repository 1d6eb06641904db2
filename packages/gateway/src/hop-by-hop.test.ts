import { expect, test } from 'vitest'
import { stripHopByHop } from './hop-by-hop.ts'

test('headers without a hop-by-hop one come back as the same array', () => {
  const headers = ['Host', 'a', 'Content-Length', '3', 'Trailer', 'X-Sum', 'TEA', 'x', 'Upgrades', 'x']
  expect(stripHopByHop(headers)).toBe(headers)
})

test.each([
  ['Connection', 'keep-alive'],
  ['connection', 'close'],
  ['Keep-Alive', 'timeout=5'],
  ['Proxy-Connection', 'keep-alive'],
  ['TE', 'trailers'],
  ['tE', 'trailers'],
  ['Transfer-Encoding', 'chunked'],
  ['UPGRADE', 'h2c'],
  ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
])('%s: %s is removed, its neighbours stay in order and case', (name, value) => {
  expect(stripHopByHop(['hOsT', 'a', name, value, 'X-B', '1', 'X-B', '2'])).toEqual([
    'hOsT',
    'a',
    'X-B',
    '1',
    'X-B',
    '2',
  ])
})

test('what Connection names is removed wherever it stands, in any case, list form and spacing', () => {
  const headers = [
    'x-one',
    '1',
    'Connection',
    'X-One,\tx-TWO ,,',
    'X-Two',
    '2',
    'X-Three',
    '3',
    'connection',
    'x-three',
  ]
  expect(stripHopByHop(headers)).toEqual([])
})

test('Connection cannot remove Host or Content-Length', () => {
  const headers = ['Host', 'a', 'Content-Length', '3', 'Connection', 'host, content-length, x-a', 'X-A', '1']
  expect(stripHopByHop(headers)).toEqual(['Host', 'a', 'Content-Length', '3'])
})

test('a 101 keeps Upgrade, and only that', () => {
  const headers = ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Transfer-Encoding', 'chunked', 'X-A', '1']
  expect(stripHopByHop(headers, true)).toEqual(['Upgrade', 'websocket', 'X-A', '1'])
})

test('the given array is not changed', () => {
  const headers = ['Connection', 'x-a', 'X-A', '1']
  stripHopByHop(headers)
  expect(headers).toEqual(['Connection', 'x-a', 'X-A', '1'])
})
