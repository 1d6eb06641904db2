import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { request } from '../testing/forward.ts'
import { readRequest } from '../testing/recorded-request.ts'
import { writeRequestHead } from './request-writer.ts'

const write = (part: Parameters<typeof request>[0]) => writeRequestHead(request(part), 'target:1')
const body = Readable.from([])

describe('framing', () => {
  test.each([
    ['GET', undefined, undefined, 'Connection: keep-alive\r\n'],
    ['GET', undefined, 0, 'Content-Length: 0\r\nConnection: keep-alive\r\n'],
    ['POST', undefined, undefined, 'Content-Length: 0\r\nConnection: keep-alive\r\n'],
    ['PUT', undefined, 0, 'Content-Length: 0\r\nConnection: keep-alive\r\n'],
    ['DELETE', undefined, undefined, 'Connection: keep-alive\r\n'],
    ['POST', body, 5, 'Content-Length: 5\r\nConnection: keep-alive\r\n'],
    ['POST', body, 0, 'Content-Length: 0\r\nConnection: keep-alive\r\n'],
    ['GET', body, undefined, 'Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n'],
  ] as const)('%s with body %s of length %s', (method, given, contentLength, framing) => {
    expect(write({ method, body: given, contentLength, headers: [] })).toBe(`${method} / HTTP/1.1\r\n${framing}\r\n`)
  })

  test('what the headers say of it, in any case and number, is not written', () => {
    const headers = [
      'content-LENGTH',
      '1',
      'Content-Length',
      '2',
      'tRANSFER-eNCODING',
      'x',
      'CONNECTION',
      'close',
      'UPGRADE',
      'h2c',
    ]
    expect(write({ headers, method: 'POST', body, contentLength: 3 })).toBe(
      'POST / HTTP/1.1\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n',
    )
  })

  test('Host of the target stands once, where the first Host stood', () => {
    const headers = ['A', '1', 'host', 'x', 'HOST', 'y']
    expect(write({ headers, hostFromTarget: true })).toContain('\r\nA: 1\r\nhost: target:1\r\nConnection')
  })
})

describe('what would not stay one line is refused, and nothing of it written', () => {
  test.each<[string, Parameters<typeof request>[0]]>([
    ['LF in a value', { headers: ['A', 'b\nX: y'] }],
    ['CRLF in a value', { headers: ['A', 'b\r\nX: y'] }],
    ['CR in a value', { headers: ['A', 'b\rc'] }],
    ['CR at the end of a value', { headers: ['A', 'b\r'] }],
    ['NUL in a value', { headers: ['A', 'b\0'] }],
    ['DEL in a value', { headers: ['A', '\x7f'] }],
    ['U+010A, which latin1 cuts to LF', { headers: ['A', 'b\u010aX: y'] }],
    ['U+010D U+010A', { headers: ['A', 'b\u010d\u010aX: y'] }],
    ['a character above U+00FF', { headers: ['A', '\u20ac'] }],
    ['LF in a name', { headers: ['A\nB', 'c'] }],
    ['CRLF in a name', { headers: ['A: b\r\nB', 'c'] }],
    ['an empty name', { headers: ['', 'c'] }],
    ['a name that begins with a space, a folded line', { headers: ['A', 'b', ' c', 'd'] }],
    ['two line breaks', { headers: ['A', 'b\r\n\r\nGET /evil HTTP/1.1'] }],
    ['a space in the target', { target: '/a b' }],
    ['CRLF in the target', { target: '/ HTTP/1.1\r\nX: y' }],
    ['a tab in the target', { target: '/a\tb' }],
    ['a character above U+00FF in the target', { target: '/\u010a' }],
    ['an empty target', { target: '' }],
    ['an empty method', { method: '' }],
    ['a space in the method', { method: 'GET /evil' }],
    ['CRLF in the method', { method: 'GET\r\nX' }],
    ['a length below 0', { body, contentLength: -1 }],
    ['a length that is no number', { body, contentLength: Number.NaN }],
    ['a broken length', { body, contentLength: 1.5 }],
    ['a length without a body', { contentLength: 5 }],
  ])('%s', (_, part) => {
    expect(() => write(part)).toThrow(expect.objectContaining({ code: 'internal', status: 500 }))
  })

  test('CONNECT', () => {
    expect(() => write({ method: 'CONNECT', target: 'a:1' })).toThrow(
      expect.objectContaining({ code: 'method-not-supported' }),
    )
  })

  test('the Host of a target counts as well', () => {
    expect(() => writeRequestHead(request({ hostFromTarget: true }), 'a\r\nX: y')).toThrow(/cannot be written/)
  })

  test('for any strings: either refused, or a reader finds exactly these headers and no more', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'B', '-', ' ', '\t', ':', '\r', '\n', '\0', '\xe9', '\u010a'),
      maxLength: 8,
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 4 }), (list) => {
        const given = list.flat()
        let head: string
        try {
          head = write({ headers: given })
        } catch {
          return
        }
        const found = readRequest(Buffer.from(head, 'latin1'))!
        expect(found.length).toBe(head.length)
        expect(found.request.headers).toHaveLength(given.length + 2)
      }),
      { numRuns: 2000 },
    )
  })
})
