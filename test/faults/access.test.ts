import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisAcl } from '../../packages/session/src/stores/redis/acl.ts'
import {
  type TestCertificate,
  testAuthority,
  testStandalone,
  tlsSettings,
} from '../../packages/session/src/stores/redis/testing/servers.ts'
import { temporaryFolder } from '../running/gateway.ts'
import { expectNoHarm, expectNoOutage, expectOutage } from './expectations.ts'
import { after, patience } from './fault.ts'

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => rm(folder, { recursive: true }))

test(
  'a password that changes, a while before its file does',
  async () => {
    await using server = await testStandalone()
    const file = join(folder, 'redis.pw')
    let password = 0
    server.command('ACL', 'SETUSER', 'gate', 'on', '>0', ...redisAcl('faults'))
    writeFileSync(file, '0')
    const report = await expectNoHarm({
      name: 'password changed',
      store: { standalone: `127.0.0.1:${server.port}`, auth: { username: 'gate', password: { file } } },
      strike() {
        server.command('ACL', 'SETUSER', 'gate', `<${password}`, `>${++password}`)
        server.command('CLIENT', 'KILL', 'USER', 'gate')
      },
      mend: () => writeFileSync(file, String(password)),
    })
    expectOutage(report)
  },
  patience,
)

test(
  'a certificate of the server that has expired',
  async () => {
    const authority = testAuthority(folder)
    const good = authority.issue('good', 'DNS:localhost,IP:127.0.0.1')
    const expired = authority.issue('expired', 'DNS:localhost,IP:127.0.0.1', -1)
    await using server = await testStandalone({
      portSettings: (port) => tlsSettings(port, authority, good),
      cli: ['--tls', '--insecure', '--cacert', authority.certificatePath],
    })
    const use = ({ certificatePath, keyPath }: TestCertificate) =>
      server.command('CONFIG', 'SET', 'tls-cert-file', certificatePath, 'tls-key-file', keyPath)
    const report = await expectNoHarm({
      name: 'TLS certificate expired',
      store: { standalone: `127.0.0.1:${server.port}`, tls: { ca: authority.certificatePath } },
      strike() {
        use(expired)
        for (const type of ['normal', 'pubsub']) server.command('CLIENT', 'KILL', 'TYPE', type)
      },
      mend: () => void use(good),
    })
    expectOutage(report)
  },
  patience,
)

test(
  'subscribers that are cut again and again: nothing is refused, and nothing cached is believed',
  async () => {
    await using server = await testStandalone()
    const report = await expectNoHarm({
      name: 'subscriber reset, 10 times',
      store: { standalone: `127.0.0.1:${server.port}` },
      async strike() {
        for (let cut = 0; cut < 10; cut++) {
          server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
          await after(200)
        }
      },
      lasts: 0,
      mend() {},
    })
    expectNoOutage(report)
    expect(report.tally.lost).toEqual([])
  },
  patience,
)
