/** What we say of a command is true: done, not done, or unknown. */
import { expect, test, vi } from 'vitest'
import { type TestStandalone, testStandalone } from '../testing/servers.ts'
import { connect } from './connect.ts'
import type { RedisFailure } from './connection.ts'

vi.setConfig({ testTimeout: 60_000 })

/** The faults that keep what the server has done: it hangs, and it cuts connections. */
async function trouble(server: TestStandalone, round: number): Promise<void> {
  if (round % 3 === 2) {
    server.command('CLIENT', 'KILL', 'TYPE', 'normal')
    return
  }
  server.pause()
  // Shorter and longer than commands may take, and than a silent connection is kept.
  await new Promise((resolve) => setTimeout(resolve, round % 2 === 0 ? 150 : 700))
  server.resume()
}

test('under faults each command that is said to be done is done once, and none that is said not to be done', async () => {
  await using server = await testStandalone()
  const deployment = { kind: 'standalone', node: { host: '127.0.0.1', port: server.port } } as const
  const redis = connect({ deployment, timeouts: { command: 300 } })
  const padding = 'x'.repeat(20_000)
  const done: string[] = []
  const notDone: string[] = []
  let unknown = 0
  let stopped = false
  const worker = async (name: number) => {
    for (let i = 0; !stopped; i++) {
      const key = `${name}:${i}`
      // RPUSH twice would show; the padding fills the buffers of a socket that nobody reads.
      await redis.call(key, 'RPUSH', [key, padding]).then(
        () => done.push(key),
        (failure: RedisFailure) => (failure.notExecuted ? notDone.push(key) : unknown++),
      )
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const workers = Array.from({ length: 40 }, (_, name) => worker(name))
  for (let round = 0; round < 9; round++) {
    await trouble(server, round)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  stopped = true
  await Promise.all(workers)
  const patient = connect({ deployment, timeouts: { command: 10_000 } })
  const lengths = async (keys: readonly string[]) => {
    const found = await Promise.all(keys.map((key) => patient.call(key, 'LLEN', [key])))
    return [...new Set(found)]
  }
  expect(done.length).toBeGreaterThan(500)
  expect(notDone.length).toBeGreaterThan(10)
  expect(unknown).toBeGreaterThan(10)
  expect(await lengths(done.slice(-5000))).toEqual([1])
  expect(await lengths(notDone.slice(-5000))).toEqual([0])
  await patient.close()
  await redis.close()
})
