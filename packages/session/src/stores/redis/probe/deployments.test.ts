/** Every server of a deployment is probed, also those that others name. */
import { expect, test } from 'vitest'
import type { Auth, Deployment } from '../options.ts'
import { freePorts } from '../testing/processes.ts'
import {
  busSettings,
  slots,
  type TestServer,
  testCluster,
  testReplicated,
  testSentinel,
  testStandalone,
  until,
} from '../testing/servers.ts'
import {
  elsewhere,
  host,
  oddServer,
  passed,
  probe,
  problems,
  problemsAt,
  sentinelNaming,
  standalone,
} from './testing/probing.ts'

const nodesAt = (ports: readonly number[]) => ports.map((port) => ({ host, port }))
const servers = ({ steps }: { steps: readonly { node: string }[] }) =>
  [...new Set(steps.map(({ node }) => Number(node.split(':').at(-1))))].sort()
const portsOf = (list: readonly TestServer[]) => list.map(({ port }) => port)
const sorted = (ports: readonly number[]) => [...ports].sort()

test('standalone: a replica, a sentinel, a node of a cluster', async () => {
  await using replicated = await testReplicated(1)
  expect(problems(await probe(standalone(replicated.ports[1]!)))).toEqual(['role failed replica'])
  await using sentinel = await testSentinel()
  expect(problems(await probe(standalone(sentinel.sentinels[0]!.port)))).toEqual(['role failed sentinel'])
  await using cluster = await testCluster()
  expect(problems(await probe(standalone(cluster.ports[0]!)))).toEqual(['role failed cluster-found'])
})

test('standalone: a node of a cluster that has no slots, or not all of them', async () => {
  const [bus = 0] = await freePorts(1)
  await using server = await testStandalone({ settings: { 'cluster-enabled': 'yes', ...busSettings(bus) } })
  expect(problems(await probe(standalone(server.port)))).toEqual(['role failed slots-uncovered'])
  server.command('CLUSTER', 'ADDSLOTS', ...slots(0, 16_384))
  await until('it is well', () => server.command('CLUSTER', 'INFO').includes('cluster_state:ok'))
  expect(problems(await probe(standalone(server.port)))).toEqual([])
})

test('plain TCP to a server elsewhere that a sentinel or the cluster names', async () => {
  await using server = await testStandalone()
  await using naming = await sentinelNaming(server.port)
  const deployment: Deployment = { kind: 'sentinel', masterName: 'main', nodes: nodesAt([naming.port]) }
  const report = await probe(deployment)
  expect(report.ok).toBe(true)
  expect(problems(report)).toContain('tls warned plain-tcp')
  const warning = report.steps.find(({ reason }) => reason === 'plain-tcp')
  expect(warning?.node).toBe(`${elsewhere}:${server.port}`)
})

test('sentinels: all of them, the primary and the replicas; whoever is not needed only warns', async () => {
  await using deployed = await testSentinel()
  const { masterName, sentinels, ports } = deployed
  const sentinel = (more: object = {}): Deployment => ({
    kind: 'sentinel',
    masterName,
    nodes: nodesAt(portsOf(sentinels)),
    ...more,
  })
  const whole = await probe(sentinel())
  expect(problems(whole)).toEqual([])
  expect(servers(whole)).toEqual(sorted([...portsOf(sentinels), ...ports]))
  expect(passed(whole).filter((step) => step === 'permission')).toHaveLength(3)

  expect(problems(await probe(sentinel({ masterName: 'mane' })))).toEqual(
    Array(3).fill('role failed master-name-unknown'),
  )
  const data = await probe(sentinel({ nodes: nodesAt([ports[0]!, sentinels[0]!.port]) }))
  expect(problems(data)).toEqual(['role warned not-a-sentinel'])
  expect(problems(await probe(sentinel({ nodes: nodesAt([ports[0]!]) })))).toEqual(['role failed not-a-sentinel'])

  await sentinels[2]!.kill()
  await deployed.servers[2]!.kill()
  const hurt = await probe(sentinel())
  expect(hurt.ok).toBe(true)
  expect(problemsAt(hurt, sentinels[2]!.port)).toEqual(['tcp warned refused'])
  expect(problemsAt(hurt, ports[2]!)).toEqual(['tcp warned refused'])
  expect(JSON.stringify(hurt)).toMatch(/It was named by the sentinels/)

  deployed.servers[0]!.pause()
  const headless = await probe(sentinel())
  deployed.servers[0]!.resume()
  expect(problemsAt(headless, ports[0]!)).toEqual(['protocol failed silent'])
  expect(headless.ok).toBe(false)
})

test('sentinels and data each have a password of their own', async () => {
  await using deployed = await testSentinel({
    settings: { requirepass: 'data', masterauth: 'data' },
    cli: ['-a', 'data', '--no-auth-warning'],
    sentinelSettings: { requirepass: 'watch', 'sentinel auth-pass': 'main data', 'sentinel sentinel-pass': 'watch' },
    sentinelCli: ['-a', 'watch', '--no-auth-warning'],
  })
  const { masterName, sentinels } = deployed
  const nodes = nodesAt(portsOf(sentinels))
  const sentinel = (own?: Auth | false): Deployment => ({ kind: 'sentinel', masterName, nodes, auth: own })
  const data = { auth: { password: () => 'data' } }
  expect(problems(await probe(sentinel({ password: () => 'watch' }), data))).toEqual([])
  expect(problems(await probe(sentinel(), data))).toEqual(Array(3).fill('authentication failed password-wrong'))
  expect(problems(await probe(sentinel(false), data))).toEqual(Array(3).fill('authentication failed password-missing'))
  const wrong = await probe(sentinel({ password: () => 'watch' }), { auth: { password: () => 'date' } })
  expect(problems(wrong)).toEqual([
    ...Array(2).fill('authentication warned password-wrong'),
    'authentication failed password-wrong',
  ])

  deployed.servers[1]!.command('CONFIG', 'SET', 'requirepass', 'other')
  const locked = await probe(sentinel({ password: () => 'watch' }), data)
  expect(problems(locked)).toEqual(['authentication warned password-wrong'])

  sentinels[0]!.command('ACL', 'SETUSER', 'default', '-sentinel|replicas')
  const shut = await probe(sentinel({ password: () => 'watch' }), data)
  expect(problemsAt(shut, sentinels[0]!.port)).toEqual(['permission skipped not-told'])
  for (const one of sentinels) one.command('ACL', 'SETUSER', 'default', '-sentinel')
  const blind = await probe(sentinel({ password: () => 'watch' }), data)
  expect(problems(blind)).toEqual(Array(3).fill('permission failed command-forbidden'))
})

test('sentinels: a name that they do not agree about', async () => {
  const answer = (port: number) => {
    const fields = ['ip', host, 'port', String(port), 'config-epoch', '1']
    const master = `*6\r\n${fields.map((word) => `+${word}\r\n`).join('')}*0\r\n`
    return oddServer((socket) => {
      const replies = ['*2\r\n+mode\r\n+sentinel\r\n', master]
      socket.on('data', () => void socket.write(replies.shift() ?? ''))
    })
  }
  await using one = await testStandalone()
  await using other = await testStandalone()
  await using first = await answer(one.port)
  await using second = await answer(other.port)
  const nodes = nodesAt([first.port, second.port])
  const report = await probe({ kind: 'sentinel', masterName: 'main', nodes })
  expect(problems(report).filter((line) => line.startsWith('role'))).toEqual(['role warned sentinels-disagree'])
  expect(servers(report)).toEqual(expect.arrayContaining([one.port, other.port]))
})

test('cluster: all nodes, from one; a replica that is dead warns, a primary fails', async () => {
  await using deployed = await testCluster()
  const { ports } = deployed
  const cluster = (ports: readonly number[]): Deployment => ({ kind: 'cluster', nodes: nodesAt(ports) })
  // A replica is told of once it has something.
  for (const primary of deployed.servers.slice(0, 3)) primary.command('FLUSHALL')
  const slots = () => deployed.servers[0]!.command('CLUSTER', 'SLOTS')
  await until('all are told of', () => ports.every((port) => slots().includes(String(port))))
  const whole = await probe(cluster([ports[0]!]))
  expect(problems(whole)).toEqual([])
  expect(servers(whole)).toEqual(sorted(ports))
  expect(whole.steps.filter(({ message }) => message === 'primary')).toHaveLength(3)

  await using alone = await testStandalone()
  const mixed = await probe(cluster([ports[1]!, alone.port]))
  expect(problems(mixed)).toEqual(['role warned cluster-wanted'])
  expect(problems(await probe(cluster([alone.port])))).toEqual(['role failed cluster-wanted'])

  await deployed.servers[5]!.kill()
  const hurt = await probe(cluster([ports[0]!, ports[5]!]))
  expect(problems(hurt)).toEqual(['tcp warned refused'])
  await deployed.servers[2]!.kill()
  expect(problemsAt(await probe(cluster([ports[0]!])), ports[2]!)).toEqual(['tcp failed refused'])
  await until('the cluster knows', () => deployed.servers[0]!.command('CLUSTER', 'INFO').includes('cluster_state:fail'))
  expect(problemsAt(await probe(cluster([ports[0]!])), ports[0]!)).toEqual(['role failed cluster-down'])
})

test('cluster: slots that nobody has', async () => {
  const [bus = 0] = await freePorts(1)
  await using server = await testStandalone({ settings: { 'cluster-enabled': 'yes', ...busSettings(bus) } })
  const cluster: Deployment = { kind: 'cluster', nodes: nodesAt([server.port]) }
  server.command('CLUSTER', 'ADDSLOTS', ...slots(0, 16_001))
  const report = await probe(cluster)
  expect(problems(report)).toEqual(['role failed slots-uncovered'])
  expect(report.steps.at(-1)?.message).toMatch(/has 383 slots/)
})

test('replicated: the primary is needed, and is one of those that are named', async () => {
  await using deployed = await testReplicated(2)
  const { ports } = deployed
  const replicated = (ports: readonly number[]): Deployment => ({ kind: 'replicated', nodes: nodesAt(ports) })
  expect(problems(await probe(replicated(ports)))).toEqual([])
  const orphans = await probe(replicated(ports.slice(1)))
  expect(problems(orphans)).toEqual(['role failed primary-missing'])
  await deployed.servers[1]!.kill()
  expect(problems(await probe(replicated(ports)))).toEqual(['tcp warned refused'])
  deployed.servers[2]!.command('REPLICAOF', 'NO', 'ONE')
  expect(problems(await probe(replicated(ports)))).toEqual(['tcp warned refused', 'role warned several-primaries'])
  await deployed.servers[0]!.kill()
  await deployed.servers[2]!.kill()
  expect(problems(await probe(replicated(ports)))).toEqual(Array(3).fill('tcp failed refused'))
})

test('hundreds of servers that say nothing: an answer within 5 s, for each of them', async () => {
  await using silent = await oddServer(() => {}, '0.0.0.0')
  const nodes = Array.from({ length: 300 }, (_, i) => ({
    host: `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`,
    port: silent.port,
  }))
  const began = performance.now()
  const report = await probe({ kind: 'cluster', nodes })
  expect(performance.now() - began).toBeLessThan(5000)
  expect(report.ok).toBe(false)
  expect(new Set(report.steps.map(({ node }) => node)).size).toBe(300)
  const found = new Set(problems(report))
  expect(found).toEqual(new Set(['protocol failed silent', 'name skipped out-of-time']))
})
