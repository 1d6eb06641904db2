import { launcher, startedIn, type TestServerOptions } from './launch.ts'
import { freePorts, type TestServer } from './processes.ts'

export interface TestStandalone extends TestServer, AsyncDisposable {}

/** One server. */
export async function testStandalone(options: TestServerOptions = {}): Promise<TestStandalone> {
  const [port = 0] = await freePorts(1)
  return await startedIn((place) => launcher(place, options)(port))
}
