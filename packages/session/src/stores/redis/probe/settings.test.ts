import { expect, test } from 'vitest'
import { testStandalone } from '../testing/servers.ts'
import { oddServer, probe, problems, scripted, standalone } from './testing/probing.ts'

test('a server that drops sessions when its memory is full', async () => {
  await using server = await testStandalone({ settings: { maxmemory: '100mb', 'maxmemory-policy': 'volatile-lru' } })
  const report = await probe(standalone(server.port))
  expect(problems(report)).toEqual(['memory warned evicts'])
  expect(report.ok).toBe(true)
  server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  expect(problems(await probe(standalone(server.port)))).toEqual(['memory warned evicts'])
})

test('a server that closes connections sooner than a command may take', async () => {
  await using server = await testStandalone({ settings: { timeout: 2 } })
  const at = standalone(server.port)
  expect(problems(await probe(at))).toEqual(['timeout warned closes-early'])
  expect(problems(await probe(at, { timeouts: { command: 1999 } }))).toEqual([])
})

test('fewer connections than all workers need, those that others have left out', async () => {
  await using server = await testStandalone({ settings: { maxclients: 20 } })
  const at = standalone(server.port)
  expect(problems(await probe(at, { processes: 9 }))).toEqual([])
  const report = await probe(at, { processes: 10 })
  expect(problems(report)).toEqual(['connections warned connections-short'])
  expect(report.steps.find(({ step }) => step === 'connections')?.message).toMatch(
    /needs 20, maxclients is 20, 1 are in use/,
  )
})

test.each([-1, 1])('a clock that differs by minutes, direction %i', async (direction) => {
  await using server = await testStandalone()
  const wallClock = () => Date.now() + direction * 300_000
  const report = await probe(standalone(server.port), { ports: { wallClock } })
  expect(problems(report)).toEqual(['clock warned clock-differs'])
  expect(report.steps.at(-1)?.message).toMatch(direction < 0 ? /ahead of ours/ : /behind ours/)
})

test('a version that is too old, of either name, and one that is not said', async () => {
  const saying = async (server: string, version: string) => {
    const hello = `*4\r\n$6\r\nserver\r\n+${server}\r\n$7\r\nversion\r\n+${version}\r\n`
    await using old = await oddServer(scripted(hello, '+PONG\r\n'.repeat(7), '+OK\r\n'))
    const report = await probe(standalone(old.port), { prefixes: [] })
    return problems(report).filter((line) => line.startsWith('version'))
  }
  expect(await saying('redis', '6.0.16')).toEqual(['version failed too-old'])
  expect(await saying('redis', '5.9.9')).toEqual(['version failed too-old'])
  expect(await saying('valkey', '7.1.0')).toEqual(['version failed too-old'])
  expect(await saying('redis', '6.2.0')).toEqual([])
  expect(await saying('redis', '10.0.0')).toEqual([])
  expect(await saying('valkey', '7.2.0')).toEqual([])
  expect(await saying('redis', 'unknown')).toEqual(['version skipped not-told'])
})

test('something in between that knows no HELLO', async () => {
  await using server = await testStandalone({
    settings: { 'rename-command': 'HELLO ""', requirepass: 'pw' },
    cli: ['-a', 'pw', '--no-auth-warning'],
  })
  const at = standalone(server.port)
  expect(problems(await probe(at, { auth: { password: () => 'pw' } }))).toEqual(['version skipped not-told'])
  expect(problems(await probe(at, { auth: { password: () => 'no' } }))).toEqual([
    'authentication failed password-wrong',
  ])
  // Before it, Redis says that it knows no HELLO, and Valkey 9.1 does not.
  expect(problems(await probe(at)).at(-1)).toBe('authentication failed password-missing')
})

test('a server that is loading its data', async () => {
  const hello = '*2\r\n$4\r\nrole\r\n+master\r\n'
  await using loading = await oddServer(scripted(hello, '-LOADING Redis is loading\r\n'.repeat(7)))
  expect(problems(await probe(standalone(loading.port)))).toEqual(['version skipped not-told', 'role failed loading'])
})

test('a database that is there, and one that is not', async () => {
  await using server = await testStandalone()
  const there = await probe(standalone(server.port, '127.0.0.1', 3))
  expect(problems(there)).toEqual([])
  expect(there.steps.map(({ step }) => step)).toContain('database')
  expect(problems(await probe(standalone(server.port, '127.0.0.1', 99)))).toEqual(['database failed database-missing'])
})
