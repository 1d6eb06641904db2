import { SessionError } from '@coatcheck/session'
import { describe, expect, test } from 'vitest'
import { pagePolicy, sentenceOf } from './error-page.ts'
import { GatewayError } from './errors.ts'
import { headerValue } from './headers.ts'
import { toReply } from './to-reply.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const browser = ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8']

function reply(error: unknown, headers: string[] = [], method = 'GET') {
  return toReply(error, { id: 'id-1', method, headers }, silent)
}

describe('toReply', () => {
  test.each([
    [[], 'application/problem+json'],
    [['Accept', '*/*'], 'application/problem+json'],
    [browser, 'text/html; charset=utf-8'],
    [['Accept', 'application/json, text/html;q=0.9'], 'application/problem+json'],
    [['Accept', 'text/html;q=0.5, application/json;q=0.4'], 'text/html; charset=utf-8'],
    [['Accept', 'text/html;q=0'], 'application/problem+json'],
    [['Accept', `${'a/b,'.repeat(1000)}text/html`], 'application/problem+json'],
  ])('answers %j with %s', (headers, type) => {
    expect(headerValue(reply(new GatewayError('no-route', 404, 'x'), headers).headers, 'content-type')).toBe(type)
  })

  test('a page has the number and the code, runs nothing, and shows nothing that it did not write', () => {
    const hostile = '<script>alert(1)</script>"\'&'
    const { headers, body } = reply(new GatewayError('bad-request', 400, 'inside', { detail: hostile }), browser)
    const page = String(body)
    expect(page).toContain('id-1')
    expect(page).toContain('bad-request')
    expect(page).not.toContain('<script')
    expect(page).not.toContain('inside')
    expect(headerValue(headers, 'content-security-policy')).toBe(pagePolicy)
    expect(pagePolicy).toContain("default-src 'none'")
  })

  test('problem+json has the members of RFC 9457, the code and the request id', () => {
    expect(JSON.parse(String(reply(new GatewayError('no-route', 404, 'inside')).body))).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: sentenceOf('no-route'),
      code: 'no-route',
      request_id: 'id-1',
    })
  })

  test('an internal error is logged with its cause under the request id, whoever gave it its code', () => {
    const told: unknown[] = []
    const log = { ...silent, error: (message: string, fields?: object) => told.push({ message, ...fields }) }
    const cause = new TypeError('Invalid character in header')
    const context = { id: 'id-1', method: 'GET', headers: [] }
    toReply(new GatewayError('internal', 500, 'The answer could not be written', { cause }), context, log)
    toReply(new GatewayError('no-route', 404, 'none', { cause }), context, log)
    expect(told).toMatchObject([
      {
        message: 'The answer could not be written',
        http: { request: { id: 'id-1' } },
        error: { message: cause.message },
      },
    ])
  })

  test('HEAD gets the length and no body', () => {
    const { headers, body } = reply(new GatewayError('no-route', 404, 'x'), [], 'HEAD')
    expect(body).toBeUndefined()
    expect(Number(headerValue(headers, 'content-length'))).toBeGreaterThan(50)
  })

  test.each([
    ['ERR_STORE_UNAVAILABLE', 503, 'store-unavailable', true],
    ['ERR_KEY_UNKNOWN', 503, 'session-key-unknown', true],
    ['ERR_STORE_CONFLICT', 503, 'session-conflict', true],
    ['ERR_SESSION_TOO_LARGE', 500, 'session-too-large', false],
    ['ERR_COOKIE_TOO_LARGE', 500, 'session-too-large', false],
    ['ERR_INVALID_OPTION', 500, 'internal', false],
  ] as const)('%s is %i %s', (code, status, own, retry) => {
    const { status: given, headers, body } = reply(new SessionError(code, 'redis://user:secret@host'))
    expect(given).toBe(status)
    expect(JSON.parse(String(body))).toMatchObject({ code: own, detail: sentenceOf(own) })
    expect(headerValue(headers, 'retry-after') !== undefined).toBe(retry)
    expect(String(body)).not.toContain('secret')
  })
})
