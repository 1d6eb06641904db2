import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaults } from './defaults.ts'
import { contradictionOf, parseRedisUrl, redisUrlPattern, storeOfUrl, systemTls } from './redis-url.ts'
import type { RedisStoreSpec } from './store-spec.ts'

const none = { tls: false, username: undefined, password: undefined, database: 0 }
const local = { host: 'localhost', port: 6379 }

describe('parseRedisUrl()', () => {
  test.each([
    ['redis://localhost', { ...none, node: local }],
    ['REDIS://LOCALHOST', { ...none, node: local }],
    ['valkey://localhost/', { ...none, node: local }],
    ['rediss://localhost:6380', { ...none, tls: true, node: { ...local, port: 6380 } }],
    ['valkeys://localhost/15', { ...none, tls: true, node: local, database: 15 }],
    ['redis://:secret@localhost', { ...none, node: local, password: 'secret' }],
    ['redis://shop:a:b@localhost', { ...none, node: local, username: 'shop', password: 'a:b' }],
    [
      'redis://s%40p:%2F%3F%23%25%C3%A4@[fd00::7]:1/65535',
      { ...none, node: { host: 'fd00::7', port: 1 }, username: 's@p', password: '/?#%ä', database: 65_535 },
    ],
  ])('%s', (text, value) => {
    expect(parseRedisUrl(text)).toEqual({ ok: true, value })
    expect(text).toMatch(new RegExp(redisUrlPattern, 'i'))
  })

  test.each([
    ['', 'begins with'],
    ['localhost:6379', 'begins with'],
    ['http://localhost', 'begins with'],
    ['redis:/localhost', 'begins with'],
    ['redis+sentinel://localhost', 'begins with'],
    ['unix:///run/redis.sock', 'begins with'],
    [' redis://localhost', 'begins with'],
    ['redis://', 'names no host'],
    ['redis://:6379', 'names no host'],
    ['redis:///2', 'names no host'],
    ['redis://:pw@', 'names no host'],
    ['redis://local host', 'white space'],
    ['redis://localhost\n', 'white space'],
    ['redis://localhost\u0000', 'control character'],
    ['redis://localhost\u00a0', 'white space'],
    ['redis://localhost?db=2', '"?"'],
    ['redis://localhost/0?tls=false', '"?"'],
    ['redis://:a?b@localhost', '"?"'],
    ['redis://:a#b@localhost', '"#"'],
    ['redis://:a/b@localhost', '"/"'],
    ['redis://:a@b@localhost', 'must be encoded'],
    ['redis://:[a]@localhost', 'must be encoded'],
    ['redis://:%zz@localhost', '"%"'],
    ['redis://:%C3@localhost', '"%"'],
    ['redis://shop@localhost', 'without a password'],
    ['redis://shop:@localhost', 'without a password'],
    ['redis://@localhost', 'without a password'],
    ['redis://a:1,b:2', 'several hosts'],
    ['redis://localhost:0', 'port'],
    ['redis://localhost:65536', 'port'],
    ['redis://localhost/x', 'database'],
    ['redis://localhost/-1', 'database'],
    ['redis://localhost/65536', 'database'],
    ['redis://localhost/0/1', 'database'],
    ['redis://localhost//', 'database'],
    ['redis://10.0.0.256', 'names no host'],
    ['redis://::1:6379', 'is not a host'],
    [`redis://${'a'.repeat(4096)}`, 'longer'],
  ])('%j is refused', (text, problem) => {
    expect(parseRedisUrl(text)).toMatchObject({ ok: false, problem: expect.stringContaining(problem) })
  })

  test('undoes the encoding of any name and password', () => {
    const secret = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.constantFrom('redis', 'a.example.com'),
    )
    const port = fc.integer({ min: 1, max: 65_535 })
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.oneof(fc.constant(''), secret),
        secret,
        host,
        port,
        port,
        (tls, user, password, host, port, database) => {
          const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
          const text = `redis${tls ? 's' : ''}://${credentials}@${host}:${port}/${database}`
          const value = {
            tls,
            node: { host: host.replace(/[[\]]/g, ''), port },
            username: user || undefined,
            password,
            database,
          }
          expect(parseRedisUrl(text)).toEqual({ ok: true, value })
        },
      ),
    )
  })

  test('says nothing of a URL that is refused but what is wrong with it', () => {
    const hostile = fc.stringMatching(/^[a-z0-9:/@?#%[\].,-]{0,30}$/)
    fc.assert(
      fc.property(hostile, (rest) => {
        const result = parseRedisUrl(`redis://:QZX${rest}QZX@h${rest}`)
        if (!result.ok) expect(result.problem + result.remedy).not.toContain('QZX')
        else expect(result.value.password).toMatch(/^QZX/)
      }),
    )
  })
})

describe('storeOfUrl()', () => {
  const spec: RedisStoreSpec = {
    kind: 'redis',
    name: 'main',
    deployment: { kind: 'url', url: { from: 'env', name: 'REDIS_URL' } },
    auth: undefined,
    tls: undefined,
    timeouts: defaults.redis.timeouts,
    cache: undefined,
    durability: undefined,
  }
  const auth = { username: 'shop', password: { from: 'env', name: 'P' } } as const

  const urlOf = (text: string) => {
    const url = parseRedisUrl(text)
    if (!url.ok) throw new Error(url.problem)
    return url.value
  }

  test('is the store that could be written without a URL', () => {
    expect(storeOfUrl(spec, urlOf('rediss://shop:pw@redis/2'))).toEqual({
      ...spec,
      deployment: { kind: 'standalone', node: { host: 'redis', port: 6379 }, database: 2 },
      auth: { username: 'shop', password: { from: 'value', value: 'pw' } },
      tls: systemTls,
    })
  })

  test('keeps what stands beside the URL', () => {
    const tls = { ...systemTls, serverName: 'redis.internal' }
    expect(storeOfUrl({ ...spec, auth, tls }, urlOf('valkeys://redis'))).toMatchObject({ auth, tls })
  })

  test.each([
    ['two passwords', { auth }, 'redis://:pw@redis', true],
    ['a password beside the URL', { auth }, 'redis://redis', false],
    ['plain TCP with settings of TLS', { tls: systemTls }, 'redis://redis', true],
    ['TLS with settings of TLS', { tls: systemTls }, 'rediss://redis', false],
  ])('%s', (_, beside, url, contradicts) => {
    expect(contradictionOf(urlOf(url), beside) !== undefined).toBe(contradicts)
  })
})
