import { expect, test } from 'vitest'
import { testStandalone } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { command } from './command.ts'
import { expectNoHarm, expectOutage } from './expectations.ts'
import { anything, type Fault, patience, type Report } from './fault.ts'
import { commandTimeout } from './gateways.ts'
import { bound } from './journal.ts'

const onDisk = { appendonly: 'yes', appendfsync: 'everysec' }
const at = ({ port }: { readonly port: number }) => ({ standalone: `127.0.0.1:${port}` })

test(
  'a server that is killed and started again, with its data on disk',
  async () => {
    await using server = await testStandalone({ settings: onDisk })
    const report = await expectNoHarm({
      name: 'standalone killed, appendonly',
      store: at(server),
      strike: () => server.kill(),
      mend: () => server.restart(),
    })
    expectOutage(report)
    expect(report.tally.lost).toEqual([])
  },
  patience,
)

test(
  'a server that hangs: every connection stays open, and nobody answers',
  async () => {
    await using server = await testStandalone()
    const report = await expectNoHarm({
      name: 'standalone hangs (SIGSTOP)',
      store: at(server),
      strike: () => server.pause(),
      mend: () => server.resume(),
    })
    expectOutage(report)
  },
  patience,
)

test(
  'a server that is killed and started again, with nothing on disk: every session is lost, and nothing is wrong',
  async () => {
    await using server = await testStandalone()
    const report = await expectNoHarm({
      name: 'standalone killed, nothing on disk',
      store: at(server),
      strike: () => server.kill(),
      mend: () => server.restart(),
      mayLose: { before: Number.POSITIVE_INFINITY, kinds: anything },
    })
    expectOutage(report)
    expect(report.tally.lost.length).toBeGreaterThan(0)
  },
  patience,
)

test(
  'a server that hangs, and sessions may be served from the cache',
  async () => {
    const hang = async (name: string, settings: Pick<Fault, 'serveCachedFor'>) => {
      await using server = await testStandalone()
      return await expectNoHarm({
        name,
        store: at(server),
        ...settings,
        onlyLooking: true,
        strike: () => server.pause(),
        // What is cached is believed for up to 2 s, and the first who ask wait 1 s: so at least 2 s are left.
        lasts: 6000,
        mend: () => server.resume(),
      })
    }
    const [refusing, serving] = await Promise.all([
      hang('the same, visitors only look', {}),
      hang('the same, serveCachedFor 30s', { serveCachedFor: '30s' }),
    ])
    expect(servedLate(serving)).toBeGreaterThan(50)
    expect(serving.tally.refused.length).toBeLessThan(refusing.tally.refused.length)
    expect(serving.unreadyAfter).toEqual([expect.any(Number), expect.any(Number)])
    expect(servedLate(refusing)).toBe(0)
  },
  patience,
)

/** Requests with a ticket that were answered when nothing cached was believed any more. */
function servedLate({ tally, spans }: Report): number {
  return tally.servedWithTicket.filter((at) =>
    spans.some(({ from, to }) => at > from + bound && at < to - commandTimeout),
  ).length
}

test(
  'a server that is full: nothing new, and everything else goes on',
  async () => {
    await using server = await testStandalone()
    const report = await expectNoHarm({
      name: 'store full (noeviction)',
      store: at(server),
      strike: async () => void (await command(server, 'CONFIG', 'SET', 'maxmemory', '1')),
      mend: async () => void (await command(server, 'CONFIG', 'SET', 'maxmemory', '0')),
    })
    expect(report.tally.refused.length).toBeGreaterThan(0)
  },
  patience,
)
