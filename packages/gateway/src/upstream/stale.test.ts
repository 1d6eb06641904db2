import { afterEach, expect, test, vi } from 'vitest'
import { ask, stageForward } from '../testing/forward.ts'
import { startRecorder } from '../testing/recorder.ts'

afterEach(() => void vi.useRealTimers())

test.each(['GET', 'PUT', 'DELETE'])(
  '%s is not repeated when a kept connection is silent: only one that broke is stale',
  async (method) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    await using recorder = await startRecorder({
      respond: (_, connection) =>
        connection.index === 0 && connection.requests.length === 2
          ? undefined
          : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    })
    using stage = stageForward({
      targets: [recorder.url],
      timeouts: { response: 1000 },
      failing: { after: 1, for: 1000 },
    })
    await ask(stage)
    const sent = ask(stage, { method })
    await recorder.request(1)
    vi.advanceTimersByTime(1200)
    await expect(sent).rejects.toMatchObject({ code: 'upstream-timeout', status: 504 })
    expect(recorder.requests).toHaveLength(2)
    expect(stage.observed).toEqual(['shop answered', 'shop timeout', 'shop target down'])
  },
)
