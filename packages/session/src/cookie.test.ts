import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clearCookies, readCookies, resolveCookie, serializeCookie, setCookies } from './cookie.ts'

const name = '__Host-session'
const read = (header: string | undefined, maxParts = 3) => readCookies(header, name, maxParts)
/** What a browser sends back for these Set-Cookie values. */
const cookieHeader = (setCookie: readonly string[]) =>
  setCookie
    .filter((line) => !line.includes('Max-Age=0'))
    .map((line) => line.split('; ')[0])
    .join('; ')
const octet = fc.mapToConstant(
  { num: 26, build: (n) => String.fromCharCode(97 + n) },
  { num: 10, build: (n) => String.fromCharCode(48 + n) },
  { num: 4, build: (n) => '._-~'[n]! },
)
const cookieValue = (maxLength: number) => fc.string({ unit: octet, minLength: 1, maxLength })

test('a value that reads as whole from parts is one that was written in parts', () => {
  // Only a set of parts of which every one is as written gives a value: any change of any part gives none.
  const written = setCookies(resolveCookie(), 'abcdefgh'.repeat(1000), { maxParts: 3 })
  const header = cookieHeader(written)
  fc.assert(
    fc.property(fc.nat(header.length - 1), octet, (at, replaced) => {
      fc.pre(header[at] !== replaced)
      expect(read(header.slice(0, at) + replaced + header.slice(at + 1)).values).toEqual([])
    }),
    { numRuns: 2000 },
  )
})

test('what was set is read again, whole or in parts, with foreign cookies around it', () => {
  const cookie = resolveCookie()
  fc.assert(
    fc.property(cookieValue(20), fc.nat(700), cookieValue(10), (seed, times, foreign) => {
      const value = seed.repeat(times + 1).slice(0, 12_000)
      const header = `a=${foreign}; ${cookieHeader(setCookies(cookie, value, { maxParts: 3 }))}; b=${foreign}`
      expect(read(header)).toMatchObject({ values: [value], rejected: undefined })
    }),
  )
})

test('parts are joined in any order, and every cookie keeps to 4096 bytes of name and value', () => {
  const value = 'v'.repeat(9000)
  const set = setCookies(resolveCookie(), value, { maxParts: 3 })
  const pairs = cookieHeader(set).split('; ')
  const lengths = pairs.map((pair) => pair.length - '='.length)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(4096)
  expect(lengths.filter((length) => length > 4090).length).toBe(2)
  expect(read([pairs[2], pairs[0], pairs[1]].join('; '))).toEqual({
    values: [value],
    present: 0b1110,
    rejected: undefined,
  })
})

test('parts of two values that came mixed give no value; both complete give both', () => {
  const set = (letter: string) =>
    cookieHeader(setCookies(resolveCookie(), letter.repeat(7000), { maxParts: 3 })).split('; ')
  const [a, b] = [set('a'), set('b')]
  expect(read(`${a[0]}; ${b[1]}`)).toEqual({ values: [], present: 0b110, rejected: 'malformed' })
  expect(read([...a, ...b].join('; ')).values).toEqual(['a'.repeat(7000), 'b'.repeat(7000)])
  expect(read(`${a[0]}; ${b[0]}; ${b[1]}`)).toMatchObject({ values: ['b'.repeat(7000)], rejected: 'malformed' })
})

test('a part under the number of another does not belong', () => {
  const [first, second] = cookieHeader(setCookies(resolveCookie(), 'ab'.repeat(3500), { maxParts: 3 })).split('; ')
  const swapped = `${first?.replace('.1=', '.2=')}; ${second?.replace('.2=', '.1=')}`
  expect(read(swapped)).toMatchObject({ values: [], rejected: 'malformed' })
})

test('more parts than may be are told as oversized', () => {
  const header = cookieHeader(setCookies(resolveCookie(), 'a'.repeat(9000), { maxParts: 3 }))
  expect(read(header, 2)).toEqual({ values: [], present: 0b1110, rejected: 'oversized' })
})

test('a value that needs more parts than may be is refused, and says what to do', () => {
  const error = expect.objectContaining({
    code: 'ERR_COOKIE_TOO_LARGE',
    message: expect.stringMatching(/4 cookies.*maxParts/),
  })
  expect(() => setCookies(resolveCookie(), 'a'.repeat(13_000), { maxParts: 3 })).toThrow(error)
  expect(() => setCookies(resolveCookie(), 'a'.repeat(4096))).toThrow(
    expect.objectContaining({ code: 'ERR_COOKIE_TOO_LARGE' }),
  )
})

test('what a browser still holds of an older value is cleared with the new one', () => {
  const cookie = resolveCookie()
  const names = (lines: readonly string[]) =>
    lines.map((line) => `${line.split('=')[0]}${line.includes('Max-Age=0') ? ' gone' : ''}`)
  expect(names(setCookies(cookie, 'short', { present: 0b11111 }))).toEqual([
    name,
    ...[1, 2, 3, 4].map((index) => `${name}.${index} gone`),
  ])
  expect(names(setCookies(cookie, 'a'.repeat(5000), { maxParts: 3, present: 0b11101 }))).toEqual([
    `${name}.1`,
    `${name}.2`,
    `${name} gone`,
    `${name}.3 gone`,
    `${name}.4 gone`,
  ])
  expect(names(clearCookies(cookie))).toEqual([`${name} gone`])
  expect(names(clearCookies(cookie, 0b110))).toEqual([`${name}.1 gone`, `${name}.2 gone`])
})

test('a cleared cookie names the place and the flags under which it was set', () => {
  expect(clearCookies(resolveCookie())).toEqual([
    `${name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
  ])
})

test('Max-Age is the time left, rounded up to a second, between one second and 400 days; only with expires: lifetime', () => {
  const lasting = resolveCookie({ expires: 'lifetime' })
  const maxAge = (remaining: number) => /; Max-Age=(\d+)$/.exec(serializeCookie(lasting, 'x', remaining))?.[1]
  expect([1, 999, 1000, 1001, 3_600_000].map(maxAge)).toEqual(['1', '1', '1', '2', '3600'])
  expect([-5, 0].map(maxAge)).toEqual(['1', '1'])
  expect([1e15, Number.POSITIVE_INFINITY].map(maxAge)).toEqual(['34560000', '34560000'])
  expect(serializeCookie(resolveCookie(), 'x', 5000)).toBe(`${name}=x; Path=/; Secure; HttpOnly; SameSite=Lax`)
})

test('a value that would break out of its cookie is refused', () => {
  for (const value of ['a;b', 'a b', 'a\r\nSet-Cookie: x=y', 'a"b', 'a,b', 'a\\b', 'ä', 'a\0']) {
    expect(() => serializeCookie(resolveCookie(), value)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    )
  }
})

test('rule 8: HttpOnly, Secure, SameSite=Lax, Path=/ and __Host- by default, where they can hold', () => {
  expect(serializeCookie(resolveCookie(), 'x')).toBe('__Host-session=x; Path=/; Secure; HttpOnly; SameSite=Lax')
  expect(resolveCookie({ path: '/app' }).name).toBe('session')
  expect(resolveCookie({ domain: 'example.com' }).name).toBe('session')
  expect(resolveCookie({ secure: false }).name).toBe('session')
  expect(serializeCookie(resolveCookie({ domain: '.example.com', sameSite: 'Strict', httpOnly: false }), 'x')).toBe(
    'session=x; Path=/; Domain=example.com; Secure; SameSite=Strict',
  )
})

test.each([
  ['SameSite=None without Secure', { sameSite: 'None', secure: false }, /browsers drop/],
  ['__Host- without Secure', { name: '__Host-s', secure: false }, /__Host-/],
  ['__Host- with a path', { name: '__Host-s', path: '/a' }, /__Host-/],
  ['__Host- with a domain', { name: '__Host-s', domain: 'a.b' }, /__Host-/],
  ['__host- in any case, as browsers see it', { name: '__hOsT-s', path: '/a' }, /__Host-/],
  ['__Secure- without Secure', { name: '__Secure-s', secure: false }, /secure/],
  ['__Http- without HttpOnly', { name: '__Http-s', httpOnly: false }, /httpOnly/],
  ['__Host-Http- without HttpOnly', { name: '__Host-Http-s', httpOnly: false }, /httpOnly/],
  ['a name with a blank', { name: 'a b' }, /name/],
  ['a name with an equals sign', { name: 'a=b' }, /name/],
  ['an empty name', { name: '' }, /name/],
  ['a name beyond ASCII', { name: 'séance' }, /name/],
  ['a name of 129 letters', { name: 'a'.repeat(129) }, /name/],
  ['a name like that of a part', { name: 'session.1' }, /part/],
  ['a path without a slash', { path: 'a' }, /path/],
  ['a path with a semicolon', { path: '/a;Domain=x' }, /path/],
  ['a path with a newline', { path: '/a\r\nX: y' }, /path/],
  ['a domain with a semicolon', { domain: 'a.b;Path=/' }, /domain/],
  ['a domain with a port', { domain: 'a.b:80' }, /domain/],
  ['an empty domain', { domain: '' }, /domain/],
  ['an unknown SameSite', { sameSite: 'lax' as 'Lax' }, /sameSite/],
  ['an unknown expires', { expires: 'never' as 'browser' }, /expires/],
] as const)('%s is refused', (_, options, words) => {
  expect(() => resolveCookie(options)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(words) }),
  )
})
