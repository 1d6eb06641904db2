/** `rewrite` and `redirect`: what becomes of the path. */
import type { PathRewrite, RedirectAction } from '@coatcheck/model'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerValue } from '../headers.ts'
import { readTarget } from '../target.ts'
import { matchOf, route, stage, withHeaders } from '../testing/gateway.ts'

const prefix = (value: string): PathRewrite => ({ kind: 'prefix', value })
const full = (value: string): PathRewrite => ({ kind: 'full', value })

async function rewritten(path: string, rewrite: PathRewrite, target: string): Promise<string | number> {
  const on = stage({ routes: [route('a', path, [{ kind: 'rewrite', path: rewrite }])] })
  const { reply } = await on.ask({ target })
  return on.sent[0]?.target ?? reply.status
}

describe('rewrite', () => {
  test.each([
    ['/api', prefix('/'), '/api', '/'],
    ['/api', prefix('/'), '/api/', '/'],
    ['/api', prefix('/'), '/api/x?y=/api', '/x?y=/api'],
    ['/api', prefix('/v1'), '/api', '/v1'],
    ['/api', prefix('/v1/'), '/api/x', '/v1/x'],
    ['/api/', prefix('/v1'), '/api/x', '/v1/x'],
    ['/', prefix('/v1'), '/x', '/v1/x'],
    ['/', prefix('/v1'), '/', '/v1/'],
    ['/a/b', prefix('/c'), '/%61/b/d%2Fe?%2f', '/c/d%2Fe?%2f'],
    ['/api', full('/one'), '/api/x?y', '/one?y'],
    ['/api', full('/café now'), '/api', '/caf%C3%A9%20now'],
    ['/api', prefix('/v1'), '/api//x', '/v1//x'],
  ])('%s to %j: %s becomes %s', async (path, rewrite, target, expected) => {
    expect(await rewritten(path, rewrite, target)).toBe(expected)
  })

  test('an exact path and a template are replaced as a whole', async () => {
    for (const path of [{ kind: 'exact', value: '/a/b' } as const, { kind: 'template', value: '/a/{x}' } as const]) {
      const on = stage({
        routes: [route('a', '/', [{ kind: 'rewrite', path: prefix('/c') }], { matches: [matchOf('/', { path })] })],
      })
      await on.ask({ target: '/a/b?q' })
      expect(on.sent[0]!.target).toBe('/c?q')
    }
  })

  test('a path that does not begin with / breaks the route', async () => {
    expect(await rewritten('/a', prefix('b'), '/a')).toBe(500)
  })

  test('F4: a rewritten path that may be read as one of another route is refused', async () => {
    const on = stage({
      routes: [
        route('api', '/api', [{ kind: 'rewrite', path: prefix('/') }]),
        route('admin', '/admin', [], { action: { kind: 'broken', reason: 'closed' } }),
      ],
    })
    for (const target of ['/api//admin', '/api/;/admin', '/api/%5cadmin', '/api/%2fadmin']) {
      expect((await on.ask({ target })).reply.status).toBe(400)
    }
    expect(on.sent).toEqual([])
    expect((await on.ask({ target: '/api/x%2Fadmin' })).reply.status).toBe(200)
  })

  test('F4: what goes to the upstream after a rewrite is a target that would be let in', async () => {
    const piece = fc.constantFrom('a', 'api', '/', '//', '..', '.', ';', '%2f', '%2e', '%5c', '\\', '?', '%61', 'x;y')
    const target = fc.array(piece, { maxLength: 8 }).map((pieces) => `/api${pieces.join('')}`)
    const on = stage({ routes: [route('api', '/api', [{ kind: 'rewrite', path: prefix('/') }])] })
    await fc.assert(
      fc.asyncProperty(target, async (text) => {
        try {
          readTarget(text)
        } catch {
          return
        }
        await on.ask({ target: text })
        for (const sent of on.sent.splice(0)) expect(() => readTarget(sent.target)).not.toThrow()
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('redirect', () => {
  async function location(action: Partial<RedirectAction>, part: Parameters<ReturnType<typeof stage>['ask']>[0] = {}) {
    const spec = {
      kind: 'redirect',
      status: 302,
      scheme: undefined,
      host: undefined,
      port: undefined,
      path: undefined,
    } as const
    const on = stage({ routes: [route('old', '/old', [], { action: { ...spec, ...action } })] })
    const { reply, exchange } = await on.ask({ target: '/old/x?y=1', ...part })
    expect(exchange.reason).toBe('redirect')
    expect(on.sent).toEqual([])
    return `${reply.status} ${headerValue(reply.headers, 'location')}`
  }

  test('says where, with scheme, host, port and path as the route has them', async () => {
    const onPort = { headers: ['Host', 'Shop.example.com:8080'] }
    expect(await location({ scheme: 'https' })).toBe('302 https://shop.example.com/old/x?y=1')
    expect(await location({ scheme: 'https' }, onPort)).toBe('302 https://shop.example.com/old/x?y=1')
    expect(await location({ host: 'new.example', status: 301 }, onPort)).toBe('301 http://new.example:8080/old/x?y=1')
    expect(await location({ port: 8443, scheme: 'https' })).toBe('302 https://shop.example.com:8443/old/x?y=1')
    expect(await location({ port: 443, scheme: 'https' })).toBe('302 https://shop.example.com/old/x?y=1')
    expect(await location({ path: prefix('/new') })).toBe('302 http://shop.example.com/new/x?y=1')
    expect(await location({ path: full('/'), status: 308 })).toBe('308 http://shop.example.com/?y=1')
  })

  test('F5: no path passes for a host', async () => {
    expect(await location({ path: prefix('/') }, { target: '/old//evil.example' })).toBe(
      '302 http://shop.example.com//evil.example',
    )
  })

  test('stands behind the route’s middleware', async () => {
    const spec = {
      kind: 'redirect',
      status: 302,
      scheme: 'https',
      host: undefined,
      port: undefined,
      path: undefined,
    } as const
    const middleware = [{ kind: 'session', session: 'default' } as const, { kind: 'login', at: '/login' } as const]
    const on = stage({ routes: [route('old', '/', middleware, { action: spec })] })
    expect((await on.ask({ headers: withHeaders() })).reply.status).toBe(401)
  })
})
