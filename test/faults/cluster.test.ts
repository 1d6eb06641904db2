import { test } from 'vitest'
import {
  type TestCluster,
  type TestServer,
  testCluster,
} from '../../packages/session/src/stores/redis/testing/servers.ts'
import { command, untilTrue } from './command.ts'
import { expectNoHarm, expectNoOutage, expectOutage } from './expectations.ts'
import { after, anything, patience } from './fault.ts'

const storeOf = ({ ports }: TestCluster) => ({ cluster: ports.map((port) => `127.0.0.1:${port}`) })

interface Node {
  readonly id: string
  readonly server: TestServer
  /** Of its primary; `undefined`: it is one, and owns slots. */
  readonly replicaOf: string | undefined
}

/** As one of them sees it. */
async function nodesOf({ servers }: TestCluster, asked: TestServer): Promise<Node[]> {
  const lines = (await command(asked, 'CLUSTER', 'NODES')).split('\n').filter((line) => !/fail|noaddr/.test(line))
  return lines.flatMap((line) => {
    const [id = '', address = '', flags = '', primary = ''] = line.split(' ')
    const server = servers.find(({ port }) => address.includes(`:${port}@`))
    return server === undefined ? [] : [{ id, server, replicaOf: flags.includes('slave') ? primary : undefined }]
  })
}

/** A primary that has a replica, and that replica. */
async function shardOf(cluster: TestCluster): Promise<{ primary: Node; replica: Node }> {
  const nodes = await nodesOf(cluster, cluster.servers[5]!)
  const replica = nodes.find(({ replicaOf, server }) => replicaOf !== undefined && server !== cluster.servers[5])!
  return { primary: nodes.find(({ id }) => id === replica.replicaOf)!, replica }
}

const isPrimary = (node: Node) =>
  untilTrue('the replica took over', async () => (await command(node.server, 'ROLE')).startsWith('master'))

const isWhole = (servers: readonly TestServer[]) =>
  untilTrue('the cluster is whole', async () => {
    const states = await Promise.all(servers.map((server) => command(server, 'CLUSTER', 'INFO')))
    return states.every((state) => state.includes('cluster_state:ok'))
  })

test(
  'a primary of one shard that is killed, and replaced by its replica',
  async () => {
    await using cluster = await testCluster()
    let shard: Awaited<ReturnType<typeof shardOf>>
    const report = await expectNoHarm({
      name: 'Cluster, primary of a shard killed',
      store: storeOf(cluster),
      async strike() {
        shard = await shardOf(cluster)
        await shard.primary.server.kill()
      },
      lasts: 0,
      async mend() {
        await isPrimary(shard.replica)
        await isWhole(cluster.servers.filter((server) => server !== shard.primary.server))
        await shard.primary.server.restart()
      },
      mayLose: { before: 1000, kinds: anything },
    })
    expectOutage(report)
  },
  patience,
)

test(
  'a failover of one shard that was planned',
  async () => {
    await using cluster = await testCluster()
    let shard: Awaited<ReturnType<typeof shardOf>>
    await expectNoHarm({
      name: 'Cluster, planned failover of a shard',
      store: storeOf(cluster),
      async strike() {
        shard = await shardOf(cluster)
        await command(shard.replica.server, 'CLUSTER', 'FAILOVER')
      },
      lasts: 0,
      async mend() {
        await isPrimary(shard.replica)
        await isWhole(cluster.servers)
      },
      mayLose: { before: 1000, kinds: anything },
    })
  },
  patience,
)

test(
  'slots with sessions that move to another primary',
  async () => {
    await using cluster = await testCluster()
    const report = await expectNoHarm({
      name: 'Cluster, slots with sessions move',
      store: storeOf(cluster),
      strike: () => moveSlots(cluster),
      lasts: 0,
      mend() {},
    })
    expectNoOutage(report)
  },
  patience,
)

/** Those of six sessions, each a while open between two owners. */
async function moveSlots(cluster: TestCluster): Promise<void> {
  const primaries = (await nodesOf(cluster, cluster.servers[0]!)).filter(({ replicaOf }) => replicaOf === undefined)
  const [from, to] = primaries as [Node, Node]
  const keys = (await command(from.server, 'KEYS', 'faults:*')).split('\n').slice(0, 6)
  const slots = new Set(await Promise.all(keys.map((key) => command(from.server, 'CLUSTER', 'KEYSLOT', key))))
  for (const slot of slots) await moveSlot(slot, from, to, primaries)
}

async function moveSlot(slot: string, from: Node, to: Node, primaries: readonly Node[]): Promise<void> {
  await command(to.server, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await command(from.server, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  await after(100)
  const keys = (await command(from.server, 'CLUSTER', 'GETKEYSINSLOT', slot, '1000')).split('\n').filter(Boolean)
  const target = ['127.0.0.1', String(to.server.port), '', '0', '2000']
  if (keys.length > 0) await command(from.server, 'MIGRATE', ...target, 'KEYS', ...keys)
  await after(100)
  for (const { server } of [to, from, ...primaries]) await command(server, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
}
