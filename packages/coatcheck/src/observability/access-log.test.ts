import type { Exchange, FinishedExchange } from '@coatcheck/gateway'
import { createSessions } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AccessLogOptions, createAccessLog } from './access-log.ts'
import { exchange, finished, rejected, sessionOf } from './testing/exchange.ts'

const noon = Date.UTC(2026, 0, 2, 12, 0, 0, 250)

function logging(options: Partial<AccessLogOptions> = {}) {
  const lines: string[] = []
  const log = createAccessLog({
    write: (line) => void lines.push(line),
    version: '1.2.3',
    clock: () => noon,
    ...options,
  })
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) }
}

function lineOf(changes: Partial<FinishedExchange>) {
  const { log, last } = logging()
  log.finished(finished(changes))
  return last()
}

test('a request is one line of nested ECS fields', () => {
  const { log, lines, last } = logging()
  const seen = exchange({
    session: sessionOf('AAAAAAAAAAAAAAAAAAAAAA', 'alice'),
    upstream: 'shop',
    target: '10.0.0.5:3000',
    timings: { upstream: 4.25, store: 0.5 },
  })
  log.finished(finished({ exchange: seen }))
  expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1)
  expect(last()).toEqual({
    '@timestamp': '2026-01-02T12:00:00.244Z',
    ecs: { version: '9.4.0' },
    service: { name: 'coatcheck', version: '1.2.3' },
    log: { level: 'info', logger: 'coatcheck.access' },
    event: {
      kind: 'event',
      category: ['web'],
      type: ['access'],
      dataset: 'coatcheck.access',
      outcome: 'success',
      duration: 5_400_000,
    },
    http: {
      version: '1.1',
      request: { id: 'request-1', method: 'GET', bytes: 512 },
      response: { status_code: 200, bytes: 2048 },
    },
    url: { original: '/cart', path: '/cart', domain: 'shop.example.com', scheme: 'https' },
    client: { address: '203.0.113.7', port: 41234 },
    source: { ip: '10.0.0.2' },
    user: { id: 'alice' },
    user_agent: { original: 'Mozilla/5.0 (X11; Linux x86_64)' },
    coatcheck: {
      listener: 'web',
      route: 'shop',
      upstream: { name: 'shop', target: '10.0.0.5:3000', duration: 4_250_000 },
      store: { duration: 500_000 },
    },
    session: { id: 'AAAAAAAAAAAAAAAAAAAAAA' },
  })
})

test('without a session there is no session field, without a person no user', () => {
  const line = lineOf({})
  expect(line).not.toHaveProperty('session')
  expect(line).not.toHaveProperty('user')
})

test('the request that signs out says which session ended, and whose it was', async () => {
  const sessions = createSessions({ store: memoryRecords() })
  const signIn = await sessions.open({})
  signIn.signIn('alice')
  const { setCookie } = await signIn.commit()
  const session = await sessions.open({ cookie: setCookie[0]!.split(';')[0] })
  session.end()
  await session.commit()
  const line = lineOf({ exchange: exchange({ session: session as unknown as Exchange['session'] }) })
  expect(line).toMatchObject({ session: { id: signIn.id }, user: { id: 'alice' } })
})

test.each(['airlock.http.session.id', 'http.session.id', 'coatcheck.session.id', 'event.session', 'url.s', 'client.s'])(
  'the session id stands under %s as configured, and nothing else changes',
  (sessionField) => {
    const { log, last } = logging()
    log.finished(finished())
    const without = last()
    expect(log.configure({ enabled: true, sessionField })).toBeUndefined()
    log.finished(finished({ exchange: exchange({ session: sessionOf('the-id') }) }))
    const parts = sessionField.split('.')
    const line = last()
    expect(parts.reduce((value, part) => value[part], line)).toBe('the-id')
    expect(line).toMatchObject(without)
    expect(line).not.toHaveProperty('session')
  },
)

test('a session field that would break the line is refused, and the default stays', () => {
  const { log, last } = logging()
  expect(log.configure({ enabled: true, sessionField: 'http.request.id' })).toContain('"http.request.id"')
  log.finished(finished({ exchange: exchange({ session: sessionOf('the-id') }) }))
  expect(last().session.id).toBe('the-id')
})

test('switched off, nothing is written', () => {
  const { log, lines } = logging()
  log.configure({ enabled: false, sessionField: 'session.id' })
  log.finished(finished())
  log.rejected(rejected())
  expect(lines).toEqual([])
})

test.each([
  ['an answer', { status: 404 }, 'success'],
  ['a failure', { status: 502 }, 'failure'],
  ['an answer cut short', { status: 200, aborted: true }, 'failure'],
  ['a client that left', { status: 0, aborted: true }, 'failure'],
])('outcome of %s', (_, changes, outcome) => {
  expect(lineOf(changes).event.outcome).toBe(outcome)
})

test('the reason of an answer of our own is its error code, with our own words', () => {
  const line = lineOf({
    status: 502,
    exchange: exchange({ reason: 'upstream-connect', detail: 'connect ECONNREFUSED 10.0.0.5:3000' }),
  })
  expect(line.error).toEqual({ code: 'upstream-connect', message: 'connect ECONNREFUSED 10.0.0.5:3000' })
  expect(line.coatcheck.reason).toBe('upstream-connect')
})

test('a redirect has a reason and is no error', () => {
  const line = lineOf({ status: 302, exchange: exchange({ reason: 'redirect' }) })
  expect(line.coatcheck.reason).toBe('redirect')
  expect(line).not.toHaveProperty('error')
})

test('an answer that was cut short has an error beside its status', () => {
  const cut = exchange({ reason: 'upstream-reset', detail: 'It closed the connection' })
  const line = lineOf({ status: 200, aborted: true, exchange: cut })
  expect(line.http.response.status_code).toBe(200)
  expect(line.error).toEqual({ code: 'upstream-reset', message: 'It closed the connection' })
  expect(line.coatcheck).toMatchObject({ reason: 'upstream-reset', aborted: true })
})

test('a client that left before an answer has no status', () => {
  const line = lineOf({ status: 0, responseBytes: 0, aborted: true, exchange: exchange({ reason: 'client-gone' }) })
  expect(line.http.response).toEqual({ bytes: 0 })
  expect(line.error.code).toBe('client-gone')
  expect(line.coatcheck.aborted).toBe(true)
})

test('secrets in a query are masked in the original too', () => {
  const { url } = lineOf({ exchange: exchange({}, { target: '/cb?code=abc&x=1' }) })
  expect(url).toMatchObject({ original: '/cb?code=***&x=1', path: '/cb', query: 'code=***&x=1' })
})

test('no value of a header but User-Agent gets into the line', () => {
  const headers = [
    'Authorization',
    'Bearer hunter2',
    'Cookie',
    '__Host-session=1.hunter2',
    'X-Api-Key',
    'hunter2',
    'Referer',
    '/?t=hunter2',
  ]
  const { log, lines } = logging()
  log.finished(
    finished({ exchange: exchange({}, { headers: [...headers, 'user-agent', 'curl/8'], cookie: 'a=hunter2' }) }),
  )
  expect(lines[0]).not.toContain('hunter2')
  expect(lines[0]).toContain('curl/8')
})

test('a request that never became an exchange has a line, with what is known of it', () => {
  const { log, last } = logging()
  const line = { method: 'GET', target: '/in?token=abc&x=1' }
  log.rejected(rejected({ status: 431, code: 'headers-too-large', detail: 'Too large', requestId: 'r-1', line }))
  expect(last()).toMatchObject({
    '@timestamp': '2026-01-02T12:00:00.250Z',
    http: { request: { id: 'r-1', method: 'GET' }, response: { status_code: 431, bytes: 402 } },
    url: { original: '/in?token=***&x=1', path: '/in', query: 'token=***&x=1' },
    client: { address: '203.0.113.9', port: 41236 },
    source: { ip: '203.0.113.9' },
    error: { code: 'headers-too-large', message: 'Too large' },
    coatcheck: { listener: 'web', reason: 'headers-too-large' },
  })
})

test.each([
  [400, 'success'],
  [431, 'success'],
  [500, 'failure'],
])('outcome of %d to what never became an exchange follows the rule of all others: %s', (status, outcome) => {
  const { log, last } = logging()
  log.rejected(rejected({ status }))
  expect(last().event.outcome).toBe(outcome)
})

test('what never became an exchange, and could not be answered, has no status', () => {
  const { log, last } = logging()
  log.rejected(rejected({ status: 0, responseBytes: 0 }))
  expect(last()).toMatchObject({ event: { outcome: 'failure' }, http: { response: { bytes: 0 } } })
  expect(last().http.response).not.toHaveProperty('status_code')
})

test.each([
  ['/cb#access_token=abc', { original: '/cb#access_token=***', path: '/cb', query: 'access_token=***' }],
  [
    'http://me:hunter2@a.test/in?x=1',
    { original: 'http://***@a.test/in?x=1', path: 'http://***@a.test/in', query: 'x=1' },
  ],
  ['me:hunter2@a.test:443', { original: '***@a.test:443', path: '***@a.test:443' }],
  ['/in?', { original: '/in', path: '/in' }],
])('a target that was refused, %s, shows no secret', (target, url) => {
  const { log, last } = logging()
  const seen = exchange({ route: undefined, reason: 'bad-target' }, { target })
  log.finished(finished({ status: 400, exchange: seen }))
  expect(last().url).toEqual({ ...url, domain: 'shop.example.com', scheme: 'https' })
  log.rejected(rejected({ line: { method: 'GET', target } }))
  expect(last().url).toEqual(url)
})

test('without a host that is one, there is no domain', () => {
  expect(lineOf({ exchange: exchange({}, { authority: '' }) }).url).not.toHaveProperty('domain')
})

/** Anything that a byte can be, with what breaks JSON and lines more often. */
const wire = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
    fc.constantFrom('"', '\\', '\n', '\r', '\u0000', '\x1b', '\xe2\x80\xa8', '%', '&', '=', '?', '\\u0022,', '"}'),
  ),
  maxLength: 80,
})
const anyText = fc.oneof(
  wire,
  fc.string({ unit: 'binary', maxLength: 80 }),
  wire.map((text) => text.repeat(60)),
)

test('10,000 hostile requests: every line parses, is one line, and fits into PIPE_BUF', () => {
  const { log, lines } = logging({ maxLineBytes: 4096 })
  const hostile = fc.record({
    headers: fc.array(fc.tuple(fc.oneof(fc.constant('User-Agent'), wire), anyText), { maxLength: 6 }),
    target: anyText,
    authority: anyText,
    method: anyText,
    id: anyText,
    address: anyText,
    subject: fc.option(anyText, { nil: undefined }),
  })
  fc.assert(
    fc.property(hostile, ({ headers, target, authority, method, id, address, subject }) => {
      const seen = exchange(
        { id, session: sessionOf('AAAAAAAAAAAAAAAAAAAAAA', subject), client: { ...exchange().client, address } },
        { headers: headers.flat(), target: `/${target}`, authority, method },
      )
      log.finished(finished({ exchange: seen }))
      const line = lines.pop()!
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096)
      expect(line.indexOf('\n')).toBe(line.length - 1)
      const { session, coatcheck, http } = JSON.parse(line)
      expect(session).toEqual({ id: 'AAAAAAAAAAAAAAAAAAAAAA' })
      expect(coatcheck).toEqual({ listener: 'web', route: 'shop' })
      expect(http.response).toEqual({ status_code: 200, bytes: 2048 })
    }),
    { numRuns: 10_000 },
  )
})

test('the time of a request is its start, over the change of a second', () => {
  let now = Date.UTC(2026, 0, 1) + 0.4
  const { log, last } = logging({ clock: () => now })
  log.finished(finished({ duration: 1.5 }))
  expect(last()['@timestamp']).toBe('2025-12-31T23:59:59.998Z')
  now += 2000
  log.finished(finished({ duration: 0 }))
  expect(last()['@timestamp']).toBe('2026-01-01T00:00:02.000Z')
})

test('on a terminal a line is for people, and obeys nothing that it shows', () => {
  const { log, lines } = logging({ terminal: true })
  log.finished(
    finished({ status: 503, exchange: exchange({ reason: 'store-unavailable' }, { target: '/a\x1b[2J?token=abc' }) }),
  )
  expect(lines[0]).toContain('GET shop.example.com/a\\x1b[2J?token=***')
  expect(lines[0]).toContain('reason=store-unavailable')
  log.rejected(rejected())
  expect(lines[1]).toContain('reason=bad-request')
  log.rejected(rejected({ line: { method: 'GET', target: '/a\x1b[2J?token=abc' } }))
  expect(lines[2]).toContain('GET /a\\x1b[2J?token=***')
})
