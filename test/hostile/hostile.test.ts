/** Bytes that must not be misread, against the real program, with an upstream that records every byte it gets. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates } from '../../packages/gateway/src/testing/certificates.ts'
import { type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'
import { type Innocent, openInnocent } from './innocent.ts'
import { type HostileRequest, hostileRequests } from './requests.ts'
import { dial, type Ports, type Transport, transports } from './transports.ts'

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const marker = 'GET /marker HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'
const largestByteByByte = 600

let upstream: Recorder
let gateway: RunningGateway
let ports: Ports
let folder: string
let innocent: Innocent

beforeAll(async () => {
  upstream = await startRecorder({ respond: () => answer })
  ports = { tcp: await freePort(), tls: await freePort() }
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-hostile-'))
  const { certificatePath, keyPath } = makeCertificates(folder).server
  const yaml = `
name: hostile
internal: off
listeners:
  web: "127.0.0.1:${ports.tcp}"
  tls: { address: "127.0.0.1:${ports.tls}", tls: { certificate: "${certificatePath}", key: "${keyPath}" } }
sessions: { default: { mode: enforce } }
routes:
  - { name: public, match: { path: /public }, upstream: "${upstream.url}" }
  - { name: all, match: { path: / }, upstream: "${upstream.url}" }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${ports.tcp}/ready` })
  innocent = openInnocent(ports.tcp, 'ok')
})

afterAll(async () => {
  innocent?.[Symbol.dispose]()
  await gateway?.stop()
  await upstream?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(transports)('over %s', (transport) => {
  test.each(hostileRequests)('$name', async (hostile) => {
    await judge(transport, hostile, [hostile.bytes])
  })

  test.each(hostileRequests.filter(({ bytes }) => bytes.length <= largestByteByByte))(
    'byte by byte: $name',
    async (hostile) => {
      await judge(transport, hostile, [...hostile.bytes])
    },
  )

  test.each(hostileRequests.filter(({ expected }) => expected.is === 'forwarded'))(
    'coalesced with the next request: $name',
    async ({ bytes, expected }) => {
      const before = upstream.requests.length
      const received = await exchange(transport, [bytes + marker], 2)
      if (expected.is === 'forwarded' && expected.closes) {
        expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
        expect(received).toMatch(/\r\nConnection: close\r\n/)
        expect(upstream.requests.length - before).toBe(1)
        return
      }
      expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
      expect(upstream.requests.slice(before).map(({ target }) => target)).toContain('/marker')
      expect(upstream.requests.length - before).toBe(2)
    },
  )
})

test('nothing of all this stopped the gateway, and every line of its log parses', async () => {
  expect(gateway.child.exitCode).toBeNull()
  expect(gateway.lines().length).toBeGreaterThan(hostileRequests.length)
})

async function judge(
  transport: Transport,
  { expected, cut }: HostileRequest,
  pieces: readonly string[],
): Promise<void> {
  const before = upstream.requests.length
  innocent.begin()
  const received = await exchange(transport, pieces, 1, cut)
  await innocent.finish()
  const got = upstream.requests.slice(before)
  expect(got.pop()?.target).toBe('/innocent')
  if (expected.is === 'refused') {
    expect(got.map(({ head }) => head)).toEqual([])
    expect(received).toMatch(/^(HTTP\/1\.[01] 4\d\d |$)/)
    expect(received.match(/HTTP\/1\.[01] \d\d\d /g)?.length ?? 0).toBeLessThanOrEqual(1)
    return
  }
  expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(got).toHaveLength(1)
  expect(got[0]!.head.split('\r\n')[0]).toBe(expected.line)
  expect(got[0]!.body.toString('latin1')).toBe(expected.body)
}

/**
 * Writes the pieces, each in a packet of its own, and returns all that came until `answers` are there and the connection
 * is closed. `cut`: the client ends its side behind the pieces.
 */
async function exchange(
  transport: Transport,
  pieces: readonly string[],
  answers: number,
  cut = false,
): Promise<string> {
  const socket = dial(transport, ports[transport])
  let received = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    received += chunk
    if (complete(received) >= answers) socket.end()
  })
  socket.on('error', () => {})
  // A refused request may be answered by a reset as well, which is an error to Node and an end to us.
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, transport === 'tls' ? 'secureConnect' : 'connect')
  await write(socket, pieces)
  if (cut) socket.end()
  await closed
  return received
}

async function write(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    if (!socket.writable) return
    socket.write(piece, 'latin1')
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** How many answers are complete: each has a Content-Length, or ends with the connection. */
function complete(received: string): number {
  let count = 0
  for (let at = 0; ; count++) {
    const end = received.indexOf('\r\n\r\n', at)
    if (end === -1) return count
    const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(at, end))
    if (!length || received.length < end + 4 + Number(length[1])) return count
    at = end + 4 + Number(length[1])
  }
}
