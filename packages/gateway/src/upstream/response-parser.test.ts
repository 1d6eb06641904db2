import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HeaderList } from '../headers.ts'
import { type Asked, bytes, ok, type Reading, read, readText } from '../testing/reading.ts'
import { chunked, untilClose } from './response-head.ts'
import { ResponseParser } from './response-parser.ts'

const chunkedHead = `${ok}Transfer-Encoding: chunked\r\n\r\n`

describe('a response that is right', () => {
  test.each<[string, string, Asked, Partial<Reading>]>([
    ['with a length', `${ok}Content-Length: 2\r\n\r\nhi`, {}, { body: 'hi', ended: true, persistent: true }],
    ['of length 0', `${ok}Content-Length: 0\r\n\r\n`, {}, { body: '', length: 0, ended: true, persistent: true }],
    [
      'chunked',
      `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n`,
      {},
      { body: 'hiyou', ended: true },
    ],
    [
      'CHUNKED',
      `${ok}transfer-encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n`,
      {},
      { body: '0123456789', ended: true },
    ],
    [
      'with chunk extensions',
      `${ok}Transfer-Encoding: chunked\r\n\r\n2;a=b;c="d e"\r\nhi\r\n0;x\r\n\r\n`,
      {},
      { body: 'hi', ended: true },
    ],
    [
      'with leading zeros in a chunk size',
      `${ok}Transfer-Encoding: chunked\r\n\r\n0002\r\nhi\r\n000\r\n\r\n`,
      {},
      { body: 'hi', ended: true },
    ],
    [
      'with trailers',
      `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nx-é: 2\r\n\r\n`.replace('é', 'e'),
      {},
      { ended: true, trailers: ['X-Sum', '1', 'x-e', '2'] },
    ],
    [
      'ended by the connection',
      `${ok}\r\nhi`,
      { closes: true },
      { body: 'hi', length: untilClose, ended: true, persistent: false },
    ],
    ['ended by a connection that is still open', `${ok}\r\nhi`, {}, { body: 'hi', ended: false }],
    [
      'in HTTP/1.0',
      'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      {},
      { body: 'hi', ended: true, persistent: false },
    ],
    ['that closes', `${ok}Content-Length: 0\r\nConnection: Close\r\n\r\n`, {}, { ended: true, persistent: false }],
    [
      'that closes, in a list',
      `${ok}Content-Length: 0\r\nConnection: x, close\r\n\r\n`,
      {},
      { ended: true, persistent: false },
    ],
    [
      'to HEAD, with the length of the body it does not have',
      `${ok}Content-Length: 5\r\n\r\n`,
      { method: 'HEAD' },
      { length: 0, ended: true, persistent: true },
    ],
    [
      'to HEAD, chunked',
      `${ok}Transfer-Encoding: chunked\r\n\r\n`,
      { method: 'HEAD' },
      { length: 0, ended: true, persistent: true },
    ],
    ['to HEAD, with neither', `${ok}\r\n`, { method: 'HEAD' }, { length: 0, ended: true, persistent: true }],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', {}, { length: 0, ended: true, persistent: true }],
    [
      '304 with a length',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      {},
      { length: 0, ended: true, persistent: true },
    ],
    [
      'after interim ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}Content-Length: 0\r\n\r\n`,
      {},
      { informed: [100, 103], ended: true },
    ],
    [
      'after 16 interim ones',
      `${'HTTP/1.1 102 P\r\n\r\n'.repeat(16)}${ok}Content-Length: 0\r\n\r\n`,
      {},
      { informed: Array(16).fill(102), ended: true },
    ],
    [
      '101 that was asked for',
      'HTTP/1.1 101 S\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n\x81\x00',
      { upgrade: 'websocket' },
      { switched: 101, surplus: '\x81\x00' },
    ],
    [
      'that refuses an upgrade',
      'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno',
      { upgrade: 'websocket' },
      { body: 'no', ended: true },
    ],
    ['without reason phrase', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', {}, { ended: true }],
    ['without the space before it either', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', {}, { ended: true }],
    ['with a status that nobody knows', 'HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n', {}, { ended: true }],
    ['of 200 headers', `${ok}${'a: b\r\n'.repeat(199)}Content-Length: 0\r\n\r\n`, {}, { ended: true }],
  ])('%s is read', (_, text, asked, expected) => {
    const reading = readText(text, asked)
    expect(reading.malformed).toBeUndefined()
    expect(reading).toMatchObject({ surplus: '', ...expected })
  })

  test('headers keep their order, case, doubles and octets; only space around a value goes', () => {
    const { head } = readText(`${ok}sEt-Cookie: a\r\nX:\t\xe9\xff \t\r\nSet-cookie:b\r\nEmpty:\r\n\r\n`)
    expect(head!.headers).toEqual(['sEt-Cookie', 'a', 'X', '\xe9\xff', 'Set-cookie', 'b', 'Empty', ''])
    expect(Buffer.from(head!.headers[3]!, 'latin1')).toEqual(Buffer.from([0xe9, 0xff]))
  })

  test('the reason phrase is kept as it stands', () => {
    expect(readText('HTTP/1.1 404 Nicht \xe4 da\r\n\r\n').head).toMatchObject({
      status: 404,
      statusText: 'Nicht \xe4 da',
    })
  })

  test('what follows a complete response is left over, whatever ended it', () => {
    for (const response of [
      `${ok}Content-Length: 2\r\n\r\nhi`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      'HTTP/1.1 204 N\r\n\r\n',
    ]) {
      expect(readText(`${response}HTTP/1.1 200`)).toMatchObject({ ended: true, surplus: 'HTTP/1.1 200' })
    }
    expect(readText(`${ok}Content-Length: 2\r\n\r\nhi`, { method: 'HEAD' })).toMatchObject({
      ended: true,
      surplus: 'hi',
    })
  })

  test('a response that is cut short does not end, wherever it is cut', () => {
    for (const text of [
      `${ok}Content-Length: 2\r\n\r\nhi`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nA: b\r\n\r\n`,
    ]) {
      for (let cut = 0; cut < text.length; cut++) {
        expect(readText(text.slice(0, cut), { closes: true }).ended, JSON.stringify(text.slice(0, cut))).toBe(false)
      }
    }
  })
})

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)
const value = fc.stringMatching(/^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]{0,20}[\x21-\x7e\x80-\xff])?)?$/)
const framingNames = new Set(['content-length', 'transfer-encoding', 'connection', 'upgrade'])
const headers = fc
  .array(fc.tuple(token, value), { maxLength: 10 })
  .map((list) => list.filter(([name]) => !framingNames.has(name.toLowerCase())).flat())
const lines = (list: HeaderList) => list.map((text, i) => (i % 2 === 0 ? `${text}:` : `${text}\r\n`)).join('')

const response = fc
  .record({
    status: fc.integer({ min: 200, max: 599 }),
    headers,
    chunks: fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), { maxLength: 6 }),
    trailers: headers,
    kind: fc.constantFrom('length', 'chunked', 'close'),
  })
  .map((made) => {
    const body = made.chunks.join('')
    const chunks = made.chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
    const rest = {
      length: `Content-Length: ${body.length}\r\n\r\n${body}`,
      chunked: `Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n${lines(made.trailers)}\r\n`,
      close: `\r\n${body}`,
    }[made.kind]!
    return { ...made, body, text: `HTTP/1.1 ${made.status} Fine\r\n${lines(made.headers)}${rest}` }
  })

const pieces = (text: string, cuts: readonly number[]): Buffer[] => {
  const all = bytes(text)
  const at = [...new Set([0, ...cuts.map((cut) => cut % (all.length + 1)), all.length])].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => all.subarray(at[i], end))
}

describe('for any response', () => {
  test('what was written is what is read', () => {
    fc.assert(
      fc.property(response, (made) => {
        const reading = readText(made.text, { closes: true })
        const bodiless = made.status === 204 || made.status === 304
        expect(reading.malformed).toBeUndefined()
        expect(reading.ended).toBe(true)
        expect(reading.head!.status).toBe(made.status)
        expect(reading.head!.headers.slice(0, made.headers.length)).toEqual(made.headers)
        expect(reading.body).toBe(bodiless ? '' : made.body)
        if (made.kind === 'chunked' && !bodiless) expect(reading.trailers ?? []).toEqual(made.trailers)
      }),
    )
  })

  test('the pieces it comes in change nothing', () => {
    fc.assert(
      fc.property(response, fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), (made, cuts, closes) => {
        expect(read(pieces(made.text, cuts), { closes })).toEqual(readText(made.text, { closes }))
      }),
    )
  })

  test('a damaged one, in whatever pieces, is read alike or refused, and throws nothing else', () => {
    const damage = fc.tuple(fc.nat(), fc.constantFrom('\r', '\n', '\0', ' ', ':', ';', ',', '0', 'f', '\xff', ''))
    fc.assert(
      fc.property(
        response,
        fc.array(damage, { maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (made, damages, cuts) => {
          let text = made.text
          for (const [at, octet] of damages)
            text = text.slice(0, at % text.length) + octet + text.slice((at % text.length) + 1)
          const [whole, cut] = [readText(text, { closes: true }), read(pieces(text, cuts), { closes: true })]
          if (whole.malformed === undefined) expect(cut).toEqual(whole)
          else expect(cut.malformed).toMatch(/\w/)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('random bytes throw nothing but a refusal', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (all) => void read(all.map((each) => Buffer.from(each)))),
    )
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), fc.constantFrom(ok, chunkedHead), (all, start) => {
        read([bytes(start), ...all.map((each) => Buffer.from(each))], { closes: true })
      }),
    )
  })

  test('one after the other on one connection they are read alike', () => {
    const statuses: number[] = []
    const parser = new ResponseParser({
      information: () => {},
      head: (head, size) => void statuses.push(head.status, size),
      data: () => {},
      end: () => {},
      upgraded: () => {},
    })
    for (const [method, text] of [
      ['GET', `${chunkedHead}1;ab\r\nx\r\n0\r\nA: b\r\n\r\n`],
      ['HEAD', `${ok}Content-Length: 7\r\n\r\n`],
      ['GET', `HTTP/1.1 102 P\r\n\r\n${ok}Content-Length: 1\r\n\r\nx`],
    ] as const) {
      parser.expect(method, undefined)
      expect(parser.push(bytes(text))).toBe(text.length)
      expect(parser.complete).toBe(true)
    }
    expect(statuses).toEqual([200, chunked, 200, 0, 200, 1])
  })
})
