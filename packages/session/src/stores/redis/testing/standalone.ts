import { disposal, launcher, type TestServerOptions } from './launch.ts'
import { folder, freePorts, type TestServer } from './processes.ts'

export interface TestStandalone extends TestServer, AsyncDisposable {}

/** One server. */
export async function testStandalone(options: TestServerOptions = {}): Promise<TestStandalone> {
  const place = folder()
  const [port = 0] = await freePorts(1)
  const server = await launcher(place, options)(port)
  return Object.assign(server, { [Symbol.asyncDispose]: disposal(place, [server]) })
}
