/** The way to one server, and what it may have against us. */
import { describe, expect, test } from 'vitest'
import { testStandalone } from '../testing/servers.ts'
import { host, hurried, oddServer, passed, probe, problems, scripted, standalone } from './testing/probing.ts'

test('a server that is right passes every step', async () => {
  await using server = await testStandalone()
  const report = await probe(standalone(server.port))
  expect(report.ok).toBe(true)
  expect(problems(report)).toEqual([])
  const steps = 'tcp protocol authentication version role permission memory timeout connections clock'
  expect(passed(report).join(' ')).toBe(steps)
  expect(new Set(report.steps.map(({ node }) => node))).toEqual(new Set([`${host}:${server.port}`]))
})

test('nothing is written, and nobody is told', async () => {
  await using server = await testStandalone({ settings: { user: 'shop on >pw ~* &* +@all' } })
  await probe(standalone(server.port), { auth: { username: 'shop', password: () => 'pw' } })
  await probe(standalone(server.port))
  expect(server.command('DBSIZE')).toBe('0')
  const called = [...server.command('INFO', 'commandstats').matchAll(/cmdstat_([^:]+):/g)].map(([, name]) => name)
  expect(called.sort()).toEqual(
    expect.arrayContaining(['discard', 'hello', 'info', 'multi', 'ping', 'role', 'time', 'config|get']),
  )
  const harmless = 'config|get dbsize discard hello info multi ping role time'.split(' ')
  expect(called.filter((name) => !harmless.includes(name!))).toEqual([])
})

describe('name and TCP', () => {
  const named = standalone(6379, 'redis.invalid')
  const failing = (code: string) => ({ lookup: () => Promise.reject(Object.assign(new Error(code), { code })) })

  test('a name that nobody knows, one without address, and a name server that fails or says nothing', async () => {
    expect(problems(await probe(named, { ports: failing('ENOTFOUND') }))).toEqual(['name failed name-unknown'])
    expect(problems(await probe(named, { ports: { lookup: async () => [] } }))).toEqual(['name failed name-unknown'])
    expect(problems(await probe(named, { ports: failing('EAI_AGAIN') }))).toEqual(['name failed name-server-silent'])
    const silent = { ...hurried, lookup: () => new Promise<never>(() => {}) }
    expect(problems(await probe(named, { ports: silent }))).toEqual(['name failed name-server-silent'])
  })

  test('nobody listens', async () => {
    const report = await probe(standalone(1))
    expect(problems(report)).toEqual(['tcp failed refused'])
    expect(report.ok).toBe(false)
    expect(report.steps[0]).toMatchObject({ node: `${host}:1`, remedy: expect.stringMatching(/Start the server/) })
  })

  test('of a name with several addresses one is enough, and the others are said', async () => {
    await using server = await testStandalone({ settings: { bind: host } })
    const lookup = async () => ['127.0.0.2', host]
    const report = await probe(standalone(server.port, 'redis.internal'), { ports: { lookup } })
    expect(report.ok).toBe(true)
    expect(problems(report)).toEqual(['tcp warned refused'])
    expect(report.steps.find(({ step }) => step === 'tcp')?.node).toBe(`redis.internal:${server.port} (127.0.0.2)`)
  })
})

describe('something else listens', () => {
  const http = 'HTTP/1.1 400 Bad Request\r\n\r\n'

  test('a port that says nothing', async () => {
    await using silent = await oddServer(() => {})
    const report = await probe(standalone(silent.port), { ports: hurried })
    expect(problems(report)).toEqual(['protocol failed silent'])
  })

  test('a server of HTTP, and one that hangs up', async () => {
    await using web = await oddServer((socket) => socket.resume().end(http))
    expect(problems(await probe(standalone(web.port)))).toEqual(['protocol failed not-redis'])
    await using rude = await oddServer((socket) => socket.once('data', () => socket.end()))
    expect(problems(await probe(standalone(rude.port)))).toEqual(['protocol failed hung-up'])
  })

  test.each([
    ['of one byte', 'x'],
    ['of replies', '+OK\r\n'],
    ['in one line', '+'],
    ['in one string', '$4000000\r\n'],
    ['in one array', '*100000\r\n:1\r\n'],
    ['of arrays in arrays', '*1\r\n'],
  ])('a flood %s is bounded in bytes and time', async (_, begin) => {
    const block = Buffer.from(begin.repeat(20_000))
    let sent = 0
    await using flood = await oddServer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(block)) sent += block.length
      }
      socket.on('drain', more).write(begin)
      more()
    })
    const began = performance.now()
    const report = await probe(standalone(flood.port), { ports: hurried })
    expect(report.steps.at(-1)).toMatchObject({
      step: 'protocol',
      outcome: 'failed',
      reason: expect.stringMatching(/not-redis|too-much|silent/),
    })
    expect(performance.now() - began).toBeLessThan(2000)
    expect(sent).toBeLessThan(64 * 1024 * 1024)
  })

  test('one that goes silent after the greeting, or in the middle of it', async () => {
    const hello = '*2\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n'
    await using silent = await oddServer((socket) => socket.once('data', () => socket.write(hello)))
    const report = await probe(standalone(silent.port), { ports: hurried })
    expect(problems(report)).toEqual(['role failed silent'])
    await using half = await oddServer((socket) => socket.once('data', () => socket.write(hello.slice(0, -4))))
    expect(problems(await probe(standalone(half.port), { ports: hurried }))).toEqual(['protocol failed silent'])
  })
})

describe('credentials', () => {
  const withUser = { settings: { user: ['default off', 'shop on >hunter2 ~* &* +@all'] } }
  const as = (username: string, password: string) => ({ auth: { username, password: () => password } })

  test('right, wrong, missing', async () => {
    await using server = await testStandalone({
      ...withUser,
      cli: ['--user', 'shop', '-a', 'hunter2', '--no-auth-warning'],
    })
    const at = standalone(server.port)
    expect(problems(await probe(at, as('shop', 'hunter2')))).toEqual([])
    expect(problems(await probe(at, as('shop', 'hunter3')))).toEqual(['authentication failed password-wrong'])
    expect(problems(await probe(at, as('shoe', 'hunter2')))).toEqual(['authentication failed password-wrong'])
    expect(problems(await probe(at))).toEqual(['authentication failed password-missing'])
  })

  test('a password that cannot be read, without what the error says', async () => {
    await using server = await testStandalone()
    const password = () => {
      throw Object.assign(new Error('hunter2'), { code: 'file-missing' })
    }
    const report = await probe(standalone(server.port), { auth: { password } })
    expect(problems(report)).toEqual(['authentication failed password-unreadable'])
    expect(JSON.stringify(report)).toMatch(/file-missing/)
    expect(JSON.stringify(report)).not.toMatch(/hunter2/)
  })

  test.each([
    '-ERR hunter2 is not right',
    '-WRONGPASS hunter2',
    '-HUNTER hunter2 hunter2',
    '+hunter2',
    '$7\r\nhunter2',
  ])('a server that repeats the password: %j', async (answer) => {
    await using echo = await oddServer(scripted(`${answer}\r\n`, ...Array(3).fill(`${answer}\r\n`.repeat(7))))
    const report = await probe(standalone(echo.port), { ...as('shop', 'hunter2'), ports: hurried })
    expect(report.ok).toBe(false)
    expect(JSON.stringify(report)).not.toMatch(/hunter2/)
  })

  test('protected mode, and a server without a connection left', async () => {
    await using guarded = await oddServer(scripted('-DENIED Redis is running in protected mode\r\n'))
    expect(problems(await probe(standalone(guarded.port)))).toEqual(['authentication failed protected-mode'])
    await using server = await testStandalone({ settings: { maxclients: 1 } })
    await using _held = await holding(server.port)
    expect(problems(await probe(standalone(server.port)))).toEqual(['connections failed connections-short'])
  })
})

async function holding(port: number): Promise<AsyncDisposable> {
  const { connect } = await import('node:net')
  const socket = connect(port, host)
  socket.write('PING\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  return {
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}
