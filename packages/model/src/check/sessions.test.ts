import { expect, test } from 'vitest'
import { found, session, withCookie, withSpec } from '../fixtures/good-model.ts'
import type { GatewayModel } from '../model.ts'

test.each<[string, Partial<GatewayModel>, string[]]>([
  ['a prefix that is none', withSpec({ prefix: '{a}' }), ['error prefix-invalid /sessions/0/prefix']],
  [
    'idle above lifetime',
    withSpec({ timeouts: { idle: 2, lifetime: 1 }, rotateAfter: undefined }),
    ['warning idle-above-lifetime /sessions/0/timeouts'],
  ],
  [
    'rotation after the end',
    withSpec({ rotateAfter: session.timeouts.lifetime }),
    ['warning rotation-never /sessions/0/rotateAfter'],
  ],
  ['no sealing', withSpec({ sealing: { kind: 'none' } }), ['warning sealing-none /sessions/0/sealing']],
  [
    'sealing with no key',
    withSpec({ sealing: { kind: 'keys', keys: [] } }),
    ['error sealing-without-keys /sessions/0/sealing'],
  ],
  [
    'a migration to none',
    withSpec({ sealing: { kind: 'migrate', from: { kind: 'ticket' }, to: { kind: 'none' } } }),
    ['error migration-invalid /sessions/0/sealing'],
  ],
  [
    'a migration to the same',
    withSpec({ sealing: { kind: 'migrate', from: { kind: 'ticket' }, to: { kind: 'ticket' } } }),
    ['warning migration-same /sessions/0/sealing'],
  ],
  [
    'a ticket in a header of HTTP’s own',
    withSpec({ lookup: { kind: 'header', name: 'Set-Cookie' } }),
    ['error lookup-invalid /sessions/0/lookup'],
  ],
  [
    'a weak cookie',
    withCookie({ name: 'a', secure: false, httpOnly: false }),
    ['warning cookie-not-secure /sessions/0/cookie/secure', 'warning cookie-not-http-only /sessions/0/cookie/httpOnly'],
  ],
  [
    'SameSite=None without Secure',
    withCookie({ name: 'a', secure: false, sameSite: 'None' }),
    [
      'error cookie-none-without-secure /sessions/0/cookie/sameSite',
      'warning cookie-not-secure /sessions/0/cookie/secure',
    ],
  ],
  [
    '__Host- with a domain',
    withCookie({ domain: 'example.com' }),
    ['error cookie-prefix-broken /sessions/0/cookie/name'],
  ],
  [
    '__host- in other letters, with a path',
    withCookie({ name: '__hOST-a', path: '/a' }),
    ['error cookie-prefix-broken /sessions/0/cookie/name', 'warning cookie-path-elsewhere /sessions/0/cookie/path'],
  ],
  ['a cookie named like a part', withCookie({ name: 'a.1' }), ['error cookie-name-invalid /sessions/0/cookie/name']],
  [
    'a cookie path that ends the attribute',
    withCookie({ name: 'a', path: '/;Domain=x' }),
    ['error cookie-path-invalid /sessions/0/cookie/path', 'warning cookie-path-elsewhere /sessions/0/cookie/path'],
  ],
])('%s', (_, change, expected) => {
  expect(found(change).sort()).toEqual([...expected].sort())
})
