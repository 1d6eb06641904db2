import { Secret, type ValueSource } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from './errors.ts'
import { headerValue } from './headers.ts'
import { anyUpstream, matchOf, route, stage, toApp, withHeaders } from './testing/gateway.ts'

const session = { kind: 'session', session: 'default' } as const

describe('a gateway', () => {
  test('forwards the target as it came, to the upstream of the one route', async () => {
    const routes = [
      route('packages', '/packages', [], { action: toApp({ upstream: 'npm' }) }),
      route('rest', '/', [], { action: toApp({ upstream: 'web' }) }),
    ]
    const on = stage({ routes })
    for (const target of ['/packages/@scope%2Fname?x=%2f', '/packages/a//b', '/packages/%61;v=1']) {
      const { exchange } = await on.ask({ target, method: 'PUT' })
      expect(on.sent.at(-1)).toMatchObject({ to: 'npm', target, method: 'PUT' })
      expect(exchange).toMatchObject({ route: 'packages', upstream: 'npm', target: 'npm:80', reason: undefined })
      expect(exchange.timings.upstream).toBeGreaterThanOrEqual(0)
    }
  })

  test('answers 404 where no route is', async () => {
    const { reply, exchange } = await stage({ routes: [route('a', '/a')] }).ask({ target: '/b' })
    expect(reply.status).toBe(404)
    expect(exchange).toMatchObject({ reason: 'no-route', route: undefined })
  })

  test('takes OPTIONS * on a route for everything only', async () => {
    const on = stage({ routes: [route('a', '/a'), route('all', '/')] })
    const { exchange } = await on.ask({ method: 'OPTIONS', target: '*' })
    expect(exchange.route).toBe('all')
    expect(on.sent[0]!.target).toBe('*')
  })
})

describe('a route of some listeners', () => {
  const redirect = {
    kind: 'redirect',
    status: 301,
    scheme: 'https',
    host: undefined,
    port: undefined,
    path: undefined,
  } as const
  const routes = [
    route('upgrade', '/', [], { listeners: ['plain'], action: redirect }),
    route('app', '/', [], { listeners: ['tls', 'web'] }),
    route('hello', '/hello'),
  ]

  test('takes what comes in through them, and nothing else', async () => {
    const on = stage({ routes })
    const taken = async (target: string, listener: string) => (await on.ask({ target }, listener)).exchange.route
    expect(await taken('/a', 'plain')).toBe('upgrade')
    expect(await taken('/a', 'tls')).toBe('app')
    expect(await taken('/a', 'web')).toBe('app')
    expect(await taken('/hello', 'plain')).toBe('hello')
    expect(await taken('/hello', 'tls')).toBe('hello')
    expect(await taken('/hello', 'other')).toBe('hello')
    const { reply } = await on.ask({ target: '/a' }, 'other')
    expect(reply.status).toBe(404)
  })

  test('F1: another reading of a path is looked up among the routes of the same listener', async () => {
    const on = stage({ routes: [route('all', '/'), route('admin', '/admin', [], { listeners: ['tls'] })] })
    expect((await on.ask({ target: '/%2fadmin' }, 'tls')).exchange.reason).toBe('ambiguous-target')
    expect((await on.ask({ target: '/%2fadmin' }, 'web')).exchange.route).toBe('all')
  })
})

describe('what matches compare with may lie elsewhere', () => {
  const key = { name: 'X-Shared', value: { from: 'file', path: '/run/key' } } as const
  const word = { name: 'k', value: { from: 'env', name: 'WORD' } } as const
  const secret = (source: ValueSource) => new Secret(Buffer.from(source.from === 'env' ? 'Zoë' : 'sesame\n'))
  const keyed = { ...route('keyed', '/'), matches: [{ ...matchOf('/'), headers: [key], query: [word] }] }

  test('and is read once, less one line end', async () => {
    const on = stage({ routes: [keyed, route('rest', '/')], secret })
    const taken = async (value: string, query: string) =>
      (await on.ask({ target: `/?k=${query}`, headers: withHeaders('X-Shared', value) })).exchange.route
    expect(await taken('sesame', 'Zo%C3%AB')).toBe('keyed')
    expect(await taken('sesame', 'Zoe')).toBe('rest')
    expect(await taken('sesam', 'Zo%C3%AB')).toBe('rest')
    expect(await taken('', 'Zo%C3%AB')).toBe('rest')
  })

  test('and nothing is compiled when it is empty: everybody could bring that', () => {
    expect(() => stage({ routes: [keyed], secret: () => new Secret(Buffer.from('\n')) })).toThrow('"/run/key" is empty')
  })
})

describe('F13: a broken route', () => {
  const routes = [
    route('all', '/'),
    route('secret', '/secret', [], { action: { kind: 'broken', reason: 'upstream "x" is not defined' } }),
  ]

  test('F13: answers 500 with its name, and no wider route takes its requests', async () => {
    const on = stage({ routes })
    const { reply, exchange, text } = await on.ask({ target: '/secret/a' })
    expect(reply.status).toBe(500)
    expect(exchange).toMatchObject({ route: 'secret', reason: 'route-broken' })
    expect(exchange.detail).toContain('upstream "x" is not defined')
    expect(text).toContain('secret')
    expect(text).not.toContain('upstream')
    expect(on.sent).toEqual([])
    expect((await on.ask({ target: '/other' })).reply.status).toBe(200)
    expect(on.gateway.routes).toEqual([
      { name: 'all', state: 'running', reason: undefined },
      { name: 'secret', state: 'broken', reason: 'upstream "x" is not defined' },
    ])
  })

  test('F13: everything that a route names and that is not there breaks that route alone', async () => {
    const on = stage({
      routes: [
        route('all', '/'),
        route('a', '/a', [{ kind: 'session', session: 'none' }]),
        route('b', '/b', [{ kind: 'mirror', upstream: 'shadow', percent: 100 }]),
        route('c', '/c', [], { action: toApp({ upstream: 'missing' }) }),
      ],
      model: { upstreams: [{ name: 'app', ...anyUpstream }] },
    })
    for (const target of ['/a', '/b', '/c']) expect((await on.ask({ target })).reply.status).toBe(500)
    expect((await on.ask()).reply.status).toBe(200)
  })
})

describe('everything thrown becomes an answer', () => {
  test('an error of the upstream hop keeps its code, and its inside stays in the log', async () => {
    const respond = () => {
      throw new GatewayError('upstream-connect', 502, 'connect ECONNREFUSED 10.0.0.5:3000')
    }
    const { reply, exchange, text } = await stage({ routes: [route('a', '/')], respond }).ask()
    expect(reply.status).toBe(502)
    expect(JSON.parse(text)).toEqual({
      type: 'about:blank',
      title: 'Bad Gateway',
      status: 502,
      detail: 'The application could not be reached.',
      code: 'upstream-connect',
      request_id: exchange.id,
    })
    expect(exchange.detail).toContain('10.0.0.5')
    // until it was clear that no response would come
    expect(exchange.timings.upstream).toBeGreaterThanOrEqual(0)
    expect(headerValue(reply.headers, 'x-request-id')).toBe(exchange.id)
  })

  test('a surprise says nothing but its number, and the log has the rest under it', async () => {
    for (const surprise of [new Error('password=hunter2'), 'password=hunter2', undefined, Object.create(null)]) {
      const on = stage({ routes: [route('a', '/')], respond: () => Promise.reject(surprise) })
      const { reply, exchange, text } = await on.ask()
      expect(reply.status).toBe(500)
      expect(exchange.reason).toBe('internal')
      expect(text + reply.headers.join()).not.toContain('hunter2')
      expect(on.logged).toMatchObject([{ level: 'error', fields: { http: { request: { id: exchange.id } } } }])
    }
  })
})

describe('F4: one reading of the target decides', () => {
  const routes = [
    route('admin', '/admin', [session, { kind: 'login', at: '/login' }]),
    route('exact', '/', [session, { kind: 'login', at: '/login' }], {
      matches: [matchOf('/', { path: { kind: 'exact', value: '/private' } })],
    }),
    route('template', '/', [session, { kind: 'login', at: '/login' }], {
      matches: [matchOf('/', { path: { kind: 'template', value: '/users/{id}/keys' } })],
    }),
    route('public', '/'),
  ]

  /** Servers behind us, each with another idea of a path. */
  const servers: ((path: string) => string)[] = [
    (path) => decode(path),
    (path) => decode(path).replaceAll('\\', '/'),
    (path) => decode(path.replace(/;[^/]*/g, '')),
    (path) => decode(path).replace(/;[^/]*/g, ''),
    (path) => decode(decode(path)),
    (path) => decode(path).split(/[?#]/)[0]!,
  ]
  const decode = (path: string) =>
    path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  const merge = (path: string) => path.replace(/\/+/g, '/')
  const resolve = (path: string) => new URL(`http://h${encodeURI(path)}`).pathname

  /** What the application behind serves for a path. */
  function protects(path: string): boolean {
    return /^\/admin(\/|$)|^\/private$|^\/users\/[^/]+\/keys$/.test(path)
  }

  test('F4: no spelling of a protected path gets past the login', async () => {
    const on = stage({ routes })
    const piece = fc.constantFrom(
      ...[
        'admin',
        'private',
        'users',
        'keys',
        'public',
        'x',
        '.',
        '..',
        '/',
        '//',
        '\\',
        ';',
        ';a=b',
        '%2f',
        '%5c',
        '%2e',
      ],
      ...['%61dmin', '%2561dmin', '%3b', '%3f', '%23', '?', '%252f', '%7e', 'private%3f', 'users/7/keys'],
    )
    const target = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`)
    await fc.assert(
      fc.asyncProperty(target, async (text) => {
        const exchange = await on.ask({ target: text }).catch((error: unknown) => error)
        if (exchange instanceof GatewayError) return
        for (const sent of on.sent.splice(0)) {
          expect(sent.target).toBe(text)
          const raw = sent.target.split('?')[0]!
          for (const server of servers) {
            const seen = server(raw)
            for (const path of [seen, merge(seen), resolve(seen), resolve(merge(seen))])
              expect(protects(path)).toBe(false)
          }
        }
      }),
      { numRuns: 15_000 },
    )
  })

  test('F4: a path plus query is never matched as a path', async () => {
    const on = stage({ routes })
    expect((await on.ask({ target: '/private?x=/public' })).reply.status).toBe(401)
    expect((await on.ask({ target: '/admin?/public' })).reply.status).toBe(401)
    expect((await on.ask({ target: '/?/admin' })).reply.status).toBe(200)
  })

  test('F4: what is read as another route is 400, what is read as the same passes', async () => {
    const on = stage({ routes })
    const statusOf = async (target: string) => (await on.ask({ target })).reply.status
    for (const target of [
      '//admin',
      '/%2fadmin',
      '/%5cadmin',
      '/;/admin',
      '/admin%2fx',
      '/private;x',
      '/users%2f7%2fkeys',
    ]) {
      expect(await statusOf(target)).toBe(400)
    }
    for (const target of ['/a%2Fb', '/a//b', '/a;v=1', '/x%5cy', '/100%25', '/what%3F'])
      expect(await statusOf(target)).toBe(200)
  })

  test('F4: headers that name another target change nothing', async () => {
    const on = stage({ routes })
    const headers = withHeaders('X-Original-URL', '/public', 'X-Rewrite-URL', '/public', 'X-Forwarded-Uri', '/public')
    expect((await on.ask({ target: '/admin', headers })).reply.status).toBe(401)
    await on.ask({ target: '/x', headers: withHeaders('X-Original-URL', '/admin', 'X_Forwarded_Prefix', '/admin') })
    expect(on.sent[0]!.headers.join()).not.toContain('/admin')
  })
})
