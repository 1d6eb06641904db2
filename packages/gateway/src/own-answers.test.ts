/**
 * Every answer of the gateway's own carries its code and the request id, whatever it is; no other answer has a code.
 */
import { defaults } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { GatewayError } from './errors.ts'
import { headerValue, headerValues } from './headers.ts'
import type { RawRequest } from './raw-request.ts'
import { route, stage, withHeaders } from './testing/gateway.ts'

const session = { kind: 'session', session: 'default' } as const
const cors = { kind: 'cors', ...defaults.cors, origins: ['https://a.example'] } as const
const capture = { kind: 'capture', subject: 'X-Auth-User', attributes: [] } as const
const elsewhere = {
  kind: 'redirect',
  status: 308,
  scheme: 'https',
  host: undefined,
  port: undefined,
  path: undefined,
} as const

const on = stage({
  routes: [
    route('moved', '/moved', [], { action: elsewhere }),
    route('api', '/api', [cors]),
    route('sign-in', '/sign-in', [session, capture]),
    route('private', '/private', [session, { kind: 'login', at: '/sign-in' }]),
    route('down', '/down'),
    route('fine', '/fine', [cors]),
  ],
  respond({ target }) {
    if (target === '/down') throw new GatewayError('upstream-connect', 502, 'refused')
    return { headers: ['Coatcheck-Code', 'no-route', 'coatcheck-CODE', 'x', 'X-Fine', '1'] }
  },
})

const page = withHeaders('Accept', 'text/html')
const preflight = withHeaders('Origin', 'https://a.example', 'Access-Control-Request-Method', 'PUT')
const answers: [string, Partial<RawRequest>, number, string][] = [
  ['a redirect', { target: '/moved' }, 308, 'redirect'],
  ['a preflight', { target: '/api', method: 'OPTIONS', headers: preflight }, 204, 'cors-preflight'],
  ['a 404', { target: '/' }, 404, 'no-route'],
  ['a 404 to HEAD', { target: '/', method: 'HEAD' }, 404, 'no-route'],
  ['a page', { target: '/', headers: page }, 404, 'no-route'],
  ['a 401', { target: '/private' }, 401, 'login-required'],
  ['the way to a login page', { target: '/private', headers: page }, 303, 'login-required'],
  ['a 502', { target: '/down' }, 502, 'upstream-connect'],
]

test.each(answers)('%s carries its code and the request id', async (_what, request, status, code) => {
  const { reply, exchange } = await on.ask(request)
  expect([reply.status, exchange.reason]).toEqual([status, code])
  expect(headerValues(reply.headers, 'coatcheck-code')).toEqual([code])
  expect(headerValues(reply.headers, 'x-request-id')).toEqual([exchange.id])
})

test("an upstream's answer has no code, whatever the upstream says", async () => {
  const { reply } = await on.ask({ target: '/fine' })
  expect(headerValues(reply.headers, 'coatcheck-code')).toEqual([])
  expect(headerValue(reply.headers, 'x-fine')).toBe('1')
  expect(on.logged).toEqual([])
})

test("an upstream's early answers and trailers have none either", async () => {
  const { sent, ask } = stage({ routes: [route('fine', '/')] })
  const informed: string[][] = []
  const connection = {
    gone: false,
    onGone: undefined,
    bodyWanted() {},
    inform: (...given: unknown[]) => informed.push(given[2] as string[]),
  }
  await ask({ connection } as Partial<RawRequest>)
  sent[0]!.onInformation!(103, '', ['Coatcheck-Code', 'x', 'Link', '</a>'])
  expect(informed).toEqual([['Link', '</a>']])
  const trailers = ['coatcheck-code', 'x', 'X-Sum', '1']
  sent[0]!.replyTrailers!(trailers)
  expect(trailers).toEqual(['X-Sum', '1'])
})
