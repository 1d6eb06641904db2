import { launcher, startedIn, type TestServerOptions } from './launch.ts'
import { attempt, type Folder, freePorts, type TestServer, until } from './processes.ts'

export interface TestReplicated extends AsyncDisposable {
  /** The first began as the primary. */
  readonly servers: readonly TestServer[]
  /** Ports of all of them. */
  readonly ports: readonly number[]
  /** The one that says it is the primary now. */
  primary(): TestServer
}

/** A primary with replicas that are in step with it. */
export async function testReplicated(replicas = 2, options: TestServerOptions = {}): Promise<TestReplicated> {
  return await startedIn(async (place) => shownAs(await replicating(place, replicas, options)))
}

/** The primary, then its replicas, in step. */
export async function replicating(place: Folder, replicas: number, options: TestServerOptions) {
  const [first = 0, ...others] = await freePorts(1 + replicas)
  const launch = launcher(place, options)
  const primary = await launch(first)
  const copies = await Promise.all(others.map((port) => launch(port, { replicaof: `127.0.0.1 ${first}` })))
  await until('the replicas are in step', () => isInStep(primary, replicas))
  return [primary, ...copies]
}

export function isInStep(primary: TestServer, replicas: number): boolean {
  const online = attempt(() => primary.command('INFO', 'replication')).match(/state=online/g)
  return online?.length === replicas
}

export function shownAs(servers: readonly TestServer[]) {
  return {
    servers,
    ports: servers.map(({ port }) => port),
    primary() {
      const found = servers.find((server) => attempt(() => server.command('ROLE')).startsWith('master'))
      if (found === undefined) throw new Error('No server says that it is the primary.')
      return found
    },
  }
}
