import { expect, test } from 'vitest'
import { found, match, route, setting, withMiddleware, withSpec } from '../fixtures/good-model.ts'
import type { GatewayModel } from '../model.ts'

test.each<[string, Partial<GatewayModel>, string[]]>([
  [
    'a header that frames',
    withMiddleware(setting('Transfer-Encoding', 'chunked')),
    ['error header-not-settable /routes/0/middleware/1/request/set/0'],
  ],
  [
    'a value with a line break',
    withMiddleware(setting('X-A', 'a\nb')),
    ['error header-value-invalid /routes/0/middleware/1/request/set/0'],
  ],
  [
    'a template that is none',
    withMiddleware(setting('X-A', '{a}')),
    ['error template-invalid /routes/0/middleware/1/request/set/0'],
  ],
  [
    'tokens that nobody has',
    withMiddleware(setting('X-A', '{tokens.id_token}')),
    ['warning template-never-filled /routes/0/middleware/1/request/set/0'],
  ],
  [
    'an identity that nobody captures',
    withMiddleware(setting('X-A', '{identity.sub}')),
    ['warning template-never-filled /routes/0/middleware/1/request/set/0'],
  ],
  [
    'an identity that this route captures',
    withMiddleware({ kind: 'capture', subject: 'X-U', attributes: [] }, setting('X-A', '{identity.sub}{session.$id}')),
    [],
  ],
  [
    'capture of nothing',
    withMiddleware({ kind: 'capture', subject: undefined, attributes: [] }),
    ['error capture-empty /routes/0/middleware/1'],
  ],
  [
    'capture of a reserved attribute',
    withMiddleware({ kind: 'capture', subject: undefined, attributes: [{ attribute: '$id', header: 'X-I' }] }),
    ['error attribute-invalid /routes/0/middleware/1/attributes/0'],
  ],
  [
    'login that nobody captures',
    withMiddleware({ kind: 'login', at: '/login' }),
    ['error login-without-capture /routes/0/middleware/1/at'],
  ],
  [
    'login on another host',
    withMiddleware({ kind: 'capture', subject: 'X-U', attributes: [] }, { kind: 'login', at: '//evil.example' }),
    ['error login-page-invalid /routes/0/middleware/2/at'],
  ],
  [
    'login without a session',
    {
      routes: [
        route,
        { ...route, name: 'b', matches: [{ ...match, host: 'b' }], middleware: [{ kind: 'login', at: '/' }] },
      ],
    },
    ['error login-without-session /routes/1/middleware/0'],
  ],
  [
    'capture into a session that is off',
    { ...withSpec({ mode: 'off' }), ...withMiddleware({ kind: 'capture', subject: 'X-U', attributes: [] }) },
    ['error session-off /routes/0/middleware/1'],
  ],
  [
    'a rewrite with a query',
    withMiddleware({ kind: 'rewrite', path: { kind: 'full', value: '/a?b' } }),
    ['error rewrite-path-invalid /routes/0/middleware/1/path'],
  ],
  [
    'a redirect to itself',
    {
      routes: [
        {
          ...route,
          action: {
            kind: 'redirect',
            status: 302,
            scheme: undefined,
            host: undefined,
            port: undefined,
            path: undefined,
          },
        },
      ],
      upstreams: [],
    },
    ['error redirect-to-itself /routes/0/action'],
  ],
  [
    'a redirect into its own prefix',
    {
      routes: [
        {
          ...route,
          action: {
            kind: 'redirect',
            status: 302,
            scheme: undefined,
            host: undefined,
            port: undefined,
            path: { kind: 'full', value: '/a' },
          },
        },
      ],
      upstreams: [],
    },
    ['error redirect-to-itself /routes/0/action'],
  ],
  [
    'CORS with cookies for everybody',
    withMiddleware({
      kind: 'cors',
      origins: ['*'],
      methods: [],
      headers: [],
      exposeHeaders: [],
      credentials: true,
      maxAge: 1,
    }),
    ['error cors-credentials-for-all /routes/0/middleware/1/credentials'],
  ],
  [
    'an origin with a path',
    withMiddleware({
      kind: 'cors',
      origins: ['https://a.example/x'],
      methods: [],
      headers: [],
      exposeHeaders: [],
      credentials: false,
      maxAge: 1,
    }),
    ['error origin-invalid /routes/0/middleware/1/origins/0'],
  ],
  [
    'origins that are fine',
    withMiddleware({
      kind: 'cors',
      origins: ['https://a.example', 'http://localhost:3000', 'https://*.example.com', '*'],
      methods: [],
      headers: [],
      exposeHeaders: [],
      credentials: false,
      maxAge: 1,
    }),
    [],
  ],
  [
    'a mirror of nothing',
    withMiddleware({ kind: 'mirror', upstream: 'app', percent: 0 }),
    ['warning mirror-nothing /routes/0/middleware/1'],
  ],
  [
    'a log field that does not nest',
    { accessLog: { enabled: true, sessionField: 'a..b' } },
    ['error log-field-invalid /accessLog/sessionField'],
  ],
  [
    'a log field that a line has already',
    { accessLog: { enabled: true, sessionField: 'http.request.id' } },
    ['error log-field-taken /accessLog/sessionField'],
  ],
])('%s', (_, change, expected) => {
  expect(found(change).sort()).toEqual([...expected].sort())
})
