/**
 * Requests that a gateway must not misread, as bytes. Families F1 (framing), F4 (target), F9 (cookies) and bounds.
 *
 * `refused`: the client gets one 4xx or a closed connection, and the upstream gets nothing. `forwarded`: the upstream
 * gets exactly one request, with this request line and this body; `closes`: its answer ends the connection. In both
 * cases nothing may be left behind that is read as a second request.
 */
export type Expected =
  | { readonly is: 'refused' }
  | { readonly is: 'forwarded'; readonly line: string; readonly body: string; readonly closes?: true }

export interface HostileRequest {
  readonly name: string
  /** Latin-1: one character is one octet. */
  readonly bytes: string
  readonly expected: Expected
  /** Not finished: the client ends its side behind it. */
  readonly cut?: true
}

const refused: Expected = { is: 'refused' }
const forwarded = (line: string, body = ''): Expected => ({ is: 'forwarded', line, body })

const post = (headers: string, body = '') => `POST /in HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n\r\n${body}`
const get = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n`
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'

function cases(prefix: string, expected: Expected, table: Record<string, string>): HostileRequest[] {
  return Object.entries(table).map(([name, bytes]) => ({ name: `${prefix}: ${name}`, bytes, expected }))
}

const framing = cases('F1 framing', refused, {
  'length and chunks': post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`),
  'chunks and length': post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${smuggled}`),
  'two different lengths': post('Content-Length: 5\r\nContent-Length: 6', 'hello!'),
  'two lengths in a list': post('Content-Length: 5, 6', 'hello!'),
  'a signed length': post('Content-Length: +5', 'hello'),
  'a negative length': post('Content-Length: -5', 'hello'),
  'a hexadecimal length': post('Content-Length: 0x5', 'hello'),
  'a length with a space inside': post('Content-Length: 1 2', 'hello'),
  'a length with letters': post('Content-Length: 5a', 'hello'),
  'an empty length': post('Content-Length:', smuggled),
  'an overlong length': post('Content-Length: 99999999999999999999999999', 'hello'),
  'a length with a decimal point': post('Content-Length: 5.0', 'hello'),
  'space before the colon of the length': post('Content-Length : 5', 'hello'),
  'tab before the colon of the encoding': post('Transfer-Encoding\t: chunked', '0\r\n\r\n'),
  'an unknown encoding': post('Transfer-Encoding: xchunked', '0\r\n\r\n'),
  'identity as encoding with a length': post('Transfer-Encoding: identity\r\nContent-Length: 5', 'hello'),
  'chunked not last': post('Transfer-Encoding: chunked, gzip', '0\r\n\r\n'),
  'gzip before chunked': post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
  'an unknown coding before chunked': post('Transfer-Encoding: foo, chunked', '0\r\n\r\n'),
  'gzip and chunked in two lines': post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  'chunked twice': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`),
  'chunked and identity in two lines': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', '0\r\n\r\n'),
  'quoted chunked': post('Transfer-Encoding: "chunked"', '0\r\n\r\n'),
  'chunked with a vertical tab': post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'),
  'chunked with NUL': post('Transfer-Encoding: chunked\0', '0\r\n\r\n'),
  'an empty encoding with a length': post('Transfer-Encoding:\r\nContent-Length: 5', 'hello'),
  'a folded encoding': post('Transfer-Encoding:\r\n chunked\r\nContent-Length: 5', `0\r\n\r\n${smuggled}`),
  'a folded header': get('/in', 'X-A: a\r\n b\r\n'),
  'encoding in HTTP/1.0': 'POST /in HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'bare line feed after the request line': `GET /in HTTP/1.1\nHost: a.test\r\n\r\n`,
  'bare line feed in headers': `GET /in HTTP/1.1\r\nHost: a.test\nX-A: b\r\n\r\n`,
  'bare carriage return in a header': get('/in', 'X-A: a\rX-B: b\r\n'),
  'bare carriage return in the request line': 'GET /in\r HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'CR CR LF at the end': 'GET /in HTTP/1.1\r\nHost: a.test\r\n\r\r\n',
  'NUL in a header value': get('/in', 'X-A: a\0b\r\n'),
  'a control character in a header value': get('/in', 'X-A: a\x01b\r\n'),
  'DEL in a header name': get('/in', 'X\x7fA: b\r\n'),
  'a header without a colon': get('/in', 'X-A\r\n'),
  'a header without a name': get('/in', ': b\r\n'),
  'a header name with a space': get('/in', 'X A: b\r\n'),
  'space before the first header': 'GET /in HTTP/1.1\r\n Host: a.test\r\n\r\n',
  'a header name in brackets': get('/in', 'X(A): b\r\n'),
  'a non-ASCII header name': get('/in', 'X-\xe9: b\r\n'),
})

const chunks = cases('F1 chunks', refused, {
  'a chunk size with a sign': post('Transfer-Encoding: chunked', '+5\r\nhello\r\n0\r\n\r\n'),
  'a chunk size with 0x': post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'),
  'a chunk size with an underscore': post('Transfer-Encoding: chunked', '0_5\r\nhello\r\n0\r\n\r\n'),
  'an empty chunk size': post('Transfer-Encoding: chunked', '\r\nhello\r\n0\r\n\r\n'),
  'an overlong chunk size': post('Transfer-Encoding: chunked', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'),
  'a negative chunk size': post('Transfer-Encoding: chunked', '-5\r\nhello\r\n0\r\n\r\n'),
  'space before a chunk size': post('Transfer-Encoding: chunked', ' 5\r\nhello\r\n0\r\n\r\n'),
  'bare line feed after a chunk size': post('Transfer-Encoding: chunked', '5\nhello\r\n0\r\n\r\n'),
  'bare line feed after chunk data': post('Transfer-Encoding: chunked', '5\r\nhello\n0\r\n\r\n'),
  'no line end after chunk data': post('Transfer-Encoding: chunked', '5\r\nhello0\r\n\r\n'),
  'chunk data longer than its size': post('Transfer-Encoding: chunked', '3\r\nhello\r\n0\r\n\r\n'),
  'bare line feed in a chunk extension': post('Transfer-Encoding: chunked', `5;a\nhello\r\n0\r\n\r\n`),
  'bare carriage return in a chunk extension': post('Transfer-Encoding: chunked', `5;a\rb\r\nhello\r\n0\r\n\r\n`),
  'chunk extensions without end': post('Transfer-Encoding: chunked', `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
})

const hosts = cases('F1 host', refused, {
  'no Host': 'GET /in HTTP/1.1\r\nX-A: b\r\n\r\n',
  'two Hosts': 'GET /in HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n',
  'the same Host twice': 'GET /in HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n',
  'an empty Host': 'GET /in HTTP/1.1\r\nHost:\r\n\r\n',
  'Host with a path': 'GET /in HTTP/1.1\r\nHost: a.test/x\r\n\r\n',
  'Host with user information': 'GET /in HTTP/1.1\r\nHost: a.test@b.test\r\n\r\n',
  'Host with a space': 'GET /in HTTP/1.1\r\nHost: a.test b.test\r\n\r\n',
  'Host with a comma': 'GET /in HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n',
  'Host with a bad port': 'GET /in HTTP/1.1\r\nHost: a.test:x\r\n\r\n',
  'Host with a port too large': 'GET /in HTTP/1.1\r\nHost: a.test:99999\r\n\r\n',
  'Host with non-ASCII octets': 'GET /in HTTP/1.1\r\nHost: \xe4.test\r\n\r\n',
  'Host with a question mark': 'GET /in HTTP/1.1\r\nHost: a.test?x\r\n\r\n',
  'Host with a backslash': 'GET /in HTTP/1.1\r\nHost: a.test\\x\r\n\r\n',
  'Host with an open bracket': 'GET /in HTTP/1.1\r\nHost: [::1\r\n\r\n',
})

const targets = cases('F4 target', refused, {
  'absolute form': get('http://a.test/in'),
  'absolute form of another host': get('http://b.test/in'),
  'authority form': 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'asterisk with GET': get('*'),
  'no slash in front': get('in'),
  'a fragment': get('/in#x'),
  'a space': 'GET /in x HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'a tab': 'GET /in\tx HTTP/1.1\r\nHost: a.test\r\n\r\n',
  NUL: get('/in\0x'),
  'non-ASCII octets': get('/\xe4'),
  'a control character': get('/\x01'),
  'dot segments': get('/public/../in'),
  'a single dot segment': get('/./in'),
  'dot segments at the end': get('/in/..'),
  'dots in three bytes of UTF-8': get('/public/%e0%80%ae%e0%80%ae/in'),
  'dots in escapes of IIS': get('/public/%u002e%u002e/in'),
  'encoded dots': get('/public/%2e%2e/in'),
  'one dot encoded': get('/public/.%2e/in'),
  'encoded dots in capitals': get('/public/%2E%2E/in'),
  'dots doubly encoded are one segment, but with a slash': get('/public/%252e%252e%2fin'),
  'dot segments behind an encoded slash': get('/public%2f..%2fin'),
  'dot segments behind a backslash': get('/public\\..\\in'),
  'dot segments behind an encoded backslash': get('/public%5c..%5cin'),
  'dot segments with a parameter': get('/public/..;x=1/in'),
  'a dot segment with an encoded parameter': get('/public/..%3bx/in'),
  'an encoded NUL': get('/in%00'),
})

const bounds = cases('bounds', refused, {
  'a target of 9 KB': get(`/in?${'a'.repeat(9 * 1024)}`),
  'a header of 70 KB': get('/in', `X-A: ${'a'.repeat(70 * 1024)}\r\n`),
  '2,001 headers, then a length': post(`${'X: y\r\n'.repeat(2001)}Content-Length: 5`, 'hello'),
  '2,001 headers, then chunks': post(`${'X: y\r\n'.repeat(2001)}Transfer-Encoding: chunked`, `0\r\n\r\n${smuggled}`),
  'an unknown method': 'FOO /in HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'a method in small letters': 'get /in HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'HTTP/0.9': 'GET /in\r\n\r\n',
  'HTTP/1.2': 'GET /in HTTP/1.2\r\nHost: a.test\r\n\r\n',
  'HTTP/2.0 in a request line': 'GET /in HTTP/2.0\r\nHost: a.test\r\n\r\n',
  'a protocol in small letters': 'GET /in http/1.1\r\nHost: a.test\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS hello': '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
  'no request at all': '\x00\x01\x02\x03\r\n\r\n',
  'an expectation that we do not know': post('Expect: 200-maybe\r\nContent-Length: 5', 'hello'),
})

const cut = cases('cut short', refused, {
  'HTTP/0.9': 'GET /in\r\n',
  'a request line': 'GET /in HTTP/1.1',
  headers: 'GET /in HTTP/1.1\r\nHost: a.test\r\nX-A: b',
  'headers without an end': 'GET /in HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\n',
  'a body': post('Content-Length: 9', 'hello'),
  'a chunk size': post('Transfer-Encoding: chunked', '5'),
  'a chunk': post('Transfer-Encoding: chunked', '9\r\nhello'),
  'chunks without a last one': post('Transfer-Encoding: chunked', '5\r\nhello\r\n'),
  trailers: post('Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nX-T: 1\r\n'),
}).map((request): HostileRequest => ({ ...request, cut: true }))

const fine: HostileRequest[] = [
  { name: 'fine: a plain request', bytes: get('/in'), expected: forwarded('GET /in HTTP/1.1') },
  // RFC 9112, section 3 lets a reader take any blanks as one. Node's parser does, where nobody sees it; we write one.
  { name: 'fine: two blanks behind the method', bytes: get(' /in'), expected: forwarded('GET /in HTTP/1.1') },
  { name: 'fine: two blanks behind the target', bytes: get('/in '), expected: forwarded('GET /in HTTP/1.1') },
  { name: 'fine: an empty line in front', bytes: `\r\n${get('/in')}`, expected: forwarded('GET /in HTTP/1.1') },
  {
    name: 'fine: a length',
    bytes: post('Content-Length: 5', 'hello'),
    expected: forwarded('POST /in HTTP/1.1', 'hello'),
  },
  {
    name: 'fine: chunks',
    bytes: post('Transfer-Encoding: chunked', '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n'),
    expected: forwarded('POST /in HTTP/1.1', 'hello world'),
  },
  {
    name: 'fine: chunked in capitals',
    bytes: post('Transfer-Encoding: CHUNKED', '5\r\nhello\r\n0\r\n\r\n'),
    expected: forwarded('POST /in HTTP/1.1', 'hello'),
  },
  {
    name: 'fine: chunks with leading zeros and a trailer',
    bytes: post('Transfer-Encoding: chunked', '0005\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'),
    expected: forwarded('POST /in HTTP/1.1', 'hello'),
  },
  {
    name: 'fine: an encoded slash inside a name stays as it is',
    bytes: get('/in/@scope%2Fname'),
    expected: forwarded('GET /in/@scope%2Fname HTTP/1.1'),
  },
  {
    name: 'fine: odd but harmless octets stay as they are',
    bytes: get('/in/%zz;a=1?b=[1]|"<>`{}'),
    expected: forwarded('GET /in/%zz;a=1?b=[1]|"<>`{} HTTP/1.1'),
  },
  { name: 'fine: doubled slashes', bytes: get('/in//x'), expected: forwarded('GET /in//x HTTP/1.1') },
  { name: 'fine: dots inside a segment', bytes: get('/in/...a..'), expected: forwarded('GET /in/...a.. HTTP/1.1') },
  {
    name: 'fine: dot segments in the query',
    bytes: get('/in?x=/../y'),
    expected: forwarded('GET /in?x=/../y HTTP/1.1'),
  },
  {
    name: 'fine: Connection names a header, which then is dropped',
    bytes: get('/in', 'Connection: X-Drop\r\nX-Drop: 1\r\n'),
    expected: forwarded('GET /in HTTP/1.1'),
  },
  {
    name: 'fine: an upgrade to h2c is ignored, not swallowed',
    bytes: get('/in', 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    expected: { is: 'forwarded', line: 'GET /in HTTP/1.1', body: '', closes: true },
  },
  {
    name: 'F9 cookie: a giant cookie is no session',
    bytes: get('/in', `Cookie: __Host-session=${'a'.repeat(12_000)}\r\n`),
    expected: forwarded('GET /in HTTP/1.1'),
  },
  ...[
    '1.aaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaa',
    '1..',
    '2.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
    '"1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"',
    '1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA; __Host-session=x; __Host-session=y',
    '\xff\xfe',
    '%31.AAAA',
    '__proto__',
  ].map((value) => ({
    name: `F9 cookie: ${JSON.stringify(value)} is no session`,
    bytes: get('/in', `Cookie: __Host-session=${value}\r\n`),
    expected: forwarded('GET /in HTTP/1.1'),
  })),
]

export const hostileRequests: readonly HostileRequest[] = [
  ...framing,
  ...chunks,
  ...hosts,
  ...targets,
  ...bounds,
  ...cut,
  ...fine,
]
