/** Answers that break off: the client sees that hers is not whole, and nobody else notices. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rawClient } from '../../packages/gateway/src/node/fixtures/client.ts'
import { makeCertificates } from '../../packages/gateway/src/testing/certificates.ts'
import { type RecordedConnection, type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'
import { openInnocent } from './innocent.ts'
import { dial, type Ports, transports } from './transports.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const chunks = 'Transfer-Encoding: chunked'

/** By target: the beginning of an answer, and what the upstream does when it has arrived. */
const answers: Record<string, readonly [beginning: string, then: (connection: RecordedConnection) => void]> = {
  '/length-end': ['Content-Length: 100\r\n\r\npart', (connection) => connection.end()],
  '/length-reset': ['Content-Length: 100\r\n\r\npart', (connection) => connection.reset()],
  '/chunks-end': [`${chunks}\r\n\r\n4\r\npart\r\n`, (connection) => connection.end()],
  '/chunks-reset': [`${chunks}\r\n\r\n4\r\npart\r\n`, (connection) => connection.reset()],
  '/chunks-bad': [`${chunks}\r\n\r\n4\r\npart\r\n`, (connection) => void connection.write('nonsense\r\n')],
  '/chunks-bad-at-once': [`${chunks}\r\n\r\n4\r\npart\r\nnonsense\r\n`, () => {}],
  '/close-reset': ['Connection: close\r\n\r\npart', (connection) => connection.reset()],
}
let goOn: () => void
let upstream: Recorder
let gateway: RunningGateway
let ports: Ports
let folder: string

beforeAll(async () => {
  upstream = await startRecorder({
    when: 'head',
    respond({ target }, connection) {
      const answer = answers[target]
      if (answer === undefined) return ok
      goOn = () => answer[1](connection)
      return `HTTP/1.1 200 OK\r\n${answer[0]}`
    },
  })
  ports = { tcp: await freePort(), tls: await freePort() }
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-cut-short-'))
  const { certificatePath, keyPath } = makeCertificates(folder).server
  const yaml = `
name: cut-short
internal: off
listeners:
  web: "127.0.0.1:${ports.tcp}"
  tls: { address: "127.0.0.1:${ports.tls}", tls: { certificate: "${certificatePath}", key: "${keyPath}" } }
upstreams: { app: { urls: ["${upstream.url}"], failing: { after: 1000 } } }
routes:
  - { name: all, match: { path: / }, upstream: app }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${ports.tcp}/ready` })
})

afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(transports)('over %s', (transport) => {
  describe.each(['1.0', '1.1'])('HTTP/%s', (version) => {
    test.each(Object.keys(answers))('%s: the upstream breaks off, and only this answer with it', async (target) => {
      using innocent = openInnocent(ports.tcp, 'ok')
      innocent.begin()
      using client = rawClient(dial(transport, ports[transport]))
      client.send(`GET ${target} HTTP/${version}\r\nHost: a.test\r\n\r\n`)
      await client.until('part')
      goOn()
      const received = await client.ended
      expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(received).not.toContain('\r\n0\r\n')
      await innocent.finish()
      expect(gateway.child.exitCode).toBeNull()
    })
  })

  test('a body that stops making sense behind the beginning of its answer ends its connection alone', async () => {
    using innocent = openInnocent(ports.tcp, 'ok')
    innocent.begin()
    using client = rawClient(dial(transport, ports[transport]))
    client.send(`POST /length-end HTTP/1.1\r\nHost: a.test\r\n${chunks}\r\n\r\n5\r\nhello\r\n`)
    await client.until('part')
    client.send('nonsense\r\n')
    expect((await client.ended).match(/HTTP\/1\.1/g)).toHaveLength(1)
    await innocent.finish()
    expect(gateway.child.exitCode).toBeNull()
  })

  test('a coding with a parameter, and a request behind it, end their connection alone', async () => {
    using innocent = openInnocent(ports.tcp, 'ok')
    innocent.begin()
    using client = rawClient(dial(transport, ports[transport]))
    client.send(
      `POST /in HTTP/1.1\r\nHost: a.test\r\n${chunks};q=1\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n`,
    )
    await client.ended
    await innocent.finish()
    expect(gateway.child.exitCode).toBeNull()
    expect(upstream.requests.map((request) => request.target)).not.toContain('/smuggled')
  })
})
