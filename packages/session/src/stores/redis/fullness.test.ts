import { expect, test } from 'vitest'
import { createSessions } from '../../manager.ts'
import { createBrowser } from '../../rules/fixtures/world.ts'
import { refused } from './connection/failure.ts'
import { createFullness } from './fullness.ts'
import { connectRedis } from './index.ts'
import { at } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { testStandalone } from './testing/standalone.ts'

const outOfMemory = () => Promise.reject(refused('a:1', "OOM command not allowed when used memory > 'maxmemory'."))

test('full from a refusal for lack of memory until a write succeeds, 10 seconds after the last of them or later', async () => {
  let now = 0
  const fullness = createFullness(() => now)
  const write = () => fullness.watch(async () => {})
  await write()
  expect(fullness.full).toBe(false)
  await expect(fullness.watch(outOfMemory)).rejects.toThrow('OOM')
  expect(fullness.full).toBe(true)
  now += 9_999
  await write()
  expect(fullness.full).toBe(true)
  now += 1
  expect(fullness.full).toBe(true)
  await write()
  expect(fullness.full).toBe(false)
})

test('any other refusal says nothing of it', async () => {
  const fullness = createFullness(() => 0)
  await expect(fullness.watch(() => Promise.reject(refused('a:1', 'READONLY no')))).rejects.toThrow()
  expect(fullness.full).toBe(false)
})

test('a server that is full is known to be by whatever it refuses: a session, a change, an entry of the index', async () => {
  await using server = await testStandalone()
  for (const work of ['start', 'signIn', 'set'] as const) {
    server.command('CONFIG', 'SET', 'maxmemory', '0')
    const stores = connectRedis({ deployment: at(server.port) })
    const manager = createSessions({ store: stores, prefix: 'shop' })
    await until('it is connected', () => stores.channel.up)
    const browser = createBrowser(manager)
    if (work === 'set') await browser.visit((session) => session.start())
    expect(stores.full).toBe(false)
    server.command('CONFIG', 'SET', 'maxmemory', '1')
    const session = await manager.open({ cookie: browser.cookie })
    if (work === 'start') session.start()
    else if (work === 'signIn') session.signIn('ann')
    else session.set('a', 1)
    await expect(session.commit()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect([work, stores.full]).toEqual([work, true])
    await manager.close()
    await stores.close()
  }
})
