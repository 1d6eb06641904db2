import { test } from 'vitest'
import {
  type TestSentinel,
  type TestServer,
  testSentinel,
} from '../../packages/session/src/stores/redis/testing/servers.ts'
import { command, untilTrue } from './command.ts'
import { expectNoHarm, expectOutage } from './expectations.ts'
import { anything, type Fault, long, patience } from './fault.ts'

const storeOf = ({ masterName, sentinels }: TestSentinel) => ({
  sentinel: { masterName, nodes: sentinels.map(({ port }) => `127.0.0.1:${port}`) },
})

async function named({ masterName, sentinels }: TestSentinel): Promise<number> {
  const answer = await command(sentinels[0]!, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)
  return Number(answer.split('\n')[1])
}

/** Until the sentinels name another one than this, and it says that it is the primary. */
const isReplaced = (deployment: TestSentinel, port: number) =>
  untilTrue('a replica was promoted', async () => {
    const now = await named(deployment)
    return now !== port && (await command({ port: now }, 'ROLE')).startsWith('master')
  })

/** Every replica follows the primary that is named, so that there can be another failover. */
async function isWhole(deployment: TestSentinel): Promise<void> {
  await untilTrue('the replicas are in step', async () => {
    const state = await command({ port: await named(deployment) }, 'INFO', 'replication')
    return state.match(/state=online/g)?.length === 2
  })
  await untilTrue('the sentinels see it', async () => {
    const state = await command(deployment.sentinels[0]!, 'SENTINEL', 'CKQUORUM', deployment.masterName)
    return state.startsWith('OK')
  })
}

test(
  'a primary that is killed, and replaced by the sentinels',
  async () => {
    await using deployment = await testSentinel()
    let killed: TestServer | undefined
    const report = await expectNoHarm({
      name: 'Sentinel, primary killed',
      store: storeOf(deployment),
      ready: () => isWhole(deployment),
      async strike() {
        const port = await named(deployment)
        killed = deployment.servers.find((server) => server.port === port)!
        await killed.kill()
      },
      lasts: 0,
      async mend() {
        await isReplaced(deployment, killed!.port)
        await killed!.restart()
      },
      mayLose: { before: 1000, kinds: anything },
    })
    expectOutage(report)
  },
  patience,
)

/** By the sentinels, without any server that dies. */
function plannedFailover(deployment: TestSentinel): Pick<Fault, 'store' | 'ready' | 'strike' | 'lasts' | 'mend'> {
  let before = 0
  return {
    store: storeOf(deployment),
    ready: () => isWhole(deployment),
    async strike() {
      before = await named(deployment)
      await command(deployment.sentinels[0]!, 'SENTINEL', 'FAILOVER', deployment.masterName)
    },
    lasts: 0,
    mend: () => isReplaced(deployment, before),
  }
}

test(
  'a failover that was planned: what was confirmed around it may be lost',
  async () => {
    await using deployment = await testSentinel()
    await expectNoHarm({
      name: 'Sentinel, planned failover',
      ...plannedFailover(deployment),
      mayLose: { before: 1000, kinds: anything },
    })
  },
  patience,
)

// In the short run, stores/redis/durability-failover.test.ts shows the same.
if (long)
  test(
    'a failover that was planned, and every replica has to confirm: nothing that was confirmed is lost',
    async () => {
      await using deployment = await testSentinel()
      const failover = plannedFailover(deployment)
      await expectNoHarm({
        ...failover,
        name: 'the same, `durability: { replicas: all }`',
        // A busy machine takes longer than 100 ms when nothing is broken.
        durability: { replicas: 'all', timeout: '500ms' },
        // What changes anything is refused until every replica is back.
        async mend() {
          await failover.mend()
          await isWhole(deployment)
        },
        mayLose: { before: Number.POSITIVE_INFINITY, kinds: ['refused'] },
      })
    },
    patience,
  )
