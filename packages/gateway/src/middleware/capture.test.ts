import { SessionError } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { describe, expect, test } from 'vitest'
import { type HeaderList, headerValue } from '../headers.ts'
import type { RawRequest } from '../raw-request.ts'
import { route, type Stage, stage, withHeaders } from '../testing/gateway.ts'

const session = { kind: 'session', session: 'default' } as const
const capture = {
  kind: 'capture',
  subject: 'X-Auth-User',
  attributes: [
    { attribute: 'user_id', header: 'X-Auth-User' },
    { attribute: 'cart', header: 'X-Cart' },
  ],
} as const

/** A visitor with a cookie jar; each step is what the application answers. */
function visitor(on: Stage, answers: { headers: HeaderList; status: number }) {
  let cookie = ''
  return {
    async gets(headers: HeaderList, status = 200, part: Partial<RawRequest> = {}) {
      answers.headers = headers
      answers.status = status
      const answer = await on.ask({ headers: withHeaders(...(cookie === '' ? [] : ['Cookie', cookie])), ...part })
      if (answer.cookies[0] !== undefined) cookie = answer.cookies[0].endsWith('=') ? '' : answer.cookies[0]
      return answer
    },
    get cookie() {
      return cookie
    },
  }
}

function scene(part: Partial<Parameters<typeof stage>[0]> = {}) {
  const answers = { headers: [] as HeaderList, status: 200 }
  const on = stage({
    routes: [route('own-login', '/', [session, capture])],
    respond: () => ({ status: answers.status, headers: [...answers.headers] }),
    ...part,
  })
  return { on, visitor: visitor(on, answers) }
}

describe('capture', () => {
  test('makes the subject an identity of this route, and headers attributes', async () => {
    const { visitor } = scene()
    await visitor.gets(['X-Auth-User', 'ada', 'X-Cart', '3'])
    const { exchange } = await visitor.gets([])
    expect(exchange.session!.subject).toBe('ada')
    expect(exchange.session!.data).toEqual({
      identity: { issuer: 'capture:own-login', subject: 'ada', claims: { iss: 'capture:own-login', sub: 'ada' } },
      'attribute:user_id': 'ada',
      'attribute:cart': '3',
    })
  })

  test('removes the headers in any spelling, at every status, whatever can be stored', async () => {
    const given = ['X-Auth-User', 'ada', 'x_auth_user', 'b', 'X.CART', 'c', 'x-cart', '1', 'X-Other', 'd']
    for (const status of [200, 302, 404, 500]) {
      const { reply } = await scene().visitor.gets(given, status)
      expect(reply.status).toBe(status)
      expect(reply.headers.slice(0, 2)).toEqual(['X-Other', 'd'])
      expect(reply.headers.filter((name) => /auth|cart/i.test(name))).toEqual([])
    }
    const down = () => Promise.reject(new SessionError('ERR_STORE_UNAVAILABLE', 'down'))
    const { reply } = await scene({ records: { ...memoryRecords(), create: down } }).visitor.gets(given)
    expect(reply.status).toBe(503)
    expect(reply.headers.join()).not.toMatch(/auth|cart/i)
  })

  test('removes them from a 1xx as well; on other routes they are headers like any other', async () => {
    const informed: HeaderList[] = []
    const on = stage({
      routes: [route('own-login', '/', [session, capture]), route('other', '/other', [session])],
      respond(request) {
        request.onInformation!(103, 'Early Hints', [
          'Link',
          '</a.css>',
          'X-Auth-User',
          'ada',
          'x_cart',
          '1',
          'Set-Cookie',
          '__Host-session=x',
        ])
        return {}
      },
    })
    const connection = {
      gone: false,
      onGone: undefined,
      bodyWanted() {},
      inform: (...given: unknown[]) => informed.push(given[2] as HeaderList),
    }
    await on.ask({ connection })
    await on.ask({ connection, target: '/other' })
    expect(informed).toEqual([
      ['Link', '</a.css>'],
      ['Link', '</a.css>', 'X-Auth-User', 'ada', 'x_cart', '1'],
    ])
  })

  test('starts a session only when something is to be kept', async () => {
    const { on, visitor } = scene()
    await visitor.gets([])
    await visitor.gets(['X-Cart', ''])
    await visitor.gets(['X-Auth-User', ''])
    expect(visitor.cookie).toBe('')
    expect(on.observed).toEqual([])
    await visitor.gets(['X-Cart', '1'])
    expect(visitor.cookie).not.toBe('')
  })

  test('rotates the ticket when somebody signs in, and the old one is dead at once', async () => {
    const { on, visitor } = scene()
    await visitor.gets(['X-Cart', '1'])
    const before = visitor.cookie
    const { exchange } = await visitor.gets(['X-Auth-User', 'ada'])
    expect(visitor.cookie).not.toBe(before)
    expect(exchange.session!.get('attribute:cart')).toBe('1')
    const old = await on.ask({ headers: withHeaders('Cookie', before) })
    expect(old.exchange.session).toMatchObject({ state: 'refused' })
    expect(old.cookies).toEqual([])
  })

  test('writes nothing when nothing changed', async () => {
    const { on, visitor } = scene()
    await visitor.gets(['X-Auth-User', 'ada', 'X-Cart', '1'])
    on.observed.length = 0
    const { cookies } = await visitor.gets(['X-Auth-User', 'ada', 'X-Cart', '1'])
    expect(cookies).toEqual([])
    expect(on.observed.filter(([name]) => name === 'storeOperation')).toEqual([])
  })

  test('keeps nothing of one person for another', async () => {
    const { visitor } = scene()
    await visitor.gets(['X-Auth-User', 'ada', 'X-Cart', '1'])
    const before = visitor.cookie
    const { exchange } = await visitor.gets(['X-Auth-User', 'bob'])
    expect(visitor.cookie).not.toBe(before)
    expect(exchange.session!.data).not.toHaveProperty('attribute:cart')
    expect(exchange.session!.data).toMatchObject({ 'attribute:user_id': 'bob', identity: { subject: 'bob' } })
  })

  test('an empty header removes the attribute, an empty subject signs out', async () => {
    const { on, visitor } = scene()
    await visitor.gets(['X-Auth-User', 'ada', 'X-Cart', '1'])
    const { exchange } = await visitor.gets(['X-Cart', ''])
    expect(exchange.session!.data).not.toHaveProperty('attribute:cart')
    const out = await visitor.gets(['X-Auth-User', '', 'X-Cart', '9'])
    expect(out.exchange.session).toMatchObject({ state: 'ended', id: exchange.session!.id, subject: 'ada' })
    expect(headerValue(out.reply.headers, 'set-cookie')).toMatch(/^__Host-session=;/)
    expect(on.observed).toContainEqual(['sessionEnded', 'default', 'sign_out'])
    expect((await visitor.gets([])).exchange.session!.state).toBe('none')
  })

  test('a subject that is not clear signs out, since it may be somebody else', async () => {
    for (const bad of [
      ['X-Auth-User', 'ada', 'x-auth-user', 'bob'],
      ['X-Auth-User', 'x'.repeat(1025)],
      ['X-Auth-User', 'a\tb'],
    ]) {
      const { on, visitor } = scene()
      await visitor.gets(['X-Auth-User', 'ada'])
      const { exchange } = await visitor.gets(bad)
      expect(exchange.session!.state).toBe('ended')
      expect(on.logged.map(({ level }) => level)).toContain('warn')
    }
  })

  test('an attribute that is not clear or too long is left as it was', async () => {
    const { visitor } = scene()
    await visitor.gets(['X-Cart', '1'])
    for (const bad of [
      ['X-Cart', '1', 'X-Cart', '2'],
      ['X-Cart', 'x'.repeat(8193)],
    ]) {
      const { exchange } = await visitor.gets(bad)
      expect(exchange.session!.get('attribute:cart')).toBe('1')
    }
  })

  test('reads UTF-8, and latin1 where it is not that', async () => {
    const { visitor } = scene()
    const utf8 = Buffer.from('Zoë').toString('latin1')
    const { exchange } = await visitor.gets(['X-Auth-User', utf8, 'X-Cart', 'Zo\xeb'])
    expect(exchange.session!.subject).toBe('Zoë')
    expect(exchange.session!.get('attribute:cart')).toBe('Zoë')
  })

  test('two requests that change two attributes at the same time lose none', async () => {
    const attributes = [
      { attribute: 'a', header: 'X-A' },
      { attribute: 'b', header: 'X-B' },
    ]
    const waiting: (() => void)[] = []
    const on = stage({
      routes: [route('app', '/', [session, { kind: 'capture', subject: undefined, attributes }])],
      async respond({ target }) {
        if (target === '/first') return { headers: ['X-A', '0'] }
        if (target === '/last') return {}
        await new Promise<void>((resolve) => waiting.push(resolve))
        return { headers: target === '/a' ? ['X-A', '1'] : ['X-B', '1'] }
      },
    })
    const headers = withHeaders('Cookie', (await on.ask({ target: '/first' })).cookies[0]!)
    const both = [on.ask({ target: '/a', headers }), on.ask({ target: '/b', headers })]
    while (waiting.length < 2) await new Promise(setImmediate)
    for (const go of waiting) go()
    await Promise.all(both)
    const { exchange } = await on.ask({ target: '/last', headers })
    expect(exchange.session!.data).toEqual({ 'attribute:a': '1', 'attribute:b': '1' })
  })

  test('without a session the route is broken', async () => {
    const on = stage({ routes: [route('x', '/', [capture])] })
    expect((await on.ask()).reply.status).toBe(500)
    expect(on.gateway.routes).toEqual([
      { name: 'x', state: 'broken', reason: 'it has capture, and no session to keep what is captured' },
    ])
  })
})
