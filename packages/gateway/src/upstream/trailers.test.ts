import { expect, test } from 'vitest'
import { passTrailers, writeTrailers } from './trailers.ts'

test.each([
  ...['Content-Length', 'transfer-encoding', 'Host', 'Trailer', 'Content-Type', 'Content-Encoding', 'Content-Range'],
  ...['Authorization', 'Proxy-Authorization', 'Cookie', 'Set-Cookie', 'Location', 'Cache-Control', 'Vary', 'Expect'],
  ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Upgrade', 'HTTP2-Settings'],
  ...['Content_Length', 'transfer.encoding', 'SET_COOKIE', 'proxy_authorization', 'Keep_Alive', 'www.authenticate'],
  ...['Access-Control-Allow-Origin', 'access_control_allow_credentials'],
])('RFC 9110, 6.5.1: %s is no trailer, in whatever spelling', (name) => {
  expect(passTrailers([name, '1', 'Checksum', '2'])).toEqual(['Checksum', '2'])
})

test('what Connection names is no trailer', () => {
  expect(passTrailers(['Connection', 'X-A', 'X-A', '1', 'Checksum', '2'])).toEqual(['Checksum', '2'])
})

test.each([
  ['X-Bad', 'a\r\nX-User: evil'],
  ['X-Bad', 'a\0'],
  ['X Bad', 'a'],
  ['', 'a'],
])('a trailer that would not stay one line is left out: %j: %j', (name, value) => {
  expect(writeTrailers([name, value, 'Checksum', '2'])).toBe('Checksum: 2\r\n')
})
