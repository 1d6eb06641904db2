import { defaults, formatDuration } from '@coatcheck/model'
import * as z from 'zod'
import { laterTemplate } from '../later.ts'
import { longestTimer } from './listeners.ts'
import { routeSession } from './sessions.ts'
import { exactlyOne, fields, maybeSecret, name, type Refusal, refuse, type Values } from './values.ts'

/** An item of `routes`: which requests, what is done with them, where they go. */
export function route(v: Values) {
  return fields({
    name: name()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}$/)
      .meta({ description: 'Name in logs, metrics and error pages. Left out: `route-N`, by its place in the list.' })
      .optional(),
    match: z
      .union([v.path(), match(v), z.array(match(v)).min(1)])
      .meta({
        description:
          'Which requests the route takes: a path (a prefix by segment), conditions that must all hold, or a list of such sets of which one must hold. Left out: every request. The most specific route wins: exact host before `*.` before any; exact path before template before prefix, longer before shorter; then methods, headers, query; then the earlier one.',
      })
      .optional(),
    listeners: z
      .union([v.name(), z.array(v.name()).min(1)])
      .meta({
        description:
          'Name or names of the listeners that the route serves, as for a redirect from http to https. On others it is as if it were not there. Left out: all listeners.',
        samples: [['web']],
      })
      .optional(),
    session: routeSession(v)
      .meta({
        description: 'Name of one of `sessions`, or `off`. Left out: the session named `default`, if there is one.',
      })
      .optional(),
    login: login(v).meta({ description: 'Only for people who signed in.' }).optional(),
    capture: z
      .record(z.string().min(1), v.text())
      .meta({
        description:
          'What the application says in response headers becomes part of the session, and the headers go no further: session attribute → response header. `$subject` is who signed in; an empty value removes the attribute, an empty `$subject` signs out.',
        samples: [{ $subject: 'X-Auth-User', cart: 'X-Cart' }],
      })
      .optional(),
    cors: cors(v)
      .meta({ description: 'Answers other origins’ preflights, and lets their pages read responses.' })
      .optional(),
    headers: headers(v)
      .meta({ description: 'Changes of headers: `request` on the way to the upstream, `response` on the way back.' })
      .optional(),
    rewrite: rewrite(v).meta({ description: 'Another path towards the upstream. The query stays.' }).optional(),
    mirror: mirror(v)
      .meta({
        description:
          'Sends a copy to another upstream, whose answers are thrown away. Not of upgrades, of bodies above 64 KiB or that the upstream does not read to their end, nor while 100 copies are under way.',
      })
      .optional(),
    redirect: redirect(v).meta({ description: 'Answers with a redirect. Instead of `upstream`.' }).optional(),
    upstream: v
      .name()
      .meta({ description: 'Name of one of `upstreams`, or the URL of an application. Instead of `redirect`.' })
      .optional(),
    host: v
      .text()
      .meta({
        description:
          'The `Host` that the upstream gets: `keep` the client’s, the `target`’s own, or any other name as written.',
        usual: 'keep',
      })
      .optional(),
    webSocketOrigins: v
      .texts()
      .meta({
        description:
          'Origins besides the own host that may open a WebSocket where the route has a session. Where it does not read it (mode `on-demand`, without `login` and `capture`) and none are listed, every origin may.',
        usual: [],
        samples: [['https://admin.example.com']],
      })
      .optional(),
  })
}

function match(v: Values) {
  const hosts = z.union([v.text(), v.texts().min(1)])
  const methods = z.union([v.text(), v.texts().min(1)])
  return fields({
    host: hosts
      .meta({ description: 'Host name or names: `shop.example.com`, or `*.example.com` for one label or more.' })
      .optional(),
    path: z
      .union([v.path(), pathKinds(v)])
      .meta({
        description: 'A prefix by segment (`/a` takes `/a` and `/a/b`, not `/ab`), or one of the kinds.',
        usual: '/',
      })
      .optional(),
    methods: methods
      .meta({ description: 'Methods, in capitals. Left out: all.', samples: [['GET', 'POST']] })
      .optional(),
    headers: conditions(v).meta({ description: 'Request headers: name → value, or `{ present: true }`.' }).optional(),
    query: conditions(v).meta({ description: 'Query parameters: name → value, or `{ present: true }`.' }).optional(),
  })
}

function pathKinds(v: Values) {
  return exactlyOne({
    exact: v.path().meta({ description: 'This path alone.' }).optional(),
    prefix: v.path().meta({ description: 'This path and everything below it.' }).optional(),
    template: v
      .path()
      .meta({ description: 'Segments, of which `{name}` stands for any one.', samples: ['/users/{id}'] })
      .optional(),
  })
}

function conditions(v: Values) {
  const present = fields({ present: v.value(z.literal(true)).meta({ description: 'There, with any value.' }) })
  return z.record(z.string().min(1), z.union([maybeSecret(z.string().min(1)), present]))
}

function login(v: Values) {
  return fields({
    at: v.text().meta({
      description: 'Path of the application’s own login page, where a `capture` route learns who signs in.',
      samples: ['/login'],
    }),
  })
}

function cors(v: Values) {
  const { methods, maxAge } = defaults.cors
  return fields({
    origins: v
      .texts()
      .min(1)
      .meta({ description: 'Who may ask: `https://app.example.com`, `https://*.example.com`, or `*`.' }),
    methods: v.texts().meta({ description: 'Methods they may use.', usual: methods }).optional(),
    headers: v.texts().meta({ description: 'Request headers they may send; `*` for all.', usual: [] }).optional(),
    exposeHeaders: v.texts().meta({ description: 'Response headers they may read.', usual: [] }).optional(),
    credentials: v.flag().meta({ description: 'Whether cookies come along.', usual: false }).optional(),
    maxAge: v
      .duration(longestTimer)
      .meta({ description: 'How long browsers remember a preflight.', usual: formatDuration(maxAge) })
      .optional(),
  })
}

function headers(v: Values) {
  return fields({
    request: headerChanges(v)
      .meta({
        description: 'Towards the upstream. What is set here is always removed from the client’s request first.',
      })
      .optional(),
    response: headerChanges(v).meta({ description: 'Towards the client.' }).optional(),
  })
}

/** Values may be empty: that sends no header, and still removes the client's. */
function headerChanges(v: Values) {
  const template = z.string().superRefine((text, context) => {
    const later = laterTemplate(text)
    if (later !== undefined) refuse(context, laterToken(later))
  })
  const value = maybeSecret(template)
  return fields({
    set: z
      .record(z.string().min(1), value)
      .meta({
        description:
          'Header → value, in place of any there is. Values are templates: `{session.NAME}`, `{session.$id}`, `{session.$expiresIn}`, `{identity.CLAIM}`, `{request.method}`, `{request.host}`, `{request.path}`, `{request.id}`, `{client.address}`, `{route.name}`; a literal brace is doubled; an absent or empty value gives no header. What `{ env: NAME }` or `{ file: path }` stands for is sent as it is there.',
        samples: [{ 'X-User-Id': '{session.user_id}' }],
      })
      .optional(),
    add: z
      .record(z.string().min(1), z.union([value, z.array(value).min(1)]))
      .meta({ description: 'Header → value or values, besides those there are. Templates too.' })
      .optional(),
    remove: v.texts().meta({ description: 'Headers to take away.', usual: [] }).optional(),
  })
}

function laterToken(name: string): Refusal {
  return {
    code: 'not-supported-yet',
    problem: `names ${name}, which this version does not support`,
    remedy: 'Remove it for now: tokens come with sign-in through an OpenID provider.',
  }
}

function pathChange(v: Values) {
  return {
    path: v.path().meta({ description: 'The whole path, instead of the one asked for.' }).optional(),
    prefix: v.path().meta({ description: 'In place of the prefix that matched; what follows it stays.' }).optional(),
  }
}

function rewrite(v: Values) {
  return exactlyOne(pathChange(v))
}

function redirect(v: Values) {
  const statuses = [301, 302, 303, 307, 308] as const
  return fields({
    status: v
      .value(z.literal(statuses))
      .meta({ description: 'Status of the answer.', usual: defaults.redirect.status })
      .optional(),
    scheme: v.choice(['http', 'https']).meta({ description: 'Scheme to lead to. Left out: the request’s.' }).optional(),
    host: v.text().meta({ description: 'Host to lead to. Left out: the request’s.' }).optional(),
    port: v
      .integer(1, 65_535)
      .meta({ description: 'Port to lead to. Left out: the request’s, or the usual one of a new `scheme`.' })
      .optional(),
    ...pathChange(v),
  }).superRefine(({ path, prefix }, context) => {
    if (path !== undefined && prefix !== undefined) refuse(context, twoPaths)
  })
}

const twoPaths = { problem: 'has "path" and "prefix"', remedy: 'Keep one of them.' }

function mirror(v: Values) {
  const full = fields({
    upstream: v.name().meta({ description: 'Name of one of `upstreams`, or a URL.' }),
    percent: v
      .integer(0, 100)
      .meta({ description: 'Share of the requests that are mirrored.', usual: defaults.mirror.percent })
      .optional(),
  })
  return z.union([v.name(), full])
}
