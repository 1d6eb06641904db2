import { launcher, startedIn, type TestServerOptions } from './launch.ts'
import {
  attempt,
  busDistance,
  type Folder,
  fixedBus,
  freePorts,
  type Settings,
  type TestServer,
  until,
} from './processes.ts'
import { isInStep } from './replicated.ts'

export interface TestCluster extends AsyncDisposable {
  /** Three primaries, then three replicas, as they began. */
  readonly servers: readonly TestServer[]
  readonly ports: readonly number[]
  /** The primary that owns the key's slot now. */
  ownerOf(key: string): TestServer
}

/** Three primaries with a replica each, all slots covered. */
export async function testCluster(options: TestServerOptions = {}): Promise<TestCluster> {
  return await startedIn((place) => sharing(place, options))
}

async function sharing(place: Folder, options: TestServerOptions) {
  const ports = await freePorts(12)
  const launch = launcher(place, options)
  const servers = await Promise.all(
    ports.slice(0, 6).map((port, i) =>
      launch(port, {
        'cluster-enabled': 'yes',
        'cluster-config-file': `${port}.nodes`,
        ...busSettings(ports[6 + i]!),
        'cluster-node-timeout': 1500,
      }),
    ),
  )
  await meet(servers, ports)
  const byId = new Map(servers.map((server) => [server.command('CLUSTER', 'MYID'), server]))
  const ownerOf = (key: string) => byId.get(ownerId(servers, slotOf(servers, key)))!
  return { servers, ports: ports.slice(0, 6), ownerOf }
}

async function meet(servers: readonly TestServer[], ports: readonly number[]): Promise<void> {
  const primaries = servers.slice(0, 3)
  const ranges = [0, 5461, 10_923, 16_384]
  for (const [i, server] of primaries.entries()) {
    server.command('CLUSTER', 'ADDSLOTS', ...slots(ranges[i]!, ranges[i + 1]!))
    server.command('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  for (const [i, server] of servers.entries()) {
    if (i > 0)
      servers[0]!.command(
        'CLUSTER',
        'MEET',
        '127.0.0.1',
        String(server.port),
        String(busPort(server.port, ports[6 + i]!)),
      )
  }
  await until('all nodes know each other', () =>
    servers.every((server) => /cluster_known_nodes:6/.test(attempt(() => server.command('CLUSTER', 'INFO')))),
  )
  for (const [i, primary] of primaries.entries()) {
    const id = primary.command('CLUSTER', 'MYID')
    await until('a replica is taken', () => attempt(() => servers[3 + i]!.command('CLUSTER', 'REPLICATE', id)) === 'OK')
  }
  await until('the cluster is whole', () => isWhole(servers))
}

const busPort = (port: number, wanted: number) => (fixedBus ? port + busDistance : wanted)

/** The line that puts the bus of a node at this port, where there is one. */
export const busSettings = (port: number): Settings => (fixedBus ? {} : { 'cluster-port': port })

/** For `CLUSTER ADDSLOTS`: one by one, since Redis 6.2 takes no ranges. Without `end`. */
export function slots(from: number, end: number): readonly string[] {
  return Array.from({ length: end - from }, (_, i) => String(from + i))
}

function isWhole(servers: readonly TestServer[]): boolean {
  const ok = servers.every((server) => /cluster_state:ok/.test(attempt(() => server.command('CLUSTER', 'INFO'))))
  const seesReplicas = servers.every(
    (server) => (attempt(() => server.command('CLUSTER', 'NODES')).match(/ (?:myself,)?slave /g)?.length ?? 0) === 3,
  )
  return ok && seesReplicas && servers.slice(0, 3).every((server) => isInStep(server, 1))
}

/** As the first server says that is there to be asked. */
function slotOf(servers: readonly TestServer[], key: string): number {
  for (const server of servers) {
    const slot = attempt(() => server.command('CLUSTER', 'KEYSLOT', key))
    if (/^\d+$/.test(slot)) return Number(slot)
  }
  throw new Error('No node of the cluster answers.')
}

/** The node that says itself that the slot is its own. */
function ownerId(servers: readonly TestServer[], slot: number): string {
  for (const server of servers) {
    const lines = attempt(() => server.command('CLUSTER', 'NODES')).split('\n')
    const mine = lines.find((line) => /myself,master/.test(line))?.split(' ')
    if (mine?.slice(8).some((range) => covers(range, slot))) return mine[0]!
  }
  throw new Error(`No node owns slot ${slot}.`)
}

function covers(range: string, slot: number): boolean {
  const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
  return from !== undefined && slot >= Number(from) && slot <= Number(to ?? from)
}
