import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { testCluster, testReplicated, testSentinel, testStandalone, until } from './servers.ts'

test('a server is killed, started again, paused', async () => {
  await using server = await testStandalone({ settings: { requirepass: 'p' }, cli: ['-a', 'p', '--no-auth-warning'] })
  expect(server.command('SET', 'a', '1')).toBe('OK')
  await server.kill()
  expect(() => server.command('GET', 'a')).toThrow()
  await server.restart({ maxmemory: '4mb' })
  expect(server.command('CONFIG', 'GET', 'maxmemory')).toBe('maxmemory\n4194304')
})

test('replicas have what their primary has', async () => {
  await using replicated = await testReplicated(2)
  expect(replicated.primary().port).toBe(replicated.ports[0])
  replicated.primary().command('SET', 'a', '1')
  await until('it is everywhere', () => replicated.servers.every((server) => server.command('GET', 'a') === '1'))
})

test('sentinels make another primary', async () => {
  await using sentinel = await testSentinel()
  expect(sentinel.named()).toBe(sentinel.ports[0])
  await sentinel.servers[0]!.kill()
  await until('a replica is promoted', () => sentinel.named() !== sentinel.ports[0])
})

test('a cluster covers all slots', async () => {
  await using cluster = await testCluster()
  const owner = cluster.ownerOf('a')
  expect(owner.command('SET', 'a', '1')).toBe('OK')
  expect(cluster.servers[0] === owner || cluster.servers[1] === owner || cluster.servers[2] === owner).toBe(true)
})

test('of a cluster that does not come up nothing stays', async () => {
  const ports: number[] = []
  const lastOneFails = (port: number) => (ports.push(port) === 6 ? { nonsense: 'yes' } : {})
  await expect(testCluster({ portSettings: lastOneFails })).rejects.toThrow('ended with 1')
  expect(ports).toHaveLength(6)
  expect(await Promise.all(ports.map(isListening))).not.toContain(true)
})

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
