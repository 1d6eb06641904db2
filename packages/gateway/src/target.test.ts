import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from './errors.ts'
import { canonicalPath, readTarget, wirePath } from './target.ts'

function refusal(target: string): string | undefined {
  try {
    readTarget(target)
    return undefined
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
}

describe('readTarget', () => {
  test.each([
    ['/', '/', ''],
    ['/a/b', '/a/b', ''],
    ['/a?b=c?d', '/a', 'b=c?d'],
    ['/a?', '/a', ''],
    ['/%61%2D%7e', '/a-~', ''],
    ['/%40scope/%20x', '/@scope/ x', ''],
    ['/caf%c3%a9', '/caf%C3%A9', ''],
    ['/.well-known/x', '/.well-known/x', ''],
    ['/a...b/...', '/a...b/...', ''],
    ['/a?x=%&y=%zz&z=/../', '/a', 'x=%&y=%zz&z=/../'],
  ])('reads %s', (target, path, query) => {
    expect(readTarget(target)).toEqual({ path, query, readings: undefined })
  })

  test.each(['/%e2%82%ac', '/%e0%a4%b9', '/%f0%9f%98%80', '/%e0%82', '/%c3%a0', '/%u12', '/%uxyz0', '/u002e'])(
    'takes %s, which is neither overlong nor a wide escape',
    (target) => expect(refusal(target)).toBeUndefined(),
  )

  test('takes a % that starts no escape literally, whatever a lenient server makes of it', () => {
    expect(readTarget('/%zz')).toMatchObject({ path: '/%25zz' })
    expect(readTarget('/100%/x')).toMatchObject({ path: '/100%25/x' })
    expect(refusal('/a/%%32%65%%32%65/b')).toBe('ambiguous-target')
  })

  test.each([
    '',
    '*',
    'a',
    'http://a/b',
    'a:443',
    '/a#b',
    '/a?b#c',
    '/a b',
    '/a\tb',
    '/a\r\nX: y',
    '/a\0',
    '/a?\x7f',
    '/é',
    '/a?é',
    '/a%00',
    '/a%00/../b',
    '/a/%c0%ae%c0%ae/b',
    '/a%C0%AFb',
    '/a/%25c0%25ae',
    '/a/%e0%80%ae%e0%80%ae/b',
    '/a%E0%80%AFb',
    '/a%e0%81%9cb',
    '/a/%f0%80%80%ae/b',
    '/a%f0%80%80%afb',
    '/a%f8%80%80%80%afb',
    '/a%fc%80%80%80%80%afb',
    '/a/%25e0%2580%25ae/b',
    '/a/%u002e%u002e/b',
    '/a%u002fb',
    '/a%U005cb',
    '/a%uff0fb',
    '/%u0061dmin',
    '/a%25u002fb',
  ])('refuses %j as bad-target', (target) => {
    expect(refusal(target)).toBe('bad-target')
  })

  test.each([
    '/.',
    '/..',
    '/a/.',
    '/a/..',
    '/a/./b',
    '/a/../b',
    '/../etc',
    '/a/..?x',
    '/%2e',
    '/%2E%2e/a',
    '/.%2e/a',
    '/a/%2e%2e%2fb',
    '/a%2f..%2fb',
    '/a%2F.%2Fb',
    '/a\\..\\b',
    '/a/..\\b',
    '/a%5c..%5Cb',
    '/a/..;x=y/b',
    '/a/.;/b',
    '/a/..;',
    '/a/%2e%2e;x/b',
    '/a/..%3bx/b',
    '/a/%252e%252e/b',
    '/a/%25252e./b',
    '/a%252f..%252fb',
    '/a;%2f../b',
    '/a/..%3f',
    '/a/..%23x',
    '/a//../b',
  ])('refuses %s as ambiguous-target', (target) => {
    expect(refusal(target)).toBe('ambiguous-target')
  })

  test.each([
    ['/a//b', ['/a/b']],
    ['/a%2Fb', ['/a/b']],
    ['/a%5Cb', ['/a\\b', '/a/b']],
    ['/a\\b', ['/a/b']],
    ['/a;x=1/b', ['/a/b']],
    ['/;/b', ['//b', '/b']],
    ['/what%3F', ['/what']],
    ['/100%25', undefined],
    ['/%2541', ['/A']],
  ])('reads %s in other ways, as lenient servers do', (target, readings) => {
    expect(readTarget(target).readings).toEqual(readings)
  })
})

describe('canonicalPath', () => {
  test('leaves a canonical path as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const path = canonicalPath(`/${text}`)
        expect(canonicalPath(path)).toBe(path)
      }),
      { numRuns: 10_000 },
    )
  })

  test('is the same for a configured path and for what a client makes of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const configured = `/${text.replace(/[%\\]/g, '')}`
        fc.pre(refusal(wirePath(configured)) === undefined)
        expect(readTarget(wirePath(configured)).path).toBe(canonicalPath(configured))
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('F4: one reading of the target', () => {
  const piece = fc.constantFrom(
    ...[
      'a',
      'admin',
      'b',
      '.',
      '..',
      '/',
      '//',
      '\\',
      ';',
      ';x=1',
      '%2f',
      '%2F',
      '%5c',
      '%2e',
      '%2E',
      '%252e',
      '%252f',
    ],
    ...[
      '%61',
      '%25',
      '%3b',
      '%3f',
      '%23',
      '?',
      '#',
      '%00',
      '%c0%af',
      '%c0%ae',
      '%e0%80%ae',
      '%u002e',
      '%20',
      '~',
      '@',
      '%40',
      '%',
      'é',
      '\0',
      ' ',
    ],
  )
  const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

  /** Lenient servers, each with a reading of its own, written without a look at ours. */
  const servers: ((path: string) => string[])[] = [
    (path) => segments(decode(path)),
    (path) => segments(decode(path).replaceAll('\\', '/')),
    (path) => segments(decode(path.replace(/;[^/]*/g, ''))),
    (path) => segments(decode(path).replace(/;[^/]*/g, '')),
    (path) => segments(decode(decode(path))),
    (path) => segments(decode(decode(path)).replaceAll('\\', '/')),
    (path) => segments(decode(path).split(/[?#]/)[0]!),
    (path) => segments(decode(path.replaceAll('\\', '/'))),
  ]

  test('F4: what no lenient server resolves dots in passes, what any does is refused', () => {
    fc.assert(
      fc.property(target, (text) => {
        const code = refusal(text)
        const dots = servers.some((read) =>
          read(text.split('?')[0]!).some((segment) => segment === '.' || segment === '..'),
        )
        if (dots) expect(code).toBeDefined()
      }),
      { numRuns: 50_000 },
    )
  })

  test('F4: every reading of a lenient server is among ours', () => {
    fc.assert(
      fc.property(target, (text) => {
        if (refusal(text) !== undefined) return
        const { path, readings = [] } = readTarget(text)
        const ours = new Set([path, ...readings].map((reading) => segments(decode(reading)).join('/')))
        for (const read of servers) expect(ours).toContain(read(text.split('?')[0]!).join('/'))
      }),
      { numRuns: 50_000 },
    )
  })

  test('F4: the work for one path is bounded, however it is made', () => {
    for (const part of [
      '%25',
      '%252525',
      ';a/%5c',
      '/;',
      '%2f%5c;',
      '\\\\',
      '%25%32%35',
      '%3f%23%00a',
      'a/;%2525%253b',
    ]) {
      const path = `/${part.repeat(Math.floor(8190 / part.length))}`
      const before = process.cpuUsage()
      refusal(path)
      const { user, system } = process.cpuUsage(before)
      expect((user + system) / 1000).toBeLessThan(100)
    }
  })

  function decode(path: string): string {
    return path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  }

  /** As servers that merge slashes do; what is left tells two paths apart. */
  function segments(path: string): string[] {
    return path.split('/').filter((segment) => segment !== '')
  }
})
