import type { Listener } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { listenerSpec } from '../testing/requests.ts'
import { chooseListener } from './listener.ts'

const at = (name: string, port: number, part: Partial<Listener> = {}) =>
  listenerSpec({ name, address: { host: undefined, port }, ...part })
const tls = { certificates: [], clientCertificates: undefined }
const plain = at('plain', 80)
const other = at('other', 8080)
const secure = at('secure', 443, { tls })
const admin = at('admin', 8443, { tls })
const behind = at('behind', 80, { trustedProxies: ['10.0.0.0/8'] })

function chosen(listeners: Listener[], url: string, wanted?: string) {
  const { listener, scheme, reason } = chooseListener({ listeners }, new URL(url), wanted)
  return `${listener.name} ${scheme}: ${reason}`
}

test.each([
  [[other, plain, admin, secure], 'http://a/', 'plain http: it has the scheme and the port of the URL'],
  [[other, plain, admin, secure], 'https://a/', 'secure https: it has the scheme and the port of the URL'],
  [[other, plain, admin, secure], 'https://a:8443/', 'admin https: it has the scheme and the port of the URL'],
  [[plain, secure], 'https://a:9/', 'secure https: it is the only one with TLS'],
  [[other, plain], 'http://a:9/', 'other http: it is the first one without TLS, and none has port 9'],
  [[plain, admin], 'http://a:8443/', 'admin https: it has the port of the URL; it takes nothing without TLS'],
  [
    [plain],
    'https://a/',
    'plain http: it is the only one; it has no TLS and no trustedProxies, so to the gateway everything is http',
  ],
  [
    [behind],
    'https://a/',
    'behind https: it is the only one; it has no TLS, so a trusted proxy in front is taken to end it',
  ],
  [
    [plain, other],
    'https://a:8080/',
    'other http: it has the port of the URL; it has no TLS and no trustedProxies, so to the gateway everything is http',
  ],
  [[], 'http://a/', 'web http: the configuration has none'],
])('of %j, %s: %s', (listeners, url, expected) => {
  expect(chosen(listeners as Listener[], url as string)).toBe(expected)
})

test('a listener that was asked for is taken, and one that is not there refused', () => {
  expect(chosen([plain, secure], 'http://a/', 'secure')).toBe(
    'secure https: it was asked for; it takes nothing without TLS',
  )
  expect(() => chosen([plain], 'http://a/', 'gone')).toThrow(RangeError)
})
