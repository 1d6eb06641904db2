import { folder, freePorts, type Settings, startServer, type TestServer } from './processes.ts'

/** What every data server here is configured with: loopback alone, nothing on disk. */
export function basics(port: number, path: string): Settings {
  return { port, bind: '127.0.0.1 127.0.0.2', dir: path, save: '', appendonly: 'no', 'repl-diskless-sync-delay': 0 }
}

export interface TestStandalone extends TestServer, AsyncDisposable {}

/**
 * One server. `settings` are lines of its configuration: `{ requirepass: 'p', timeout: 1, maxmemory: '4mb' }`. `cli`:
 * how `redis-cli` reaches it, when not plainly: `['-a', 'p']`.
 */
export async function testStandalone(settings: Settings = {}, cli: readonly string[] = []): Promise<TestStandalone> {
  const place = folder()
  const [port = 0] = await freePorts(1)
  const launch = { folder: place.path, port, settings: { ...basics(port, place.path), ...settings }, cli }
  const server = await startServer(launch)
  return Object.assign(server, {
    async [Symbol.asyncDispose]() {
      await server.kill()
      place.remove()
    },
  })
}
