import { afterAll, beforeAll, describe, test } from 'vitest'
import { recordStoreSuite } from '../../testing/index.ts'
import { redisAcl } from './acl.ts'
import { at, movedTime, nearerScript, openRecords } from './testing/bench.ts'
import { type TestStandalone, testStandalone } from './testing/standalone.ts'

let server: TestStandalone
beforeAll(async () => {
  server = await testStandalone()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

let cases = 0
let wait: (milliseconds: number) => Promise<void>

/** Ends come nearer in the server, and the clock moves here by as much: so nobody waits. */
async function open() {
  const prefix = `suite-${++cases}`
  server.command('ACL', 'SETUSER', prefix, 'reset', 'on', '>secret', ...redisAcl(prefix))
  const time = movedTime()
  wait = async (milliseconds) => {
    server.command('EVAL', nearerScript, '0', `${prefix}:[^~]*`, `${milliseconds}`)
    time.ahead += milliseconds
  }
  const auth = { username: prefix, password: () => 'secret' }
  return openRecords(prefix, at(server.port), { auth, ports: time.ports })
}

describe('the record store suite, as a user with the smallest rule', () => {
  for (const { name, run } of recordStoreSuite({ open, wait: (milliseconds) => wait(milliseconds) })) test(name, run)
})
