import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HeaderList } from '../headers.ts'
import { MalformedResponse } from './malformed.ts'
import { chunked, type ResponseHead, untilClose } from './response-head.ts'
import { ResponseParser } from './response-parser.ts'

/** Everything a parser found, in a form that two runs can be compared by. */
interface Reading {
  informed: number[]
  head?: ResponseHead
  length?: number
  persistent?: boolean
  body: string
  ended: boolean
  trailers?: HeaderList | undefined
  switched?: number
  /** Bytes beyond the response. */
  surplus: string
  malformed?: string
}

interface Asked {
  readonly method?: string
  readonly upgrade?: string
  /** The upstream closes behind the last piece. */
  readonly closes?: boolean
}

function read(pieces: readonly Buffer[], { method = 'GET', upgrade, closes = false }: Asked = {}): Reading {
  const reading: Reading = { informed: [], body: '', ended: false, surplus: '' }
  const parser = new ResponseParser({
    information: (head) => void reading.informed.push(head.status),
    head: (head, length, persistent) => void Object.assign(reading, { head, length, persistent }),
    data: (stretch) => {
      reading.body += stretch.toString('latin1')
    },
    end: (trailers) => void Object.assign(reading, { ended: true, trailers }),
    upgraded: (head) => {
      reading.switched = head.status
    },
  })
  parser.expect(method, upgrade)
  try {
    for (const piece of pieces) reading.surplus += piece.subarray(parser.push(piece)).toString('latin1')
    if (closes) parser.close()
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error
    reading.malformed = error.message
  }
  return reading
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
const readText = (text: string, asked?: Asked) => read([bytes(text)], asked)
const ok = 'HTTP/1.1 200 OK\r\n'

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
    ['with a status beyond the known classes', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', {}, { ended: true }],
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

const chunkedHead = `${ok}Transfer-Encoding: chunked\r\n\r\n`
const length = (value: string) => `${ok}Content-Length: ${value}\r\n\r\n0123456789`
const coding = (value: string) => `${ok}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`
const header = (line: string) => `${ok}${line}\r\nContent-Length: 0\r\n\r\n`

/** What request smuggling is made of, mirrored: an upstream, or whoever controls part of its answer, sends it to us. */
const hostile: Record<string, string> = {
  // two answers to where the body ends
  'two lengths that differ': `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nhi`,
  'two lengths alike': `${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`,
  'two lengths in other case': `${ok}Content-Length: 2\r\ncontent-length: 2\r\n\r\nhi`,
  'a list of lengths': length('5, 5'),
  'a list of lengths that differ': length('5,6'),
  'length and chunked': `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked and length': `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  'chunked and length 0': `${ok}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'identity, then chunked': `${ok}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  // lengths
  'length +5': length('+5'),
  'length -5': length('-5'),
  'length -0': length('-0'),
  'length 5.0': length('5.0'),
  'length 5e0': length('5e0'),
  'length 0x5': length('0x5'),
  'length 05': length('05'),
  'length 00': length('00'),
  'length 1_0': length('1_0'),
  'length "5"': length('"5"'),
  'length 5;': length('5;'),
  'length 5 5': length('5 5'),
  'length of letters': length('five'),
  'length empty': length(''),
  'length of 16 digits': length('1000000000000000'),
  'length beyond 64 bits': length('18446744073709551621'),
  'length beyond all': length('9'.repeat(400)),
  'length in other digits': length('\xb2'),
  'length with a vertical tab': length('\x0b5'),
  'length with a form feed': length('5\x0c'),
  'length with a no-break space': length('\xa05'),
  // codings
  xchunked: coding('xchunked'),
  'chunked, chunked': coding('chunked, chunked'),
  'gzip, chunked': coding('gzip, chunked'),
  'chunked, identity': coding('chunked, identity'),
  gzip: coding('gzip'),
  identity: coding('identity'),
  'an empty coding': coding(''),
  'chunked;q=1': coding('chunked;q=1'),
  'chunked,': coding('chunked,'),
  '"chunked"': coding('"chunked"'),
  'chunked behind a vertical tab': coding('\x0bchunked'),
  'chunked before a no-break space': coding('chunked\xa0'),
  // header lines
  'a folded line': header('X-A: b\r\n c'),
  'a folded line by tab': header('X-A: b\r\n\tc'),
  'a folded first line': header(' X-A: b'),
  'space before the colon': header('X-A : b'),
  'tab before the colon': header('X-A\t: b'),
  'space before the colon of the length': `${ok}Content-Length : 5\r\n\r\n01234`,
  'space before the colon of the coding': `${ok}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  'no colon': header('X-A'),
  'no name': header(': b'),
  'a space in a name': header('X A: b'),
  'NUL in a name': header('X\x00A: b'),
  'a control character in a name': header('X\x01A: b'),
  'DEL in a name': header('X\x7fA: b'),
  'an octet above ASCII in a name': header('X\xe9: b'),
  'parentheses in a name': header('X(A): b'),
  'a slash in a name': header('X/A: b'),
  'NUL in a value': header('X-A: b\x00c'),
  'ESC in a value': header('X-A: b\x1bc'),
  'DEL in a value': header('X-A: b\x7fc'),
  'CR alone in a value': header('X-A: b\rc'),
  'CR CR LF': header('X-A: b\r'),
  'LF alone at a line end': `${ok}X-A: b\nContent-Length: 0\r\n\r\n`,
  'LF alone as the empty line': `${ok}Content-Length: 0\r\n\n`,
  'LF LF': `${ok}Content-Length: 0\n\n`,
  'LF alone in the status line': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'more than 200 headers': header('a: b\r\n'.repeat(200).slice(0, -2)),
  'a head above 64 KB in one line': header(`X-A: ${'b'.repeat(65_536)}`),
  'a head above 64 KB without an end': `${ok}X-A: ${'b'.repeat(70_000)}`,
  // status lines
  'an empty line first': `\r\n${ok}Content-Length: 0\r\n\r\n`,
  'a space first': ` ${ok}\r\n`,
  'HTTP/0.9 content': '<html>\r\n\r\n',
  'HTTP/2.0': 'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/1.2': 'HTTP/1.2 200 OK\r\n\r\n',
  'HTTP/1.10': 'HTTP/1.10 200 OK\r\n\r\n',
  'HTTP/1': 'HTTP/1 200 OK\r\n\r\n',
  'http/1.1': 'http/1.1 200 OK\r\n\r\n',
  ICY: 'ICY 200 OK\r\n\r\n',
  'a request': 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'two spaces before the status': 'HTTP/1.1  200 OK\r\n\r\n',
  'a tab before the status': 'HTTP/1.1\t200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a status with a sign': 'HTTP/1.1 +20 OK\r\n\r\n',
  'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
  'status 000': 'HTTP/1.1 000 OK\r\n\r\n',
  'a status with a letter': 'HTTP/1.1 2x0 OK\r\n\r\n',
  'no status': 'HTTP/1.1\r\n\r\n',
  'no status behind the space': 'HTTP/1.1 \r\n\r\n',
  'text right behind the status': 'HTTP/1.1 200OK\r\n\r\n',
  'NUL in the reason phrase': 'HTTP/1.1 200 O\x00K\r\n\r\n',
  'ESC in the reason phrase': 'HTTP/1.1 200 \x1b[2J\r\n\r\n',
  // interim answers
  '17 interim answers': `${'HTTP/1.1 102 P\r\n\r\n'.repeat(17)}${ok}\r\n`,
  'a 101 unasked': 'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'an interim answer with a folded line': `HTTP/1.1 103 E\r\nLink: a\r\n b\r\n\r\n${ok}\r\n`,
  // chunks
  'no chunk size': `${chunkedHead}\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of 0x2': `${chunkedHead}0x2\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of +2': `${chunkedHead}+2\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of -2': `${chunkedHead}-2\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of 2_': `${chunkedHead}2_\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of 2.0': `${chunkedHead}2.0\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of g': `${chunkedHead}g\r\nhi\r\n0\r\n\r\n`,
  'space before a chunk size': `${chunkedHead} 2\r\nhi\r\n0\r\n\r\n`,
  'space behind a chunk size': `${chunkedHead}2 \r\nhi\r\n0\r\n\r\n`,
  'tab behind a chunk size': `${chunkedHead}2\t\r\nhi\r\n0\r\n\r\n`,
  'space before an extension': `${chunkedHead}2 ;a\r\nhi\r\n0\r\n\r\n`,
  'a chunk size of 14 digits': `${chunkedHead}${'0'.repeat(13)}2\r\nhi\r\n0\r\n\r\n`,
  'a chunk size beyond 64 bits': `${chunkedHead}10000000000000002\r\nhi\r\n0\r\n\r\n`,
  'a chunk size line that ends in LF': `${chunkedHead}2\nhi\r\n0\r\n\r\n`,
  'a chunk size line that ends in CR': `${chunkedHead}2\rhi\r\n0\r\n\r\n`,
  'a chunk size line that ends in CR CR LF': `${chunkedHead}2\r\r\nhi\r\n0\r\n\r\n`,
  'a semicolon without an extension': `${chunkedHead}2;\r\nhi\r\n0\r\n\r\n`,
  'LF in an extension': `${chunkedHead}2;a\nhi\r\n0\r\n\r\n`,
  'LF in a quoted extension': `${chunkedHead}2;a="\n"\r\nhi\r\n0\r\n\r\n`,
  'CR in an extension': `${chunkedHead}2;a\rb\r\nhi\r\n0\r\n\r\n`,
  'NUL in an extension': `${chunkedHead}2;a\x00\r\nhi\r\n0\r\n\r\n`,
  'an extension above 1 KB': `${chunkedHead}2;${'a'.repeat(1025)}\r\nhi\r\n0\r\n\r\n`,
  'extensions above 1 KB together': `${chunkedHead}${'1;abcdefgh\r\nx\r\n'.repeat(129)}0\r\n\r\n`,
  'a chunk longer than its size': `${chunkedHead}2\r\nhi!\r\n0\r\n\r\n`,
  'a chunk shorter than its size': `${chunkedHead}5\r\nhi\r\n0\r\n\r\n`,
  'a chunk that ends in LF': `${chunkedHead}2\r\nhi\n0\r\n\r\n`,
  'a chunk that ends in CR': `${chunkedHead}2\r\nhi\r0\r\n\r\n`,
  'a chunk that ends in LF CR': `${chunkedHead}2\r\nhi\n\r0\r\n\r\n`,
  'a chunk with no end': `${chunkedHead}2\r\nhi0\r\n\r\n`,
  // trailers
  'a trailer without colon': `${chunkedHead}0\r\nX\r\n\r\n`,
  'a trailer with a space before the colon': `${chunkedHead}0\r\nX : 1\r\n\r\n`,
  'a folded trailer': `${chunkedHead}0\r\nX: 1\r\n 2\r\n\r\n`,
  'a trailer line that ends in LF': `${chunkedHead}0\r\nX: 1\n\r\n`,
  'the trailers ended by LF': `${chunkedHead}0\r\n\n`,
  'NUL in a trailer': `${chunkedHead}0\r\nX: \x00\r\n\r\n`,
  'more than 200 trailers': `${chunkedHead}0\r\n${'a: b\r\n'.repeat(201)}\r\n`,
  'trailers above 64 KB': `${chunkedHead}0\r\nX: ${'a'.repeat(65_536)}\r\n\r\n`,
}

describe('a response that breaks HTTP/1.1 is refused', () => {
  const cases = Object.entries(hostile)

  test.each(cases)('%s', (_, text) => {
    const reading = readText(text)
    expect(reading.malformed).toMatch(/\w/)
    expect(reading.ended).toBe(false)
  })

  test('byte by byte for the same reason as whole', () => {
    for (const [name, text] of cases) {
      const all = bytes(text)
      const single = Array.from(all, (_, i) => all.subarray(i, i + 1))
      // A head that holds two mistakes may be refused for the one that is seen first.
      expect(read(single).malformed, name).toMatch(/\w/)
      expect(read(single).body, name).toBe(readText(text).body)
    }
  })

  test('a 101 to another protocol than was asked for', () => {
    for (const upgrade of [
      'Upgrade: h2c\r\n',
      '',
      'Upgrade: websocket, h2c\r\n',
      'Upgrade: websocket\r\nUpgrade: h2c\r\n',
    ]) {
      expect(readText(`HTTP/1.1 101 S\r\n${upgrade}\r\n`, { upgrade: 'websocket' }).malformed).toMatch(/101/)
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
    status: fc.integer({ min: 200, max: 999 }),
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
