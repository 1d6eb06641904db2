import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDirectory } from '../../directory.ts'
import { createSessions } from '../../manager.ts'
import { createBrowser } from '../../rules/fixtures/world.ts'
import { redisAcl } from './acl.ts'
import { enterScript } from './index-entries.ts'
import type { Deployment } from './options.ts'
import { at, openRecords, type TestRecords } from './testing/bench.ts'
import { testCluster } from './testing/cluster.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

const minute = 60_000
const timeouts = { idle: 10 * minute, lifetime: 720 * minute }
const keys = [{ id: 'k1', bytes: new Uint8Array(32).fill(1) }]
const ann = { subject: 'ann' }

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function records(deployment: Deployment, auth?: string): Promise<TestRecords> {
  const store = await openRecords(
    'shop',
    deployment,
    auth ? { auth: { username: auth, password: () => 'secret' } } : {},
  )
  open.push({ [Symbol.asyncDispose]: () => store.close() })
  return store
}

async function signIn(store: TestRecords, who = 'ann') {
  const sessions = createSessions({ store, prefix: 'shop', timeouts, serverKeys: keys })
  open.push({ [Symbol.asyncDispose]: () => sessions.close() })
  const browser = createBrowser(sessions)
  const session = await browser.visit((session) => session.signIn(who))
  return { browser, id: session.id ?? '' }
}
const directory = (store: TestRecords) => createDirectory({ store, prefix: 'shop', timeouts, serverKeys: keys })

describe('in one server', () => {
  let server: TestStandalone
  beforeEach(async () => {
    server = await testStandalone()
    open.push(server)
    server.command('ACL', 'SETUSER', 'gate', 'reset', 'on', '>secret', ...redisAcl('shop'))
  })
  const indexKey = () => server.command('--scan', '--pattern', 'shop:~index:*')

  test('the subject is not in its key, and the key ends when its last session has', async () => {
    const store = await records(at(server.port), 'gate')
    await signIn(store)
    expect(indexKey()).toMatch(/^shop:~index:subject:[\w-]{22}$/)
    const left = Number(server.command('PTTL', indexKey()))
    expect(left).toBeGreaterThan(timeouts.idle)
    expect(left).toBeLessThanOrEqual(timeouts.idle + 10_000)
  })

  test('above the bound the sessions that would end first are ended', async () => {
    const store = await records(at(server.port), 'gate')
    const { browser } = await signIn(store)
    const fill = "for i = 1, 9999 do redis.call('ZADD', KEYS[1], 99999999999999, 'x' .. i .. ' 1') end"
    server.command('EVAL', fill, '1', indexKey())
    await signIn(store)
    expect(server.command('ZCARD', indexKey())).toBe('10000')
    expect((await browser.visit()).state).toBe('none')
  })

  test('what is no entry of ours names no session', async () => {
    const store = await records(at(server.port), 'gate')
    for (const member of ['', 'a', 'a b', '../x 1', 'a:b 1', 'a 1 2']) {
      server.command('ZADD', 'shop:~index:subject:x', '99999999999999', member)
    }
    expect(await store.entered('subject:x')).toEqual([])
    for (const name of ['', 'a b', '{a}', 'x'.repeat(129)]) {
      await expect(store.entered(name)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    }
  })

  test('in a full store all sessions of a person are ended, and it says that those just begun may not be', async () => {
    const store = await records(at(server.port), 'gate')
    const { browser } = await signIn(store)
    server.command('CONFIG', 'SET', 'maxmemory', '1')
    await expect(directory(store).endAll(ann)).rejects.toMatchObject({ reason: 'full' })
    expect((await browser.visit()).state).toBe('none')
  })

  /** The very script of the index, as many times in one go as the server is asked to. */
  const enterMany = `local function enter()
    ${enterScript.lua}
  end
  for i = ARGV[5], ARGV[6] do
    ARGV[1] = i .. ' ' .. i
    enter()
  end`
  /** Time passes: all ends come nearer. */
  const sooner = `for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[1], -ARGV[1], member)
  end`

  test('the index of a person stays small over a million sign-ins in four weeks', async () => {
    const store = await records(at(server.port), 'gate')
    const sessions = createSessions({ store, prefix: 'shop', timeouts, serverKeys: keys })
    open.push({ [Symbol.asyncDispose]: () => sessions.close() })
    // Those that ended go with the next write or read, and each round more sign in than an index holds.
    const [rounds, entries, visitors] = [80, 12_480, 20]
    let [largest, largestBefore] = [0, 0]
    for (let round = 0; round < rounds; round += 1) {
      for (let visitor = 0; visitor < visitors; visitor += 1) {
        await createBrowser(sessions).visit((session) => session.signIn('ann'))
      }
      const key = indexKey()
      largestBefore = Math.max(largestBefore, Number(server.command('ZCARD', key)))
      const numbers = [round * entries + 1, (round + 1) * entries].map(String)
      server.command('EVAL', enterMany, '1', key, '', `${timeouts.idle}`, '10000', '10000', ...numbers)
      largest = Math.max(largest, Number(server.command('ZCARD', key)))
      server.command('EVAL', sooner, '1', key, `${(28 * 24 * 60 * minute) / rounds}`)
    }
    expect(rounds * (entries + visitors)).toBe(1_000_000)
    expect([largestBefore, largest]).toEqual([visitors, 10_000])
    expect(await directory(store).find(ann)).toEqual([])
    expect(indexKey()).toBe('')
  }, 300_000)
})

test('in a cluster sessions are found, ended and listed, on whichever server they lie', async () => {
  const started = await testCluster()
  open.push(started)
  const nodes = started.ports.map((port) => ({ host: '127.0.0.1', port }))
  const [one, other] = [await records({ kind: 'cluster', nodes }), await records({ kind: 'cluster', nodes })]
  const visitors = await Promise.all(Array.from({ length: 40 }, (_, i) => signIn(one, i % 2 === 0 ? 'ann' : 'bob')))
  const all = new Set<string>()
  for await (const batch of directory(other).list()) for (const { id } of batch) all.add(id)
  expect(all).toEqual(new Set(visitors.map(({ id }) => id)))
  expect(await directory(other).find(ann)).toHaveLength(20)
  expect(await directory(other).endAll(ann)).toBe(20)
  await until('the messages came', () => one.told.filter((told) => told.endsWith(' -')).length >= 20)
  const states = await Promise.all(visitors.map(async ({ browser }) => (await browser.visit()).state))
  expect(states).toEqual(visitors.map((_, i) => (i % 2 === 0 ? 'none' : 'open')))
})
