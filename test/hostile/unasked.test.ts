/** Answers that nobody asked for, against the real program: what came before a request did is not its answer. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient } from '../../packages/gateway/src/node/fixtures/client.ts'
import { type RecordedConnection, type Recorder, startRecorder } from '../../packages/gateway/src/testing/recorder.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'

const answer = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`
let upstream: Recorder
let gateway: RunningGateway
let port: number

beforeAll(async () => {
  upstream = await startRecorder({ respond: ({ target }) => answer(target) })
  port = await freePort()
  const yaml = `
name: unasked
internal: off
listeners: { web: "127.0.0.1:${port}" }
routes:
  - { name: all, match: { path: / }, upstream: "${upstream.url}" }
`
  gateway = await startGateway({ files: { 'coatcheck.yaml': yaml }, ready: `http://127.0.0.1:${port}/ready` })
})

afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
})

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`

/** The connection that served last: unused, and the first to be taken. */
function last(): RecordedConnection {
  const request = upstream.requests.at(-1)
  return upstream.connections.find(({ requests }) => requests.at(-1) === request)!
}

// while the gateway stands still, the system keeps what comes for it
test.each(['GET', 'POST'])(
  'an answer that lies in the buffer of the system is not the answer to a later %s',
  async (method) => {
    using client = openClient(port)
    for (let i = 0; i < 20; i++) {
      client.send(get(`/first-${i}`))
      await client.until(`/first-${i}`)
      const kept = last()
      gateway.child.kill('SIGSTOP')
      await kept.write(answer('evil'))
      client.send(get(`/second-${i}`).replace('GET', method))
      gateway.child.kill('SIGCONT')
      await client.until(`/second-${i}`)
      await kept.closed
    }
    expect(client.text()).not.toContain('evil')
  },
)

test.each([0, 1, 30])(
  'a second answer, %d ms behind the first, is not the answer to a later request',
  async (pause) => {
    using client = openClient(port)
    client.send(get('/first'))
    await client.until('/first')
    const kept = last()
    await new Promise((resolve) => setTimeout(resolve, pause))
    await kept.write(answer('evil'))
    await kept.closed
    client.send(get('/second'))
    expect(await client.until('/second')).not.toContain('evil')
  },
)
