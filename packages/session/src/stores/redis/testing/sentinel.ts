import { startedIn, type TestServerOptions } from './launch.ts'
import { attempt, type Folder, freePorts, type Settings, startServer, type TestServer, until } from './processes.ts'
import { replicating, shownAs, type TestReplicated } from './replicated.ts'

export interface TestSentinel extends TestReplicated {
  readonly masterName: string
  readonly sentinels: readonly TestServer[]
  /** Which port the sentinel names as the primary's. */
  named(sentinel?: TestServer): number
}

export interface TestSentinelOptions extends TestServerOptions {
  /** Lines of the sentinels' configuration: `{ requirepass: 's', 'sentinel auth-pass': 'main p' }`. */
  readonly sentinelSettings?: Settings
  readonly sentinelPortSettings?: (port: number) => Settings
  readonly sentinelCli?: readonly string[]
  /** Milliseconds after which a silent primary counts as down. @defaultValue 500 */
  readonly downAfter?: number
}

/** A primary with two replicas and three sentinels that know each other. */
export async function testSentinel(options: TestSentinelOptions = {}): Promise<TestSentinel> {
  return await startedIn((place) => watching(place, options))
}

async function watching(place: Folder, options: TestSentinelOptions) {
  const servers = await replicating(place, 2, options)
  const ports = await freePorts(3)
  const sentinels = await Promise.all(ports.map((port) => startSentinel(place, port, servers[0]!.port, options)))
  await until('the sentinels know each other', () => sentinels.every(knowsAll))
  const named = (sentinel = sentinels[0]!) =>
    Number(sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName).split('\n')[1])
  return { ...shownAs(servers), masterName, sentinels, named }
}

const masterName = 'main'

function startSentinel(place: Folder, port: number, primary: number, options: TestSentinelOptions) {
  const { sentinelSettings = {}, sentinelPortSettings = () => ({}), sentinelCli = [], downAfter = 500 } = options
  const settings = {
    port,
    bind: '127.0.0.1 127.0.0.2',
    dir: place.path,
    'sentinel monitor': `${masterName} 127.0.0.1 ${primary} 2`,
    'sentinel down-after-milliseconds': `${masterName} ${downAfter}`,
    'sentinel failover-timeout': `${masterName} 3000`,
    'sentinel parallel-syncs': `${masterName} 2`,
    ...sentinelSettings,
    ...sentinelPortSettings(port),
  }
  return startServer({ folder: place.path, port, settings, args: ['--sentinel'], cli: sentinelCli })
}

function knowsAll(sentinel: TestServer): boolean {
  const lines = attempt(() => sentinel.command('SENTINEL', 'MASTER', masterName)).split('\n')
  const value = (name: string) => lines[lines.indexOf(name) + 1]
  return value('num-slaves') === '2' && value('num-other-sentinels') === '2' && value('flags') === 'master'
}
