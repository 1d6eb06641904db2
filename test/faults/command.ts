import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { client } from '../../packages/session/src/stores/redis/testing/processes.ts'
import type { TestServer } from '../../packages/session/src/stores/redis/testing/servers.ts'

const execute = promisify(execFile)

/** One command over a connection of its own. Others go on meanwhile, unlike with `TestServer.command`. */
export async function command(server: Pick<TestServer, 'port'>, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(client, ['-p', String(server.port), ...args], { timeout: 5000 })
  return stdout.trimEnd()
}

/** Looks until it holds. @throws Error after 20 seconds */
export async function untilTrue(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
