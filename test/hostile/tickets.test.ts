/** Session cookies that nobody issued, by the thousand, against the real program: no session, a counter, no word in the log. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient } from '../../packages/gateway/src/node/fixtures/client.ts'
import { type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'
import { type Innocent, openInnocent } from './innocent.ts'

let upstream: Recorder
let gateway: RunningGateway
let innocent: Innocent
let port: number
let metrics: string

beforeAll(async () => {
  upstream = await startRecorder({ respond: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' })
  port = await freePort()
  const internal = await freePort()
  metrics = `http://127.0.0.1:${internal}/metrics`
  const yaml = `
name: tickets
internal: "127.0.0.1:${internal}"
listeners: { web: "127.0.0.1:${port}" }
sessions: { default: { mode: enforce } }
routes:
  - { name: all, match: { path: / }, headers: { request: { set: { X-Visitor: "{session.$id}" } } }, upstream: "${upstream.url}" }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${port}/ready` })
  innocent = openInnocent(port, 'ok')
})

afterAll(async () => {
  innocent?.[Symbol.dispose]()
  await gateway?.stop()
  await upstream?.close()
})

const random = (bytes = 16) => randomBytes(bytes).toString('base64url')

/** What a browser could bring in the place of a ticket, each with a secret of its own, by the reason for which it counts. */
const garbage: Record<string, (living: string, secret: string) => string> = {
  unknown: (_, secret) => `__Host-session=1.${random()}.${secret}`,
  wrong_secret: (living, secret) => `__Host-session=${living.replace(/[^.]+$/, secret)}`,
  malformed: (living, secret) => `__Host-session=${living}${secret}`,
  oversized: (_, secret) => `__Host-session=1.${random()}.${secret}${'a'.repeat(4_096)}`,
}
const each = 600

test.each(Object.keys(garbage))(
  '600 cookies that are %s: each counts once, none is a session, none is logged',
  async (reason) => {
    const living = await signedOn()
    const secrets = Array.from({ length: each }, () => random())
    const [counted, seen] = [await rejected(reason), upstream.requests.length]
    innocent.begin()
    using client = openClient(port)
    for (const [sent, secret] of secrets.entries()) {
      client.send(`GET /${reason} HTTP/1.1\r\nHost: a.test\r\nCookie: ${garbage[reason]!(living, secret)}\r\n\r\n`)
      if (sent % 50 === 49) await client.until('\r\n\r\nok', sent + 1)
    }
    await innocent.finish()
    expect(client.text().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(each)
    expect(await rejected(reason)).toBe(counted + each)
    const got = upstream.requests.slice(seen).filter(({ target }) => target === `/${reason}`)
    expect(got).toHaveLength(each)
    const id = living.split('.')[1]!
    for (const request of got) {
      expect(request.header('cookie')).toBeUndefined()
      expect(request.header('x-visitor')).not.toBe(id)
    }
    await silent(secrets)
    expect(await visitor(living)).toBe(id)
  },
)

test('of many cookies of our name two are tried, and two that are both good count as none', async () => {
  const [one, other] = [await signedOn(), await signedOn()]
  const counted = await rejected('ambiguous')
  const ids = [one, other].map((ticket) => ticket.split('.')[1])
  expect(ids).not.toContain(await visitor(`${one}; __Host-session=${other}`))
  expect(await rejected('ambiguous')).toBe(counted + 1)
  const crowd = Array.from({ length: 100 }, () => `1.${random()}.${random()}`)
  expect(ids).not.toContain(await visitor([...crowd, one].join('; __Host-session=')))
  for (const ticket of [one, other]) expect(await visitor(ticket)).toBe(ticket.split('.')[1])
  await silent([one, other].map((ticket) => ticket.split('.')[2]!))
})

/** A new session's ticket. */
async function signedOn(): Promise<string> {
  using client = openClient(port)
  client.send('GET /in HTTP/1.1\r\nHost: a.test\r\n\r\n')
  return /Set-Cookie: __Host-session=(1\.[^;]+)/.exec(await client.until('\r\n\r\nok'))![1]!
}

/** Whom the application sees behind this cookie. */
async function visitor(cookie: string): Promise<string | undefined> {
  using client = openClient(port)
  const before = upstream.requests.length
  client.send(`GET /in HTTP/1.1\r\nHost: a.test\r\nCookie: __Host-session=${cookie}\r\n\r\n`)
  await client.until('\r\n\r\nok')
  return upstream.requests[before]!.header('x-visitor')
}

async function rejected(reason: string): Promise<number> {
  const text = await (await fetch(metrics)).text()
  const line = new RegExp(`^coatcheck_sessions_rejected_total\\{[^}]*reason="${reason}"[^}]*\\} (\\d+)$`, 'm').exec(
    text,
  )
  return Number(line![1])
}

/** Nothing of all this stands in either log, when the lines of all requests so far are out. */
async function silent(secrets: readonly string[]): Promise<void> {
  const last = `/last-${random()}`
  using client = openClient(port)
  client.send(`GET ${last} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
  await client.until('\r\n\r\nok')
  await gateway.line((line) => JSON.stringify(line).includes(last))
  const logged = JSON.stringify(gateway.lines()) + gateway.log()
  expect(secrets.filter((secret) => logged.includes(secret))).toEqual([])
}
