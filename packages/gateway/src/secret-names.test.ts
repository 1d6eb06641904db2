import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSecretHeader, isSecretParameter, isSecretValue, mayHoldSecret } from './secret-names.ts'

test.each([
  'X-Access-Token',
  'X-Password',
  'X-Ticket',
  'X-Credential',
  'Set-Cookie',
  'X-Session',
  'X-Signature',
  'X-SAML-Assertion',
  'X-JWT',
  'Proxy-Authorization',
  'X-Code-Verifier',
  'X-Api-Key',
  'X-Api.Key',
  'X-Access_Key',
  'X-Client-Cert',
  'X-Key',
  'X-OTP',
  'X-Pin',
  'X-Sid',
  'X-Nonce',
  'X-Bearer',
  'X-HMAC',
  'X-SAS',
  'X-CSRF',
  '_xsrf',
])('%s is a secret as a header and as a parameter', (name) => {
  expect([isSecretHeader(name, 'abc'), isSecretParameter(name), mayHoldSecret(name)]).toEqual([true, true, true])
})

test.each([
  'X-Auth-User',
  'X-Country-Code',
  'X-Version',
  'X-Monkey',
  'X-Spin',
  'X-Design',
  'X-Compass',
  'X-Disaster',
  'Host',
])('the header %s is shown', (name) => {
  expect(isSecretHeader(name, 'anna')).toBe(false)
})

test.each(['code', 'auth', 'auth_time', 'promo-code', 'user[code]'])('the parameter %s is a secret', (name) => {
  expect([isSecretParameter(name), mayHoldSecret(name)]).toEqual([true, true])
})

const id = 'A'.repeat(22)
test.each([`1.${id}.${id}`, `s1.k1.m5x2k9a0.${'a'.repeat(60)}`, 'eyJhbGciOiJub25l.eyJzdWIiOiJh.c2ln'])(
  '%s is a secret whatever its name',
  (value) => {
    expect([isSecretHeader('X-Anything', value), isSecretValue(value), mayHoldSecret(value)]).toEqual([
      true,
      true,
      true,
    ])
  },
)

test('the quick look misses nothing that a closer one finds', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[a-z]{0,3}[-_.[]?(key|sid|code|auth|ey[a-z]{8}\.a\.|s1\.k\.0\.[a]{28})[-_.\]]?[a-z]{0,2}$/),
  )
  fc.assert(
    fc.property(text, (text) => {
      if (isSecretParameter(text) || isSecretValue(text)) expect(mayHoldSecret(text)).toBe(true)
    }),
  )
})
