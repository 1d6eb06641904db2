import { expect, test } from 'vitest'
import { type TestProxy, testProxy } from '../../packages/session/src/stores/redis/testing/proxy.ts'
import { testReplicated, testStandalone } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { expectNoHarm, expectNoOutage, expectOutage } from './expectations.ts'
import { anything, patience } from './fault.ts'

const at = ({ port }: TestProxy) => ({ standalone: `127.0.0.1:${port}` })

test(
  'a slow store: everything is served, and later',
  async () => {
    await using server = await testStandalone()
    await using proxy = await testProxy(server.port)
    const report = await expectNoHarm({
      name: 'slow store (200 ms)',
      store: at(proxy),
      strike: () => proxy.delay(200),
      mend: () => proxy.delay(0),
    })
    expectNoOutage(report)
    expect(report.tally.slowest).toBeGreaterThan(200)
  },
  patience,
)

test(
  'one gateway that is cut off: it refuses, and the other one goes on',
  async () => {
    await using server = await testStandalone()
    await using one = await testProxy(server.port)
    await using other = await testProxy(server.port)
    const report = await expectNoHarm({
      name: 'partition of one gateway',
      store: [at(one), at(other)],
      strike: () => one.partition(),
      lasts: 4000,
      mend: () => one.heal(),
    })
    expectOutage(report, [0])
    expect(report.unreadyAfter[1]).toBeUndefined()
  },
  patience,
)

test(
  'a primary that is put behind its replica, and closes no connection',
  async () => {
    await using servers = await testReplicated(1)
    const nodes = servers.ports.map((port) => `127.0.0.1:${port}`)
    await expectNoHarm({
      name: 'demotion, connections left open',
      store: { replicated: nodes },
      strike() {
        const primary = servers.primary()
        const replica = servers.servers.find((server) => server !== primary)!
        replica.command('REPLICAOF', 'NO', 'ONE')
        primary.command('REPLICAOF', '127.0.0.1', String(replica.port))
      },
      lasts: 0,
      mend() {},
      mayLose: { before: 1000, kinds: anything },
    })
  },
  patience,
)
