import { expect, test } from 'vitest'
import { redisAcl } from '../acl.ts'
import type { Deployment } from '../options.ts'
import { freePorts } from '../testing/processes.ts'
import { busSettings, slots, type TestStandalone, testStandalone, until } from '../testing/servers.ts'
import { samples } from './samples.ts'
import { host, oddServer, probe, problems, scripted, standalone, type To } from './testing/probing.ts'

const asShop: To = { auth: { username: 'shop', password: () => 'pw' } }
const durability = { replicas: 'all', timeout: 100, short: 'refuse' } as const

function allow(server: TestStandalone, ...rule: readonly string[]): void {
  server.command('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', ...rule)
}

async function found(server: TestStandalone, more: To = {}) {
  const report = await probe(standalone(server.port), { ...asShop, ...more })
  const { steps } = report
  return {
    ok: report.ok,
    problems: problems(report).filter((line) => line.startsWith('permission')),
    messages: steps.filter(({ step }) => step === 'permission').map(({ message }) => message),
  }
}

test('every command of the rule has a sample', () => {
  const commands = redisAcl('shop').flatMap((word) => (word.startsWith('+') ? [word.slice(1)] : []))
  expect(Object.keys(samples).sort()).toEqual([...commands].sort())
})

test('a sample that was executed all the same would leave nothing', async () => {
  await using server = await testStandalone()
  for (const [name, sample] of Object.entries(samples)) {
    if (name !== 'subscribe') server.command(...sample('shop:a', 'shop:~changed'))
  }
  expect(server.command('DBSIZE')).toBe('0')
})

const transaction = ['+multi', '+discard'] as const

test.each([
  ['a script', []],
  ['a transaction', transaction],
])('the smallest rule is enough; asked in %s', async (_, more) => {
  await using server = await testStandalone()
  allow(server, ...redisAcl('shop'), ...more)
  expect(await found(server)).toEqual({ ok: true, problems: [], messages: ['all that sessions need'] })
})

test.each([
  ['a script', []],
  ['a transaction', transaction],
])('each command that is missing is named; asked in %s', async (_, more) => {
  await using server = await testStandalone()
  for (const word of redisAcl('shop').filter(
    (word) => word.startsWith('+') && !/cluster|asking|select|eval$/.test(word),
  )) {
    const command = word.slice(1)
    allow(server, ...redisAcl('shop').filter((one) => one !== word), ...more)
    const isDispensable = /^(?:ping|publish|subscribe|scan)$/.test(command)
    expect(await found(server, { durability })).toEqual({
      ok: isDispensable,
      problems: [`permission ${isDispensable ? 'warned' : 'failed'} command-forbidden`],
      messages: [expect.stringMatching(`may not call ${command} `)],
    })
  }
})

test.each([
  ['evalsha', 'failed', 'It has no evalsha.'],
  ['time', 'failed', 'It has no time.'],
  ['publish', 'warned', 'It has no publish, so that nothing is cached.'],
  ['subscribe', 'warned', 'It has no subscribe, so that nothing is cached.'],
  ['scan', 'warned', 'It has no scan, so that sessions cannot be listed.'],
])('a server that has no %s: permission %s', async (command, outcome, message) => {
  await using server = await testStandalone({ settings: { 'rename-command': `${command} ""` } })
  server.command('ACL', 'SETUSER', 'shop', 'on', '>pw', 'allcommands', '~*', '&*')
  const seen = { ok: outcome === 'warned', problems: [`permission ${outcome} command-missing`], messages: [message] }
  expect(await found(server)).toEqual(seen)
  server.command('ACL', 'SETUSER', 'shop', '-multi')
  expect(await found(server)).toEqual(seen)
})

test('a server that has neither MULTI nor EVAL', async () => {
  await using server = await testStandalone({ settings: { 'rename-command': 'EVAL ""' } })
  allow(server, ...redisAcl('shop').filter((word) => word !== '+eval'))
  expect(await found(server)).toMatchObject({ ok: false, messages: ['It has no eval.'] })
})

test.each([
  ['a script', []],
  ['a transaction', transaction],
])('what only a cluster, or a database, needs; asked in %s', async (_, more) => {
  const [bus = 0] = await freePorts(1)
  await using server = await testStandalone({ settings: { 'cluster-enabled': 'yes', ...busSettings(bus) } })
  server.command('CLUSTER', 'ADDSLOTS', ...slots(0, 16_384))
  await until('it is well', () => server.command('CLUSTER', 'INFO').includes('cluster_state:ok'))
  const cluster: Deployment = { kind: 'cluster', nodes: [{ host, port: server.port }] }
  const without = async (word: string, deployment: Deployment) => {
    allow(server, ...redisAcl('shop').filter((one) => one !== word), ...more)
    const { steps } = await probe(deployment, asShop)
    return steps.flatMap(({ step, message }) => (step === 'permission' ? [message] : []))
  }
  for (const command of ['cluster|slots', 'cluster|info', 'asking']) {
    const [message] = await without(`+${command}`, cluster)
    expect(message).toContain(`may not call ${command} (`)
    expect(await without(`+${command}`, standalone(server.port))).toEqual(['all that sessions need'])
  }
  expect(await without('+select', cluster)).toEqual(['all that sessions need'])
  expect(await without('+select', standalone(server.port, host, 1))).toEqual([expect.stringContaining('call select (')])
})

test('a key pattern and a channel that are missing, of the prefix that is meant', async () => {
  await using server = await testStandalone()
  allow(server, ...redisAcl('shop').filter((word) => !word.startsWith('&')), ...transaction)
  const channel = await found(server)
  expect(channel).toMatchObject({ ok: true, problems: ['permission warned channel-forbidden'] })
  expect(channel.messages[0]).toMatch(/may not use the channel \(tried on "shop:~changed"\), so that nothing is cached/)
  allow(server, ...redisAcl('shop'), ...transaction)
  const other = await found(server, { prefixes: ['shop', 'desk'] })
  expect(other.problems).toEqual(['permission failed key-forbidden', 'permission warned channel-forbidden'])
  expect(other.messages[0]).toMatch(/may not touch the keys \(tried on "desk:\*"\)/)
})

test('a user that may run no script, and so cannot be asked about', async () => {
  await using server = await testStandalone()
  allow(server, ...redisAcl('shop').filter((word) => word !== '+eval'))
  expect((await found(server)).messages).toEqual([expect.stringMatching(/may not call eval /)])
})

test('a server that lets nobody ask, as Redis 6.2 without MULTI', async () => {
  const hello = '*2\r\n$7\r\nversion\r\n$5\r\n6.2.0\r\n'
  const first = ['+PONG', '*2\r\n+1\r\n+1', '*1\r\n+master', ...Array(4).fill('-NOPERM no'), ''].join('\r\n')
  await using old = await oddServer(scripted(hello, first, '-NOPERM no\r\n', '$-1\r\n'))
  const report = await probe(standalone(old.port))
  expect(problems(report)).toContain('permission skipped not-told')
  expect(report.ok).toBe(true)
})

test('without a prefix nothing is asked', async () => {
  await using server = await testStandalone()
  const { steps } = await probe(standalone(server.port), { prefixes: [] })
  expect(steps.map(({ step }) => step)).not.toContain('permission')
  expect(server.command('INFO', 'commandstats')).not.toMatch(/cmdstat_multi/)
})

test('a user that may not look at settings is fine', async () => {
  await using server = await testStandalone()
  allow(server, ...redisAcl('shop'))
  const report = await probe(standalone(server.port), asShop)
  expect(report.ok).toBe(true)
  expect(problems(report)).toEqual([
    'memory skipped not-told',
    'timeout skipped not-told',
    'connections skipped not-told',
  ])
  allow(server, ...redisAcl('shop').filter((word) => word !== '+time'))
  expect(problems(await probe(standalone(server.port), asShop))).toContain('clock skipped not-told')
})
