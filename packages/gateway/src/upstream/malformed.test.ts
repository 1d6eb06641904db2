import { describe, expect, test } from 'vitest'
import { bytes, ok, read, readText } from '../testing/reading.ts'

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
  'a status above 599': 'HTTP/1.1 600 X\r\n\r\n',
  'status 999': 'HTTP/1.1 999 X\r\n\r\n',
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
