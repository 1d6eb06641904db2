import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginExchange } from './begin.ts'
import { GatewayError } from './errors.ts'
import { headerValue, headerValues } from './headers.ts'
import { type CompiledListener, compileListener } from './listener.ts'
import type { RawRequest } from './raw-request.ts'
import { foldName } from './strip-aliases.ts'
import { listenerSpec, rawRequest } from './testing/requests.ts'

const open = compileListener(listenerSpec())
const behindProxy = compileListener(listenerSpec({ trustedProxies: ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'] }))

function refusal(part: Partial<RawRequest>, listener: CompiledListener = open): string | undefined {
  try {
    beginExchange(listener, rawRequest(part))
    return undefined
  } catch (error) {
    if (error instanceof GatewayError) return `${error.status} ${error.code}`
    throw error
  }
}

describe('Host', () => {
  test('has to be there once, and be a host', () => {
    expect(refusal({ headers: [] })).toBe('400 bad-host')
    expect(refusal({ headers: ['Host', 'a', 'host', 'a'] })).toBe('400 bad-host')
    expect(refusal({ headers: ['Host', 'a b'] })).toBe('400 bad-host')
    expect(refusal({ headers: ['Host', 'a, b'] })).toBe('400 bad-host')
    expect(refusal({ headers: ['Host', 'user@a'] })).toBe('400 bad-host')
    expect(refusal({ headers: ['Host', 'A.example.:81'] })).toBeUndefined()
  })

  test('may be missing in HTTP/1.0', () => {
    const exchange = beginExchange(open, rawRequest({ httpVersion: '1.0', headers: [] }))
    expect(exchange.request).toMatchObject({ authority: '', host: '' })
    expect(headerValue(exchange.outgoing.headers, 'x-forwarded-host')).toBeUndefined()
  })

  test('may not differ from :authority', () => {
    const http2 = { httpVersion: '2.0', authority: 'a.example' }
    expect(refusal({ ...http2, headers: ['host', 'b.example'] })).toBe('400 bad-host')
    expect(refusal({ ...http2, headers: ['host', 'a.example'] })).toBeUndefined()
    expect(refusal({ ...http2, headers: [] })).toBeUndefined()
  })

  test('stays in place when Connection names it', () => {
    const { outgoing } = beginExchange(
      open,
      rawRequest({ headers: ['Connection', 'host, x-a', 'Host', 'a', 'X-A', '1'] }),
    )
    expect(outgoing.headers.slice(0, 2)).toEqual(['Host', 'a'])
    expect(headerValue(outgoing.headers, 'x-a')).toBeUndefined()
  })
})

describe('the request target', () => {
  test.each(['http://a/b', 'https://a', 'a:443', '', 'b', '/a#b', '/a b', '/é'])('%j is refused', (target) => {
    expect(refusal({ target })).toBe('400 bad-target')
  })

  test('* is for OPTIONS alone', () => {
    expect(refusal({ method: 'OPTIONS', target: '*' })).toBeUndefined()
    expect(refusal({ method: 'GET', target: '*' })).toBe('400 bad-target')
  })

  test('CONNECT, TRACE and methods that HTTP/1 would not let in are not passed on', () => {
    expect(refusal({ method: 'CONNECT', target: 'a:443' })).toBe('400 bad-target')
    expect(refusal({ method: 'TRACE' })).toBe('501 method-not-supported')
    expect(refusal({ method: 'FOO', httpVersion: '2.0' })).toBe('400 bad-request')
  })
})

describe('F1: the framing', () => {
  test.each(['gzip, chunked', 'chunked, chunked', 'identity', 'foo', 'chunked;q=1', ''])(
    '%j is refused',
    (encoding) => {
      expect(refusal({ transferEncoding: encoding })).toBe('400 bad-framing')
    },
  )

  test('chunked in any case is taken, and not in HTTP/1.0', () => {
    expect(() => beginExchange(open, rawRequest({ transferEncoding: 'Chunked' }))).not.toThrow()
    expect(refusal({ transferEncoding: 'chunked', httpVersion: '1.0' })).toBe('400 bad-framing')
  })
})

describe('limits', () => {
  const limits = { headerBytes: 1000, headerCount: 10, targetBytes: 100 }
  const tight = compileListener(listenerSpec({ limits }))

  test('hold for the target, the number of headers and their bytes', () => {
    expect(refusal({ target: `/${'a'.repeat(99)}` }, tight)).toBeUndefined()
    expect(refusal({ target: `/${'a'.repeat(100)}` }, tight)).toBe('414 target-too-long')
    const headers = ['Host', 'a', ...Array.from({ length: 9 }, (_, i) => [`h${i}`, '']).flat()]
    expect(refusal({ headers }, tight)).toBeUndefined()
    expect(refusal({ headers: [...headers, 'x', ''] }, tight)).toBe('431 too-many-headers')
    expect(refusal({ headers: ['Host', 'a', 'Cookie', 'x'.repeat(990)] }, tight)).toBe('431 headers-too-large')
  })
})

describe('what goes on', () => {
  test('is without hop-by-hop headers, length and Expect', () => {
    const headers = ['Host', 'a', 'Connection', 'close, x-nominated', 'X-Nominated', '1', 'Content-Length', '3']
    headers.push(
      'Transfer_Encoding',
      'chunked',
      'Content.Length',
      '4',
      'Expect',
      '100-continue',
      'TE',
      'trailers',
      'Accept',
      '*/*',
    )
    const { outgoing } = beginExchange(open, rawRequest({ headers, contentLength: 3 }))
    expect(outgoing.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())).toEqual([
      'host',
      'accept',
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-forwarded-host',
      'x-forwarded-port',
      'forwarded',
      'x-request-id',
    ])
  })

  test('two lengths are refused', () => {
    expect(refusal({ headers: ['Host', 'a', 'Content-Length', '3', 'content-length', '3'] })).toBe('400 bad-framing')
    const headers = ['Host', 'a', 'Content-Length', '9007199254740993']
    expect(refusal({ headers, contentLength: Number(headers[3]) })).toBe('400 bad-framing')
  })

  test('Cookie headers are joined for us, and go on as they came', () => {
    const exchange = beginExchange(open, rawRequest({ headers: ['Host', 'a', 'Cookie', 'a=1', 'cookie', 'b=2'] }))
    expect(exchange.request.cookie).toBe('a=1; b=2')
    expect(headerValues(exchange.outgoing.headers, 'cookie')).toEqual(['a=1', 'b=2'])
  })

  test('a client certificate goes on where configured, and is never taken from the client', () => {
    const tls = {
      certificates: [],
      clientCertificates: { mode: 'request', ca: { from: 'value', value: '' }, forward: true },
    } as const
    const listener = compileListener(listenerSpec({ tls }))
    const certificate = Buffer.from('DER')
    const headers = ['Host', 'a', 'Client-Cert', ':forged:', 'client_cert_chain', 'forged']
    const names = (part: Partial<RawRequest>, on = listener) => {
      const { outgoing } = beginExchange(on, rawRequest({ headers, ...part }))
      return outgoing.headers.filter((_, i) => foldName(outgoing.headers[i & ~1]!).startsWith('client-cert'))
    }
    expect(names({ certificate })).toEqual(['Client-Cert', ':REVS:'])
    expect(names({})).toEqual([])
    expect(names({ certificate }, open)).toEqual([])
  })
})

describe('the request id', () => {
  test('is made here, new for each request', () => {
    const ids = new Set(Array.from({ length: 1000 }, () => beginExchange(open, rawRequest()).id))
    expect(ids.size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
  })

  test('is passed on from trusted proxies alone, and only when it is one', () => {
    const idOf = (given: string, peer: string) => {
      const exchange = beginExchange(behindProxy, rawRequest({ peer, headers: ['Host', 'a', 'X-Request-Id', given] }))
      expect(headerValues(exchange.outgoing.headers, 'x-request-id')).toEqual([exchange.id])
      return exchange.id
    }
    expect(idOf('abc.1-2_3', '10.0.0.1')).toBe('abc.1-2_3')
    expect(idOf('abc', '203.0.113.9')).not.toBe('abc')
    for (const bad of ['', 'a b', 'a"b', 'é', 'x'.repeat(129)]) expect(idOf(bad, '10.0.0.1')).not.toBe(bad)
  })
})

describe('F6: forwarded headers', () => {
  const clientOf = (peer: string, headers: string[]) =>
    beginExchange(behindProxy, rawRequest({ peer, headers: ['Host', 'shop.example:8443', ...headers] }))
  const outgoing = (peer: string, headers: string[], name: string) =>
    headerValues(clientOf(peer, headers).outgoing.headers, name)

  test('F6: an empty list of trusted proxies means nobody', () => {
    const headers = [
      'Host',
      'a',
      'X-Forwarded-For',
      '1.1.1.1',
      'X-Forwarded-Proto',
      'https',
      'Forwarded',
      'for=1.1.1.1',
    ]
    for (const peer of ['127.0.0.1', '::1', '10.0.0.1', '0.0.0.0']) {
      const { client, request } = beginExchange(open, rawRequest({ peer, headers }))
      expect(client).toMatchObject({ address: peer, trusted: false })
      expect(request.scheme).toBe('http')
    }
  })

  test('F6: a list is walked from the right, over trusted hops alone', () => {
    const address = (list: string, peer = '10.0.0.1') => clientOf(peer, ['X-Forwarded-For', list]).client.address
    expect(address('203.0.113.9')).toBe('203.0.113.9')
    expect(address('6.6.6.6, 203.0.113.9')).toBe('203.0.113.9')
    expect(address('6.6.6.6, 203.0.113.9, 10.0.0.7, 192.0.2.1')).toBe('203.0.113.9')
    expect(address('10.0.0.8, 10.0.0.7')).toBe('10.0.0.8')
    expect(address('6.6.6.6, unknown, 10.0.0.7')).toBe('10.0.0.7')
    expect(address('6.6.6.6,')).toBe('10.0.0.1')
    expect(address('203.0.113.9:4711')).toBe('203.0.113.9')
    expect(address('[2001:DB8::7]:4711, 2001:db8::8')).toBe('2001:db8::7')
    expect(address('::ffff:203.0.113.9')).toBe('203.0.113.9')
    expect(address('203.0.113.9', '::ffff:10.0.0.1')).toBe('203.0.113.9')
    expect(address('6.6.6.6', '203.0.113.1')).toBe('203.0.113.1')
  })

  test('F6: several headers are one list', () => {
    const { client } = clientOf('10.0.0.1', ['X-Forwarded-For', '6.6.6.6', 'x-forwarded-for', '203.0.113.9'])
    expect(client.address).toBe('203.0.113.9')
  })

  test('F6: what stands left of the client is its own claim, and goes no further', () => {
    expect(outgoing('10.0.0.1', ['X-Forwarded-For', '6.6.6.6, 203.0.113.9, 10.0.0.7'], 'x-forwarded-for')).toEqual([
      '203.0.113.9, 10.0.0.7, 10.0.0.1',
    ])
    expect(outgoing('203.0.113.1', ['X-Forwarded-For', '6.6.6.6'], 'x-forwarded-for')).toEqual(['203.0.113.1'])
  })

  test('F6: Forwarded is read where there is no X-Forwarded-For, and written with it', () => {
    const forwarded =
      'for=6.6.6.6, for="[2001:db9::1]:99";proto=https;host="pub.example", for=10.0.0.7;proto=https;host=in.example'
    const { client, request, outgoing } = clientOf('10.0.0.1', ['Forwarded', forwarded])
    expect(client.address).toBe('2001:db9::1')
    expect(request.scheme).toBe('https')
    expect(headerValues(outgoing.headers, 'forwarded')).toEqual([
      'for="[2001:db9::1]";host="pub.example";proto=https, for=10.0.0.7, for=10.0.0.1',
    ])
    expect(clientOf('10.0.0.1', ['Forwarded', 'for="6.6.6.6']).client.address).toBe('10.0.0.1')
  })

  test.each([
    ['the element of the client', 'for=6.6.6.6;host=shop.pub;proto=https, for=10.0.0.3', 'https', 'shop.pub'],
    [
      'it, over elements nearer',
      'for=6.6.6.6;host=shop.pub;proto=https, for=10.0.0.3;host=in;proto=http',
      'https',
      'shop.pub',
    ],
    ['the next one where it says nothing', 'for=6.6.6.6, for=10.0.0.3;host=shop.pub;proto=https', 'https', 'shop.pub'],
    ['no claim of the client', 'for=1.1.1.1;host=evil;proto=https, for=6.6.6.6', 'http', 'shop.example:8443'],
    ['no claim beside it', 'host=evil;proto=https, for=6.6.6.6;host=shop.pub, for=10.0.0.3', 'http', 'shop.pub'],
    ['no claim behind a hidden name', 'host=evil;proto=https, for=_hidden;host=shop.pub', 'http', 'shop.pub'],
    ['no claim behind no name', 'host=evil;proto=https, host=shop.pub', 'http', 'shop.pub'],
    [
      'the one that every proxy of the row is trusted up to',
      'for=10.0.0.9;host=a.pub, for=10.0.0.3;host=b',
      'http',
      'a.pub',
    ],
    ['none of a malformed one', 'for=6.6.6.6;host=shop.pub;proto=https, for="', 'http', 'shop.example:8443'],
  ])('F6: scheme and host of Forwarded are those of %s', (_whose, forwarded, scheme, host) => {
    const given = ['Forwarded', forwarded]
    expect(clientOf('10.0.0.1', given).request.scheme).toBe(scheme)
    expect(outgoing('10.0.0.1', given, 'x-forwarded-proto')).toEqual([scheme])
    expect(outgoing('10.0.0.1', given, 'x-forwarded-host')).toEqual([host])
    expect(outgoing('203.0.113.1', given, 'x-forwarded-host')).toEqual(['shop.example:8443'])
  })

  test.each([
    ['X-Forwarded-For', '203.0.113.9'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', 'shop.example:8443'],
    ['X-Forwarded-Port', '8443'],
  ])('F6: beside %s, Forwarded says nothing: it may be what the client sent', (name, value) => {
    const given = [name, value, 'Forwarded', 'for=6.6.6.6;host=evil;proto=https']
    const { client, request } = clientOf('10.0.0.1', given)
    expect([client.address, request.scheme]).toEqual([name === 'X-Forwarded-For' ? value : '10.0.0.1', 'http'])
    expect(outgoing('10.0.0.1', given, 'x-forwarded-host')).toEqual(['shop.example:8443'])
  })

  test('F6: scheme, host and port come from trusted proxies, the last value of each, when it is one', () => {
    const given = ['X-Forwarded-Proto', 'http, HTTPS', 'X-Forwarded-Host', 'evil, shop.pub', 'X-Forwarded-Port', '444']
    const trusted = clientOf('10.0.0.1', given)
    expect(trusted.request.scheme).toBe('https')
    expect(trusted.request.authority).toBe('shop.example:8443')
    expect(outgoing('10.0.0.1', given, 'x-forwarded-host')).toEqual(['shop.pub'])
    expect(outgoing('10.0.0.1', given, 'x-forwarded-port')).toEqual(['444'])
    expect(outgoing('9.9.9.9', given, 'x-forwarded-host')).toEqual(['shop.example:8443'])
    expect(outgoing('9.9.9.9', given, 'x-forwarded-port')).toEqual(['8443'])
    expect(outgoing('9.9.9.9', given, 'x-forwarded-proto')).toEqual(['http'])
    const bad = ['X-Forwarded-Proto', 'javascript', 'X-Forwarded-Host', 'a b', 'X-Forwarded-Port', 'x']
    expect(outgoing('10.0.0.1', bad, 'x-forwarded-host')).toEqual(['shop.example:8443'])
    expect(outgoing('10.0.0.1', bad, 'x-forwarded-port')).toEqual(['8443'])
    expect(clientOf('10.0.0.1', bad).request.scheme).toBe('http')
    for (const port of ['0', '65536', '99999', '-1', '+1', '08', '1e3', '']) {
      expect(outgoing('10.0.0.1', ['X-Forwarded-Port', port], 'x-forwarded-port')).toEqual(['8443'])
    }
  })

  test('F6: of everything that speaks for a proxy, only what the gateway wrote goes on, in any spelling', () => {
    const families = [
      'Forwarded',
      'X-Forwarded',
      'X-Forwarded-Prefix',
      'X-Forwarded-Uri',
      'X-Forwarded-User',
      'X-Real-Ip',
    ]
    families.push(
      'X-Original-Url',
      'X-Original-Method',
      'X-Rewrite-Url',
      'Client-Cert',
      'Client-Cert-Chain',
      'X-Request-Id',
    )
    families.push('X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Proto', 'X-Real-Port')
    const spelled = fc
      .tuple(fc.constantFrom(...families), fc.array(fc.nat(3), { minLength: 20, maxLength: 20 }))
      .map(([name, how]) => [...name].map((letter, i) => spell(letter, how[i]!)).join(''))
    const peer = fc.constantFrom('10.0.0.1', '203.0.113.1')
    const ours = [
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-forwarded-host',
      'x-forwarded-port',
      'forwarded',
      'x-request-id',
    ].toSorted()
    fc.assert(
      fc.property(fc.array(spelled, { maxLength: 8 }), peer, (names, from) => {
        const claimed = names.flatMap((name) => [name, 'forged value'])
        const { headers } = clientOf(from, claimed).outgoing
        const written = headers.filter((_, i) => i >= 2 && i % 2 === 0).map(foldName)
        expect(written.toSorted()).toEqual(ours)
        expect(headers.join('\n')).not.toContain('forged')
      }),
      { numRuns: 20_000 },
    )

    function spell(letter: string, how: number): string {
      if (letter === '-') return ['-', '_', '.', '-'][how]!
      return how % 2 === 0 ? letter : letter.toUpperCase()
    }
  })

  test('F6: a list of any length and content is read in bounded time and gives an address', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789.:,[]"; =abf\\unkow_') }),
        fc.boolean(),
        (list, old) => {
          const { client } = clientOf('10.0.0.1', [old ? 'X-Forwarded-For' : 'Forwarded', list])
          expect(client.address).toMatch(/^[0-9a-f.:]+$/)
        },
      ),
      { numRuns: 20_000 },
    )
    const { client, outgoing } = clientOf('10.0.0.1', ['X-Forwarded-For', '10.0.0.2,'.repeat(1000).slice(0, -1)])
    expect(client.address).toBe('10.0.0.2')
    expect(headerValue(outgoing.headers, 'x-forwarded-for')!.split(',').length).toBe(32)
  })
})

describe('compileListener', () => {
  test.each(['10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', 'proxy', '', '::/129'])('refuses the range %j', (range) => {
    expect(() => compileListener(listenerSpec({ trustedProxies: [range] }))).toThrow(TypeError)
  })
})
