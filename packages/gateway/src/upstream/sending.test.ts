/** Over how many attempts and targets a request goes. */
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ask, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

const empty = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const recorder = await startRecorder()
  await recorder.close()
  return recorder.port
}

describe('sending again', () => {
  /** Answers the first request of a connection, and drops the connection at the second. */
  const dropSecond = () =>
    startRecorder({
      respond: (_, connection) => {
        if (connection.requests.length === 1) return empty
        connection.reset()
        return undefined
      },
    })

  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])(
    'a request of method %s is sent once more when a kept connection breaks without a byte',
    async (method) => {
      await using recorder = await dropSecond()
      using stage = stageForward({ targets: [recorder.url] })
      const targets: string[] = []
      await ask(stage)
      await ask(stage, { method, onTarget: (target) => void targets.push(target) })
      expect(recorder.requests.map((sent) => sent.method)).toEqual(['GET', method, method])
      expect(targets).toHaveLength(2)
      expect(stage.observed).toEqual(['shop answered', 'shop answered'])
    },
  )

  test.each(['POST', 'PATCH', 'LOCK'])(
    'a request of method %s is not sent again: it may have been acted on',
    async (method) => {
      await using recorder = await dropSecond()
      using stage = stageForward({ targets: [recorder.url] })
      await ask(stage)
      await expect(ask(stage, { method })).rejects.toMatchObject({ code: 'upstream-reset', status: 502 })
      expect(recorder.requests).toHaveLength(2)
    },
  )

  test('a GET with a body is not sent again', async () => {
    await using recorder = await dropSecond()
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    const body = Readable.from([Buffer.from('x')])
    await expect(ask(stage, { body, contentLength: 1 })).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(recorder.requests).toHaveLength(2)
  })

  test('a request is not sent again on a fresh connection, nor after a byte of an answer', async () => {
    await using fresh = await startRecorder({ respond: (_, connection) => void connection.reset() })
    using first = stageForward({ targets: [fresh.url] })
    await expect(ask(first)).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(fresh.requests).toHaveLength(1)
    await using begun = await startRecorder({
      respond: (_, connection) => {
        if (connection.requests.length === 1) return empty
        void connection.write('HTTP/1.1 200').then(() => connection.end())
        return undefined
      },
    })
    using second = stageForward({ targets: [begun.url] })
    await ask(second)
    await expect(ask(second)).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(begun.requests).toHaveLength(2)
  })

  test('a request is not sent a third time when the fresh connection breaks too', async () => {
    await using recorder = await startRecorder({
      respond: (_, connection) => {
        if (connection.index === 0 && connection.requests.length === 1) return empty
        connection.reset()
        return undefined
      },
    })
    using stage = stageForward({ targets: [recorder.url] })
    await ask(stage)
    await expect(ask(stage)).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(recorder.requests).toHaveLength(3)
  })

  test('a request goes to the next target when one cannot be reached, also a POST: nothing was sent', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [`http://127.0.0.1:${await deadPort()}`, recorder.url] })
    const wanted: string[] = []
    const body = Readable.from([Buffer.from('x')])
    const sent = await ask(stage, {
      method: 'POST',
      body,
      contentLength: 1,
      onBodyWanted: () => void wanted.push('body'),
    })
    expect(sent.reply.status).toBe(200)
    expect(wanted).toEqual(['body'])
    expect(stage.observed).toEqual(['shop connect', 'shop answered'])
  })

  test('a request is 502 when no target can be reached', async () => {
    const [one, two] = [await deadPort(), await deadPort()]
    using stage = stageForward({ targets: [`http://127.0.0.1:${one}`, `http://127.0.0.1:${two}`] })
    const targets: string[] = []
    const sent = ask(stage, { onTarget: (target) => void targets.push(target) })
    await expect(sent).rejects.toMatchObject({ code: 'upstream-connect', status: 502 })
    await expect(sent).rejects.toThrow(/^Upstream "shop" at 127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/)
    expect(targets).toEqual([`127.0.0.1:${one}`, `127.0.0.1:${two}`])
  })
})

describe('targets', () => {
  test('a failing target is set aside, tried again after its time, and told about', async () => {
    await using good = await startRecorder()
    await using bad = await startRecorder({ respond: (_, connection) => void connection.reset() })
    using stage = stageForward({ targets: [bad.url, good.url], failing: { after: 2, for: 1000 } })
    const outcomes: number[] = []
    const send = async (count: number) => {
      for (let i = 0; i < count; i++)
        outcomes.push(
          await ask(stage).then(
            ({ reply }) => reply.status,
            (error) => error.status,
          ),
        )
    }
    await send(8)
    expect(outcomes).toEqual([502, 200, 502, 200, 200, 200, 200, 200])
    expect(stage.observed.filter((each) => each.includes('target'))).toEqual(['shop target down'])
    stage.clock.now += 1000
    outcomes.length = 0
    await send(4)
    expect(outcomes.filter((status) => status === 502)).toHaveLength(1)
  })

  test('a request is 503 when no target has a weight', async () => {
    await using recorder = await startRecorder()
    using stage = stageForward({ targets: [{ url: recorder.url, weight: 0 }] })
    await expect(ask(stage)).rejects.toMatchObject({ code: 'upstream-unavailable', status: 503 })
    expect(recorder.connections).toHaveLength(0)
  })
})
