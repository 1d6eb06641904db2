import { afterAll, beforeAll, describe, test } from 'vitest'
import { recordStoreSuite } from '../../testing/index.ts'
import { redisAcl } from './acl.ts'
import type { Deployment } from './options.ts'
import { at, movedTime, nearerScript, openRecords } from './testing/bench.ts'
import { testCluster } from './testing/cluster.ts'
import { attempt, type TestServer } from './testing/processes.ts'
import { testReplicated } from './testing/replicated.ts'
import { testSentinel } from './testing/sentinel.ts'
import { testStandalone } from './testing/standalone.ts'

interface Started extends AsyncDisposable {
  readonly servers: readonly TestServer[]
  readonly deployment: Deployment
}

const local = (port: number) => ({ host: '127.0.0.1', port })

const deployments: Readonly<Record<Deployment['kind'], () => Promise<Started>>> = {
  async standalone() {
    const server = await testStandalone()
    return { ...server, servers: [server], deployment: at(server.port) }
  },
  async sentinel() {
    const started = await testSentinel()
    const nodes = started.sentinels.map(({ port }) => local(port))
    return { ...started, deployment: { kind: 'sentinel', masterName: started.masterName, nodes, auth: false } }
  },
  async replicated() {
    const started = await testReplicated()
    return { ...started, deployment: { kind: 'replicated', nodes: started.ports.map(local) } }
  },
  async cluster() {
    const started = await testCluster()
    return { ...started, deployment: { kind: 'cluster', nodes: started.ports.map(local) } }
  },
}

for (const [kind, start] of Object.entries(deployments)) {
  describe(`the record store suite, ${kind}, as a user with the smallest rule`, () => {
    let started: Started
    beforeAll(async () => {
      started = await start()
    })
    afterAll(async () => {
      await started[Symbol.asyncDispose]()
    })

    let cases = 0
    let wait: (milliseconds: number) => Promise<void>

    /** Ends come nearer in the servers, and the clock moves here by as much: so nobody waits. */
    async function open() {
      const prefix = `suite-${++cases}`
      for (const server of started.servers) {
        server.command('ACL', 'SETUSER', prefix, 'reset', 'on', '>secret', ...redisAcl(prefix))
      }
      const time = movedTime()
      wait = async (milliseconds) => {
        // Replicas refuse it, and follow.
        for (const server of started.servers) {
          for (const pattern of [`${prefix}:[^~]*`, `${prefix}:~once:*`])
            attempt(() => server.command('EVAL', nearerScript, '0', pattern, `${milliseconds}`))
        }
        time.ahead += milliseconds
      }
      const auth = { username: prefix, password: () => 'secret' }
      return openRecords(prefix, started.deployment, { auth, ports: time.ports })
    }

    for (const { name, run } of recordStoreSuite({ open, wait: (milliseconds) => wait(milliseconds) })) test(name, run)
  })
}
