/** What the store is asked when requests go to any gateway, without stickiness. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSessions } from '../../manager.ts'
import { createBrowser } from '../../rules/fixtures/world.ts'
import { connectRedis } from './index.ts'
import { at } from './testing/bench.ts'
import { until } from './testing/processes.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

const sessions = 20
const minutes = 10
/** Of each session: one request per second. */
const requestsPerMinute = 60

let server: TestStandalone
beforeAll(async () => {
  server = await testStandalone()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

test.each([
  // Each gateway asks once a minute for each session: its touch tells it that all is as it was.
  [1, undefined, 1 / 60],
  [3, undefined, 3 / 60],
  [10, undefined, 10 / 60],
  // A touch also moves the entry in the index.
  [1, 'ann', 2 / 60],
  [10, 'ann', 20 / 60],
])(
  'with %i gateways, signed in as %s, at most %f commands per request, and no message',
  async (gateways, who, most) => {
    let now = 1_700_000_000_000
    const running = await Promise.all(Array.from({ length: gateways }, () => gateway(() => now)))
    const browsers = Array.from({ length: sessions }, () => createBrowser(running[0]!.manager))
    for (const browser of browsers)
      await browser.visit((session) => (who === undefined ? session.start() : session.signIn(who)))
    const elsewhere = running.map(({ manager }) => browsers.map(({ cookie }) => createBrowser(manager, cookie)))
    const before = asked()
    for (let request = 0; request < minutes * requestsPerMinute; request += 1) {
      now += 1000
      for (let index = 0; index < sessions; index += 1) {
        const session = await elsewhere[(request + index) % gateways]![index]!.visit()
        expect([session.state, session.subject]).toEqual(['open', who])
      }
    }
    const after = asked()
    const requests = minutes * requestsPerMinute * sessions
    expect((after.commands - before.commands) / requests).toBeLessThanOrEqual(most)
    expect(after.messages - before.messages).toBe(0)
    for (const { manager, stores } of running) {
      await manager.close()
      await stores.close()
    }
  },
)

async function gateway(clock: () => number) {
  const stores = connectRedis({ deployment: at(server.port) })
  const manager = createSessions({ store: stores, prefix: 'shop', clock, rotateAfter: undefined })
  await until('what is cached is believed', () => stores.channel.up)
  return { stores, manager }
}

/** Since the server began: commands on records, and messages of changes. */
function asked(): { commands: number; messages: number } {
  const text = server.command('INFO', 'commandstats')
  const calls = (names: string) =>
    [...text.matchAll(new RegExp(`^cmdstat_(?:${names}):calls=(\\d+)`, 'gm'))].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    )
  return { commands: calls('get|set|pexpire|del'), messages: calls('publish') }
}
