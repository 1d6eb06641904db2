import { defaults, formatDuration, type Parsed, parsed, unparsed } from '@coatcheck/model'
import * as z from 'zod'
import { longestTimer } from './listeners.ts'
import { fields, pem, type Values } from './values.ts'

const { weight, timeouts, failing, connections } = defaults.upstream

/** `upstreams.NAME`: applications behind the gateway. */
export function upstream(v: Values) {
  const targets = z.array(target(v)).min(1)
  const full = fields({
    urls: z.union([url(v), targets]).meta({
      description:
        'Where the application answers: `http://host:port`, or a list that takes turns, each with a `weight` if need be.',
      samples: [['http://10.0.0.5:3000', { url: 'http://10.0.0.6:3000', weight: 2 }]],
    }),
    tls: upstreamTls(v).meta({ description: 'For `https://` targets.' }).optional(),
    timeouts: upstreamTimeouts(v).meta({ description: 'How long to wait for the application.' }).optional(),
    failing: upstreamFailing(v).meta({ description: 'When a target is set aside for a while.' }).optional(),
    connections: upstreamConnections(v).meta({ description: 'Connections kept open between requests.' }).optional(),
  })
  return z.union([url(v), targets, full])
}

/** `http://host:port` or `https://host:port`, and nothing behind it. */
export function parseUpstreamUrl(text: string): Parsed<string> {
  const remedy = 'Write http://host:port or https://host:port.'
  if (!/^https?:\/\/[^/?#\\@\s]+\/?$/i.test(text))
    return unparsed(`is not a plain upstream URL`, remedyFor(text, remedy))
  if (!URL.canParse(text)) return unparsed('is not a URL', remedy)
  return parsed(new URL(text).origin)
}

function remedyFor(text: string, remedy: string): string {
  if (/^https?:\/\/[^/]+\/./i.test(text)) return `${remedy} A path belongs into the route: rewrite: { prefix: /path }.`
  return text.includes('://') ? remedy : `${remedy} As here: http://${text.slice(0, 100)}`
}

function url(v: Values) {
  return v.parsed({
    title: 'URL',
    expected: 'a URL, as http://127.0.0.1:3000',
    pattern: '^https?://',
    parse: parseUpstreamUrl,
  })
}

function target(v: Values) {
  const full = fields({
    url: url(v).meta({ description: '`http://host:port` or `https://host:port`.' }),
    weight: v
      .integer(0, 1000)
      .meta({ description: 'Share of the requests against the other targets. 0: none.', usual: weight })
      .optional(),
  })
  return z.union([url(v), full])
}

function upstreamTls(v: Values) {
  return fields({
    ca: pem().meta({ description: 'Authorities in PEM to trust instead of the system’s.' }).optional(),
    ...clientTls(v, 'the host of the URL'),
  })
}

/** Fields of TLS that the gateway speaks as a client. @param host what `serverName` is when it is left out */
export function clientTls(v: Values, host: string) {
  return {
    serverName: v
      .text()
      .meta({ description: `Name to ask for and to expect in the certificate. Left out: ${host}.` })
      .optional(),
    certificate: pem().meta({ description: 'Client certificate in PEM. Needs `key`.' }).optional(),
    key: pem().meta({ description: 'Its private key in PEM.' }).optional(),
    insecureSkipVerify: v
      .flag()
      .meta({ description: 'Accept any certificate. Warned about at every start.', usual: false })
      .optional(),
  }
}

function upstreamTimeouts(v: Values) {
  const timer = (description: string, milliseconds: number) =>
    v
      .duration(longestTimer)
      .meta({ description, usual: formatDuration(milliseconds) })
      .optional()
  return fields({
    connect: timer('Until the connection stands, TLS included.', timeouts.connect),
    response: timer(
      'From the last byte of the request to the response’s headers; then the answer is 504.',
      timeouts.response,
    ),
    idle: timer('Longest silence while bodies move; WebSockets and event streams too.', timeouts.idle),
  })
}

function upstreamFailing(v: Values) {
  return fields({
    after: v
      .integer(1, 1000)
      .meta({ description: 'Failures in a row after which a target is set aside.', usual: failing.after })
      .optional(),
    for: v
      .duration(longestTimer)
      .meta({ description: 'How long it is set aside.', usual: formatDuration(failing.for) })
      .optional(),
  })
}

function upstreamConnections(v: Values) {
  return fields({
    maxIdle: v
      .integer(0, 10_000)
      .meta({ description: 'Idle connections kept per target. 0: none.', usual: connections.maxIdle })
      .optional(),
    idle: v
      .duration(longestTimer)
      .meta({
        description: 'How long an idle one is kept. Keep it below what the application allows.',
        usual: formatDuration(connections.idle),
      })
      .optional(),
  })
}
