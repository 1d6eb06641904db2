/** Several gateways of one installation: on one machine, on three, and from a folder that nobody may write to. */
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testStandalone, until } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { type Application, capture, startApplication, told } from '../faults/application.ts'
import { ask } from '../faults/client.ts'
import { freePort } from '../running/free-port.ts'
import { startGateway, temporaryFolder } from '../running/gateway.ts'
import { startSharing } from './gateways.ts'

let application: Application
beforeAll(async () => {
  application = await startApplication()
})
afterAll(() => application[Symbol.asyncDispose]())

/** Everybody may sign in and out at every path, and is told to the application. */
const configuration = (store: object, session: object = {}) => ({
  name: 'shop',
  stores: { main: store },
  sessions: { default: { store: 'main', cookie: { name: 'session', secure: false }, ...session } },
  upstreams: { app: application.url },
  routes: [{ name: 'app', match: '/', capture, headers: { request: { set: told } }, upstream: 'app' }],
})

test('sign-in on A, use on B, sign-out on C: all three refuse, and nobody is confused', async () => {
  await using server = await testStandalone()
  const shared = configuration({ redis: { standalone: `127.0.0.1:${server.port}` } })
  const [a, b, c] = await Promise.all([startSharing(shared), startSharing(shared), startSharing(shared)])
  await using _ = a
  await using __ = b
  await using ___ = c
  const { cookie: ann } = await ask(a.port, '/login/ann/x')
  const { cookie: ben } = await ask(b.port, '/login/ben/y')
  for (const { port } of [a, b, c]) {
    expect(await ask(port, '/', ann)).toMatchObject({ text: 'ann/x ', cookie: undefined })
    expect(await ask(port, '/', ben)).toMatchObject({ text: 'ben/y ', cookie: undefined })
  }
  await ask(b.port, '/note/z', ann)
  await until('A has heard of the change', async () => (await ask(a.port, '/', ann)).text === 'ann/z ')
  await ask(c.port, '/out', ann)
  expect((await ask(c.port, '/', ann)).text).toBe('- ')
  for (const { port } of [a, b]) {
    await until('it has heard of the end', async () => (await ask(port, '/', ann)).text === '- ')
    expect((await ask(port, '/', ann)).text).toBe('- ')
    expect((await ask(port, '/', ben)).text).toBe('ben/y ')
  }
})

test('a ticket that A replaced by age is answered by B with the one that follows, the same for all who bring it', async () => {
  await using server = await testStandalone()
  const shared = configuration({ redis: { standalone: `127.0.0.1:${server.port}` } }, { rotateAfter: '1s' })
  await using a = await startSharing(shared)
  await using b = await startSharing(shared)
  const { cookie: first } = await ask(a.port, '/login/ann/x')
  await until('A replaces it', async () => (await ask(a.port, '/', first)).cookie !== undefined)
  const { cookie: second } = await ask(a.port, '/', first)
  expect(second?.split('.')[1]).toBe(first?.split('.')[1])
  // What B has cached of it may be older than the message.
  await until('B has heard of it', async () => (await ask(b.port, '/', first)).cookie !== undefined)
  expect(await ask(b.port, '/', first)).toMatchObject({ text: 'ann/x ', cookie: second })
  expect(await ask(b.port, '/', second)).toMatchObject({ text: 'ann/x ', cookie: undefined })
})

test.each([{ sqlite: { file: 'sessions.db' } }, 'sealedCookie'])(
  'two gateways that start at once on one state folder make one key, and share sessions: %j',
  async (store) => {
    const state = join(await temporaryFolder(), 'state')
    const environment = { COATCHECK_STATE: state }
    const shared = configuration(store as object)
    const [a, b] = await Promise.all([startSharing(shared, { environment }), startSharing(shared, { environment })])
    await using _ = a
    await using __ = b
    const made = [a, b].map(({ running }) => running.log().includes('Made a server key'))
    expect(made.filter(Boolean)).toHaveLength(1)
    const { cookie } = await ask(a.port, '/login/ann/x')
    expect((await ask(b.port, '/', cookie)).text).toBe('ann/x ')
    const { cookie: later } = await ask(b.port, '/login/ben/y')
    expect((await ask(a.port, '/', later)).text).toBe('ben/y ')
    expect((await readdir(state)).filter((name) => name.startsWith('server-keys'))).toEqual(['server-keys'])
  },
)

test('SQLite: who signs out on one gateway is signed out on the other at once', async () => {
  const file = join(await temporaryFolder(), 'sessions.db')
  const shared = { ...configuration({ sqlite: { file } }), keys: { k1: 'ab'.repeat(32) } }
  await using a = await startSharing(shared)
  await using b = await startSharing(shared)
  const { cookie } = await ask(a.port, '/login/ann/x')
  expect((await ask(b.port, '/', cookie)).text).toBe('ann/x ')
  await ask(b.port, '/out', cookie)
  expect((await ask(a.port, '/', cookie)).text).toBe('- ')
})

test('a folder of configuration that cannot be written to is enough: nothing is written beside it', async () => {
  const folder = await temporaryFolder()
  const configured = join(folder, 'etc')
  const work = join(folder, 'work')
  const state = join(folder, 'state')
  const [port, internal] = [await freePort(), await freePort()]
  await mkdir(configured)
  await mkdir(work)
  const { sessions, stores, ...rest } = configuration({ sqlite: {} })
  const files = {
    '10-shop.yaml': { ...rest, internal: `127.0.0.1:${internal}` },
    '20-stage.yaml': { stores, sessions, listeners: { web: { address: { env: 'ADDRESS' } } } },
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(configured, name), JSON.stringify(text))
  await chmod(configured, 0o555)
  const before = await stat(configured)
  const running = await startGateway({
    files: {},
    folder: work,
    arguments: ['run', '--config', configured],
    environment: { ADDRESS: `127.0.0.1:${port}`, COATCHECK_STATE: state },
    ready: `http://127.0.0.1:${internal}/livez`,
  })
  try {
    const { cookie } = await ask(port, '/login/ann/x')
    expect((await ask(port, '/', cookie)).text).toBe('ann/x ')
    // Whoever may write everywhere would show here.
    expect((await stat(configured)).mtimeMs).toBe(before.mtimeMs)
    expect((await readdir(configured)).sort()).toEqual(Object.keys(files))
    expect(await readdir(work)).toEqual([])
    expect(await readdir(state)).toEqual(expect.arrayContaining(['server-keys', 'sessions-main.db']))
  } finally {
    await running.stop()
    await rm(folder, { recursive: true })
  }
})
