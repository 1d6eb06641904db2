import { type HeadersSpec, type HeaderValue, Secret, type ValueSource } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerValue, headerValues } from '../headers.ts'
import { foldName } from '../strip-aliases.ts'
import { matchOf, noChanges, route, type Stage, sessionSpec, stage, withHeaders } from '../testing/gateway.ts'

const session = { kind: 'session', session: 'default' } as const
const capture = {
  kind: 'capture',
  subject: 'X-Auth-User',
  attributes: [{ attribute: 'user_id', header: 'X-Auth-Id' }],
} as const

function requestHeaders(set: HeaderValue[], part: Partial<HeadersSpec['request']> = {}): HeadersSpec {
  return { kind: 'headers', request: { ...noChanges, set, ...part }, response: noChanges }
}
const identity = requestHeaders([
  { name: 'X-User-Id', value: '{session.user_id}' },
  { name: 'X-Subject', value: '{identity.sub}' },
])

/** Signs in with what `/login` is asked for, and gives the cookie. */
async function signIn(on: Stage, user: string): Promise<string> {
  return (await on.ask({ target: `/login?${user}` })).cookies[0]!
}
function shop(spec: HeadersSpec = identity, more: Parameters<typeof stage>[0]['routes'] = []): Stage {
  return stage({
    routes: [route('app', '/', [session, capture, spec]), ...more],
    respond: ({ target }) => {
      if (!target.startsWith('/login?')) return {}
      const name = Buffer.from(decodeURIComponent(target.slice(7))).toString('latin1')
      return { headers: ['X-Auth-User', name, 'X-Auth-Id', name] }
    },
  })
}
const sentOf = (on: Stage, name: string) => headerValues(on.sent.at(-1)!.headers, name)

describe('headers in requests', () => {
  test('tell the upstream who the visitor is', async () => {
    const on = shop()
    await on.ask({ headers: withHeaders('Cookie', await signIn(on, 'ada')) })
    expect(sentOf(on, 'x-user-id')).toEqual(['ada'])
    expect(sentOf(on, 'x-subject')).toEqual(['ada'])
  })

  test('values are bytes of UTF-8', async () => {
    const on = shop()
    await on.ask({ headers: withHeaders('Cookie', await signIn(on, 'Zo%C3%AB%20%E2%98%83')) })
    expect(Buffer.from(sentOf(on, 'x-user-id')[0]!, 'latin1').toString()).toBe('Zoë ☃')
  })

  test('know the request, the client and the route', async () => {
    const value = '{request.method} {request.host} {request.path} {client.address} {route.name} {{}}'
    const on = shop(
      requestHeaders([
        { name: 'X-All', value },
        { name: 'X-Id', value: '{request.id}' },
      ]),
    )
    const { exchange } = await on.ask({ target: '/a%2Db?c' })
    expect(sentOf(on, 'x-all')).toEqual(['GET shop.example.com /a%2Db 198.51.100.7 app {}'])
    expect(sentOf(on, 'x-id')).toEqual([exchange.id])
  })

  test('know the session: its id, the same over rotations, and the time left', async () => {
    const set = [
      { name: 'X-Sid', value: '{session.$id}' },
      { name: 'X-Left', value: '{session.$expiresIn}' },
    ]
    const on = shop(requestHeaders(set))
    const { exchange } = await on.ask({ headers: withHeaders('Cookie', await signIn(on, 'ada')) })
    expect(sentOf(on, 'x-sid')).toEqual([exchange.session!.id])
    expect(sentOf(on, 'x-left')).toEqual(['600'])
    await on.ask()
    expect(sentOf(on, 'x-sid')).toEqual([])
  })

  test('an empty value is no header, and still takes away what the client sends', async () => {
    const on = shop(requestHeaders([{ name: 'X-Admin', value: '' }]))
    await on.ask({ headers: withHeaders('X-Admin', '1', 'x_admin', '2') })
    expect(sentOf(on, 'x-admin')).toEqual([])
    expect(sentOf(on, 'x_admin')).toEqual([])
  })

  test('one absent part and there is no header', async () => {
    const on = shop(requestHeaders([{ name: 'X-Both', value: '{route.name}: {identity.email}' }]))
    await on.ask()
    expect(sentOf(on, 'x-both')).toEqual([])
    const tokens = shop(requestHeaders([{ name: 'Authorization', value: 'Bearer {tokens.access_token}' }]))
    await tokens.ask({ headers: withHeaders('Authorization', 'Bearer forged') })
    expect(sentOf(tokens, 'authorization')).toEqual([])
  })

  test('add keeps what is there, remove takes it, in any spelling', async () => {
    const on = shop(requestHeaders([], { add: [{ name: 'X-Tag', value: 'b' }], remove: ['X-Debug'] }))
    await on.ask({ headers: withHeaders('X-Tag', 'a', 'x_debug', '1', 'X-Debug', '1') })
    expect(sentOf(on, 'x-tag')).toEqual(['a', 'b'])
    expect(on.sent[0]!.headers.join()).not.toMatch(/debug/i)
  })

  test.each(['Host', 'content-length', 'Transfer-Encoding', 'Connection', 'Upgrade'])(
    'a route that sets %s is broken',
    async (name) => {
      const on = shop(requestHeaders([{ name, value: 'x' }]))
      expect((await on.ask()).reply.status).toBe(500)
    },
  )

  test('a route with a value that is no template is broken', async () => {
    const on = shop(requestHeaders([{ name: 'X-A', value: '{sesion.a}' }]))
    expect((await on.ask()).reply.status).toBe(500)
    expect(on.gateway.routes[0]!.reason).toContain('{sesion.a}')
  })
})

describe('headers in responses', () => {
  const spec: HeadersSpec = {
    kind: 'headers',
    request: noChanges,
    response: {
      set: [{ name: 'X-Frame-Options', value: 'DENY' }],
      add: [{ name: 'Vary', value: 'Cookie' }],
      remove: ['Server'],
    },
  }

  test('are removed, set and added', async () => {
    const headers = ['Server', 'x', 'x-frame-options', 'ALLOW', 'Vary', 'Accept', 'A', '1']
    const on = stage({ routes: [route('app', '/', [spec])], respond: () => ({ headers: [...headers] }) })
    const { reply } = await on.ask()
    expect(reply.headers).toEqual(['Vary', 'Accept', 'A', '1', 'X-Frame-Options', 'DENY', 'Vary', 'Cookie'])
  })
})

describe('F3: no client header passes for one of the gateway', () => {
  const cases: [string, (on: Stage) => Promise<string>][] = [
    ['nobody is signed in', async () => ''],
    ['somebody is signed in', (on) => signIn(on, 'ada')],
    ['the value is absent', async (on) => (await on.ask({ target: '/login?x' })).cookies[0]!.slice(0, -3)],
  ]

  test.each(cases)('F3: any spelling, any method, when %s', async (_, visit) => {
    const on = shop(requestHeaders([{ name: 'X-User-Id', value: '{identity.absent}' }]))
    const cookie = await visit(on)
    const separators = fc.array(fc.constantFrom('-', '_', '.', ' '), { minLength: 2, maxLength: 2 })
    const name = fc
      .tuple(separators, fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }))
      .map(([[a, b], upper]) =>
        [...`x${a}user${b}id`].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(''),
      )
    const method = fc.constantFrom('GET', 'POST', 'OPTIONS', 'HEAD', 'DELETE')
    const target = fc.constantFrom('/', '/a', '/none')
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 4 }), method, target, async (names, how, what) => {
        const claims = names.flatMap((claimed) => [claimed, 'admin'])
        await on.ask({ method: how, target: what, headers: withHeaders(...claims, 'Cookie', cookie) })
        for (const sent of on.sent.splice(0)) {
          expect(sent.headers.filter((header, i) => i % 2 === 0 && foldName(header) === 'x-user-id')).toEqual([])
        }
      }),
      { numRuns: 5000 },
    )
  })

  test('F3: what names the visitor on one route is taken from requests of every route', async () => {
    const on = shop(identity, [route('public', '/public'), route('other-app', '/other', [])])
    for (const target of ['/public', '/other', '/']) {
      await on.ask({ target, headers: withHeaders('X-User-Id', 'admin', 'x_subject', 'admin') })
      expect(on.sent.at(-1)!.headers.join()).not.toContain('admin')
    }
  })

  test('F3: a constant header is taken where it is set, and the own Authorization of a client elsewhere passes', async () => {
    const spec = requestHeaders([
      { name: 'X-Tenant', value: 'a' },
      { name: 'Authorization', value: 'Bearer {tokens.access_token}' },
    ])
    const on = shop(spec, [route('api', '/api')])
    const headers = withHeaders('Authorization', 'Bearer own', 'X-Tenant', 'b')
    await on.ask({ target: '/api', headers })
    expect(sentOf(on, 'authorization')).toEqual(['Bearer own'])
    expect(sentOf(on, 'x-tenant')).toEqual(['b'])
    await on.ask({ headers })
    expect(sentOf(on, 'authorization')).toEqual([])
    expect(sentOf(on, 'x-tenant')).toEqual(['a'])
  })

  test('F3: Connection cannot take away what the gateway writes', async () => {
    const on = shop(requestHeaders([{ name: 'X-User-Id', value: 'ada' }]))
    const nominate = 'X-User-Id, x-forwarded-for, X-Request-Id, host, cookie'
    await on.ask({ headers: withHeaders('Connection', nominate, 'connection', 'x-user-id') })
    expect(sentOf(on, 'x-user-id')).toEqual(['ada'])
    expect(sentOf(on, 'x-forwarded-for')).toEqual(['198.51.100.7'])
    expect(sentOf(on, 'host')).toEqual(['shop.example.com'])
  })

  test('F3: trailers are held to the same', async () => {
    const on = shop()
    await on.ask()
    const received = ['X-User-Id', 'admin', 'x_forwarded_for', '6.6.6.6', 'Checksum', '1', 'X-Real-Ip', '6.6.6.6']
    expect(on.sent[0]!.trailers!(received)).toEqual(['Checksum', '1'])
  })
})

describe('cookies of the gateway', () => {
  const two = [sessionSpec(), sessionSpec({ name: 'other', forward: true })]
  const routes = [
    route('own', '/own', [{ kind: 'session', session: 'other' }]),
    route('none', '/none'),
    route('shop', '/', [session]),
  ]

  test('are withheld from every upstream, whatever the route, but for those that a session forwards to its own', async () => {
    const on = stage({ routes, sessions: two })
    const cookie = 'a=1; __Host-session=x; __Host-session-other=y; b=2'
    for (const [target, left] of [
      ['/', 'a=1; b=2'],
      ['/none', 'a=1; b=2'],
      ['/own', 'a=1; __Host-session-other=y; b=2'],
    ]) {
      await on.ask({ target: target!, headers: withHeaders('Cookie', cookie) })
      expect(sentOf(on, 'cookie')).toEqual([left])
    }
  })

  test('leave no empty Cookie header behind, and are found in every one', async () => {
    const on = stage({ routes, sessions: two })
    await on.ask({ headers: withHeaders('Cookie', '__Host-session=x', 'cookie', 'a=1;\t__Host-session.1=y', 'X', '1') })
    expect(sentOf(on, 'cookie')).toEqual(['a=1'])
    expect(sentOf(on, 'x')).toEqual(['1'])
  })

  test('cannot be set by an upstream; the log hears of it once', async () => {
    const headers = [
      'Set-Cookie',
      'a=1',
      'set-cookie',
      '__Host-session=forged; Path=/',
      'Set-Cookie',
      ' =__Host-session=f',
    ]
    const on = stage({ routes, sessions: two, respond: () => ({ headers: [...headers] }) })
    for (let i = 0; i < 3; i++) {
      const { reply } = await on.ask({ target: '/none' })
      expect(headerValues(reply.headers, 'set-cookie')).toEqual(['a=1'])
    }
    expect(on.logged).toHaveLength(1)
    expect(on.logged[0]!.message).not.toContain('forged')
  })

  test('nothing else is touched', async () => {
    const on = stage({ routes: [route('a', '/')], sessions: [] })
    const cookie = ' __Host-session=x;;  b = "2; 3" ; '
    const { exchange } = await on.ask({ headers: withHeaders('Cookie', cookie) })
    expect(headerValue(exchange.outgoing.headers, 'cookie')).toBe(cookie)
  })
})

describe('values that lie elsewhere', () => {
  const token = { from: 'env', name: 'TOK' } as const
  const file = { from: 'file', path: '/run/key' } as const
  const secret = (source: ValueSource) =>
    new Secret(Buffer.from(source.from === 'env' ? 'Bearer {tokens}: Zoë' : 'sesame\n'))
  const spec: HeadersSpec = {
    kind: 'headers',
    request: {
      ...noChanges,
      set: [{ name: 'Authorization', value: token }],
      add: [
        { name: 'X-Key', value: file },
        { name: 'X-Key', value: 'b' },
      ],
    },
    response: { ...noChanges, set: [{ name: 'X-Proof', value: file }] },
  }

  test('are sent as they are there, byte by byte, less one line end; braces are no template', async () => {
    const on = stage({ routes: [route('a', '/', [spec])], secret })
    const { reply } = await on.ask({ headers: withHeaders('authorization', 'own', 'X_Key', 'own') })
    expect(sentOf(on, 'authorization').map((value) => Buffer.from(value, 'latin1').toString())).toEqual([
      'Bearer {tokens}: Zoë',
    ])
    expect(sentOf(on, 'x-key')).toEqual(['sesame', 'b'])
    expect(headerValues(reply.headers, 'x-proof')).toEqual(['sesame'])
  })

  test.each(['', '\n', 'a\r\nX-Admin: yes', 'a\n\n', 'a\0', '\t'])(
    'that no header may have break the route: %j',
    async (value) => {
      const on = stage({ routes: [route('a', '/', [spec])], secret: () => new Secret(Buffer.from(value)) })
      const { reply, exchange } = await on.ask()
      expect(reply.status).toBe(500)
      expect(exchange).toMatchObject({
        reason: 'route-broken',
        detail: expect.stringMatching(/"TOK" (is empty|holds control)/),
      })
      expect(on.sent).toEqual([])
    },
  )

  test('are read once, when the route is compiled', async () => {
    let reads = 0
    const counting = (source: ValueSource) => {
      reads++
      return secret(source)
    }
    const on = stage({ routes: [route('a', '/', [spec])], secret: counting })
    for (let i = 0; i < 3; i++) await on.ask()
    expect(reads).toBe(3)
  })
})

test('a template on an on-demand route that reads no session gives no header', async () => {
  const on = stage({ routes: [route('a', '/', [session, identity], { matches: [matchOf('/')] })] })
  await on.ask({ headers: withHeaders('X-User-Id', 'admin') })
  expect(sentOf(on, 'x-user-id')).toEqual([])
})
