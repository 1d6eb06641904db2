/** Against real stores; the last ones as a process of its own. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSessions, type SessionsOptions } from '@coatcheck/session'
import { connectRedis, type RedisStores } from '@coatcheck/session/stores/redis'
import { sqliteRecords } from '@coatcheck/session/stores/sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type TestStandalone, testStandalone } from '../../../../session/src/stores/redis/testing/servers.ts'
import { keptKeys } from '../../state/key-file.ts'
import { stateFolder } from '../../state/state-folder.ts'
import type { Shell } from '../command.ts'
import { runInProcess } from '../fixtures/in-process.ts'
import { plain } from './text.ts'

const main = fileURLToPath(new URL('../../main.ts', import.meta.url))
const key = { id: 'k1', bytes: new Uint8Array(32).fill(7) }

let server: TestStandalone
let stores: RedisStores
let folder: string
let progress: Shell['progress']
beforeAll(async () => {
  server = await testStandalone()
  const node = { host: '127.0.0.1', port: server.port }
  // nothing here is about time, and a machine that is busy has its own
  stores = connectRedis({ deployment: { kind: 'standalone', node }, timeouts: { command: 30_000 } })
})
afterAll(async () => {
  await stores.close()
  await server[Symbol.asyncDispose]()
})
beforeEach(() => {
  server.command('FLUSHALL')
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-sessions-'))
  progress = undefined
  configure()
})
afterEach(() => rmSync(folder, { recursive: true }))

function configure(changes = ''): void {
  writeFileSync(join(folder, 'k1.key'), Buffer.from(key.bytes).toString('base64'))
  writeFileSync(
    join(folder, 'coatcheck.yaml'),
    changes ||
      `name: shop
keys: { k1: { file: k1.key } }
stores: { main: { redis: { standalone: 127.0.0.1:${server.port} } } }
sessions: { default: { mode: enforce, store: main, prefix: shop } }
routes: [{ name: app, match: /, upstream: http://127.0.0.1:3000 }]
`,
  )
}

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const coatcheck = (...args: readonly string[]): Promise<Ran> => runInProcess(args, folder, { HOME: folder }, progress)

/** Not the synchronous one: a test's own connections have to go on. */
function program(...args: readonly string[]): Promise<Ran> {
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder }, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], options, (_, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

/** Somebody signs in; the id and the cookie. */
async function signIn(who: string | undefined, options: Partial<SessionsOptions> = {}, userAgent = 'Firefox') {
  const sessions = createSessions({ store: stores, prefix: 'shop', serverKeys: [key], ...options })
  const session = await sessions.open({ address: '10.0.0.9', userAgent })
  if (who === undefined) session.start()
  else session.signIn(who)
  session.set('card', 'visa-4111')
  const { setCookie } = await session.commit()
  await sessions.close()
  return { id: session.id ?? '', cookie: setCookie[0]!.split(';')[0]! }
}

const exists = (id: string) => server.command('EXISTS', `shop:${id}`) === '1'
const lines = (text: string) => text.trimEnd().split('\n')

describe('sessions list', () => {
  test('is a table of what is known, without contents and secrets', async () => {
    const { id, cookie } = await signIn('ann')
    const { status, stdout, stderr } = await coatcheck('sessions', 'list')
    const [heading, row, ...more] = lines(stdout)
    expect(heading).toMatch(/^ID +SUBJECT +CREATED +LAST SEEN +EXPIRES +ADDRESS +USER AGENT$/)
    const at = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/.source
    expect(row).toMatch(new RegExp(`^${id}  [\\w-]{22}  ${at}  ${at}  ${at}  10\\.0\\.0\\.9 +Firefox$`))
    expect({ status, stderr, more }).toEqual({ status: 0, stderr: '', more: [] })
    expect(stdout).not.toContain('visa')
    expect(stdout).not.toContain(cookie.split('.')[2])
  })

  test('as JSON it is one object a line', async () => {
    const { id } = await signIn('ann')
    const { stdout } = await coatcheck('sessions', 'list', '--json')
    const time = expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/)
    expect(JSON.parse(stdout)).toEqual({
      session: 'default',
      id,
      subject: expect.stringMatching(/^[\w-]{22}$/),
      createdAt: time,
      lastSeenAt: time,
      endsAt: time,
      rotatedAt: time,
      address: '10.0.0.9',
      userAgent: 'Firefox',
      readable: true,
      sealing: 'ticket',
      keyId: 'k1',
      size: expect.any(Number),
    })
  })

  test('shows all of them, and with --subject those of one person', async () => {
    const mine = await Promise.all(Array.from({ length: 3 }, () => signIn('ann')))
    await Promise.all(Array.from({ length: 700 }, (_, i) => signIn(i % 2 === 0 ? 'bob' : undefined)))
    expect(lines((await coatcheck('sessions', 'list')).stdout)).toHaveLength(704)
    const { stdout } = await coatcheck('sessions', 'list', '--subject', 'ann', '--json')
    const ids = lines(stdout).map((line) => JSON.parse(line).id)
    expect(ids.sort()).toEqual(mine.map(({ id }) => id).sort())
  })

  test('what a visitor wrote does not steer the terminal', async () => {
    await signIn('ann', {}, 'a\u001b[2Jb\u009bc\u202ed\r\ne')
    expect((await coatcheck('sessions', 'list')).stdout).toContain('a?[2Jb?c?d??e')
    expect(plain('\u2028\ud800x')).toBe('??x')
  })

  test('without keys of the configuration those of the store open the metadata', async () => {
    const text = readFileSync(join(folder, 'coatcheck.yaml'), 'utf8')
    configure(text.replace(/^keys.*\n/m, ''))
    const common = stores.common('shop')
    await common.looked
    const { id } = await signIn('ann', { serverKeys: common.state.keys! })
    common.close()
    expect((await coatcheck('sessions', 'list')).stdout).toMatch(new RegExp(`^${id}  [\\w-]{22} .*Firefox$`, 'm'))
  })

  test('what is sealed with another key is listed as that', async () => {
    await signIn('ann', { serverKeys: [{ id: 'k9', bytes: new Uint8Array(32).fill(9) }] })
    expect(lines((await coatcheck('sessions', 'list')).stdout)[1]).toMatch(/ {2}sealed +\d{4}-.*sealed +sealed$/)
  })
})

describe('sessions show', () => {
  test('shows one, as text and as JSON', async () => {
    const { id } = await signIn('ann')
    const { status, stdout } = await coatcheck('sessions', 'show', id)
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /^id +[\w-]{22}\nsession +default\nsubject +[\w-]{22}\n[\s\S]*\nsealing +ticket, key k1\nsize +\d+ bytes\n$/,
    )
    expect(JSON.parse((await coatcheck('sessions', 'show', id, '--json')).stdout)).toMatchObject({ id, keyId: 'k1' })
  })

  test('an id may begin with a dash', async () => {
    const id = `-${'a'.repeat(21)}`
    expect(await coatcheck('sessions', 'show', id)).toMatchObject({
      status: 1,
      stderr: `There is no session "${id}".\n`,
    })
    expect(await coatcheck('sessions', 'end', id)).toMatchObject({ status: 0, stdout: 'Ended 0 sessions.\n' })
  })

  test('ends with 1 when there is none, and refuses a whole ticket without repeating its secret', async () => {
    const unknown = await coatcheck('sessions', 'show', 'A'.repeat(22))
    expect(unknown).toMatchObject({ status: 1, stdout: '', stderr: `There is no session "${'A'.repeat(22)}".\n` })
    const { id, cookie } = await signIn('ann')
    const ticket = cookie.slice(cookie.indexOf('=') + 1)
    const { status, stderr } = await coatcheck('sessions', 'show', ticket)
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining(`Give the id alone: ${id}`) })
    expect(stderr).not.toContain(ticket.split('.')[2])
  })
})

describe('sessions end', () => {
  test('ends one by its id; again, there is none', async () => {
    const [one, other] = [await signIn('ann'), await signIn('ann')]
    expect(await coatcheck('sessions', 'end', one.id)).toEqual({ status: 0, stdout: 'Ended 1 session.\n', stderr: '' })
    expect([exists(one.id), exists(other.id)]).toEqual([false, true])
    expect((await coatcheck('sessions', 'end', one.id, '--json')).stdout).toBe('{"ended":0}\n')
  })

  test('ends those of a person', async () => {
    const [one, two, other] = [await signIn('ann'), await signIn('ann'), await signIn('bob')]
    expect((await coatcheck('sessions', 'end', '--subject', 'ann')).stdout).toBe('Ended 2 sessions.\n')
    expect([exists(one.id), exists(two.id), exists(other.id)]).toEqual([false, false, true])
  })

  test('says that a person may be signed in under a key that gateways have and the configuration lacks', async () => {
    const newest = { id: 'k2', bytes: new Uint8Array(32).fill(8) }
    const gateway = stores.common('shop', { keys: [newest, key] })
    await gateway.looked
    const [one, other] = [await signIn('ann'), await signIn('ann', { serverKeys: [newest, key] })]
    for (const command of ['list', 'end']) {
      const { stderr } = await coatcheck('sessions', command, '--subject', 'ann')
      expect(stderr).toContain('have keys of "default" that this configuration lacks ("k2")')
    }
    expect([exists(one.id), exists(other.id)]).toEqual([false, true])
    gateway.close()
  })

  test('ends all only when it is asked for twice, and nothing of another prefix', async () => {
    for (let index = 0; index < 20; index += 1) await signIn('ann')
    const other = await signIn('ann', { prefix: 'shop:eu' })
    const unsure = await coatcheck('sessions', 'end', '--all')
    expect(unsure).toMatchObject({ status: 2, stderr: expect.stringContaining('Add --yes to do it.') })
    expect((await coatcheck('sessions', 'end', '--all', '--yes')).stdout).toBe('Ended 20 sessions.\n')
    expect(server.command('EXISTS', `shop:eu:${other.id}`)).toBe('1')
  })

  test.each([[[]], [['--all', '--subject', 'ann']], [['x', '--all']]])('%j is no choice', async (args) => {
    const { status, stderr } = await coatcheck('sessions', 'end', ...args)
    expect(status).toBe(2)
    expect(stderr).toContain('Give one of ID, --subject WHO and --all.')
  })
})

test('of several sessions all are listed, and which are to end has to be said', async () => {
  const text = readFileSync(join(folder, 'coatcheck.yaml'), 'utf8')
  configure(
    text.replace(/^sessions.*/m, 'sessions: { one: { store: main, prefix: shop }, two: { store: main, prefix: b } }'),
  )
  const [one, two] = [await signIn('ann'), await signIn('ann', { prefix: 'b' })]
  const shown = lines((await coatcheck('sessions', 'list', '--json')).stdout).map((line) => JSON.parse(line))
  expect(shown.map(({ session, id }) => [session, id])).toEqual([
    ['one', one.id],
    ['two', two.id],
  ])
  const unsure = await coatcheck('sessions', 'end', '--all', '--yes')
  expect(unsure).toMatchObject({ status: 2, stderr: expect.stringContaining('Give --session with one of one, two.') })
  expect((await coatcheck('sessions', 'end', '--all', '--yes', '--session', 'two')).stdout).toBe('Ended 1 session.\n')
  expect([exists(one.id), server.command('EXISTS', `b:${two.id}`)]).toEqual([true, '0'])
  expect((await coatcheck('sessions', 'end', '--subject', 'ann')).stdout).toBe('Ended 1 session.\n')
})

describe('sessions in SQLite', () => {
  const yaml = `stores: { main: sqlite }
sessions: { default: { mode: enforce, store: main, prefix: shop } }
routes: [{ name: app, match: /, upstream: http://127.0.0.1:3000 }]
`
  test('are listed, found by who signed in, and ended', async () => {
    configure(yaml)
    const state = stateFolder('state', {}, folder)
    const { keys } = keptKeys(state)
    const store = sqliteRecords({ file: join(state.make(), 'sessions-main.db') })
    const one = await signIn('ann', { store, serverKeys: keys })
    await signIn('bob', { store, serverKeys: keys })
    const rows = lines((await coatcheck('sessions', 'list', '--state', 'state', '--subject', 'ann')).stdout)
    expect(rows).toEqual([expect.stringMatching(/^ID/), expect.stringMatching(new RegExp(`^${one.id}.*Firefox$`))])
    const ended = await coatcheck('sessions', 'end', '--state', 'state', '--subject', 'ann')
    expect(ended.stdout).toBe('Ended 1 session.\n')
    expect(await store.read(one.id)).toBeUndefined()
    await store.close()
  })

  test('a file that is not there is not made', async () => {
    configure(yaml)
    const { status, stderr } = await coatcheck('sessions', 'list', '--state', 'state')
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining('has no file yet at') })
    expect(existsSync(join(folder, 'state'))).toBe(false)
  })
})

describe('where there is nothing to see', () => {
  test('sessions in memory or in browsers are named as that', async () => {
    configure(`stores: { a: memory, b: sealedCookie }
sessions: { one: { mode: enforce, store: a }, two: { mode: enforce, store: b } }
routes: [{ name: app, match: /, session: one, upstream: http://127.0.0.1:3000 }]
`)
    const { status, stderr } = await coatcheck('sessions', 'list')
    expect(status).toBe(2)
    expect(stderr).toContain(
      'those of "one" lie in the memory of the gateway alone, those of "two" lie in the browsers',
    )
  })

  test('a session that is not there has a suggestion', async () => {
    const { status, stderr } = await coatcheck('sessions', 'list', '--session', 'defualt')
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining('Did you mean "default"?') })
  })

  test('a store that is down ends with 70, and says why', async () => {
    const text = readFileSync(join(folder, 'coatcheck.yaml'), 'utf8')
    configure(text.replace(/127\.0\.0\.1:\d+ /, '127.0.0.1:1 '))
    const { status, stdout, stderr } = await coatcheck('sessions', 'list', '--json')
    expect({ status, stdout }).toEqual({ status: 70, stdout: '' })
    expect(stderr).toMatch(/^coatcheck: .*127\.0\.0\.1:1/)
  })

  test('a word that no command goes on with', async () => {
    expect(await coatcheck('sessions')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('goes on with list, show, end.'),
    })
    expect((await coatcheck('sessions', 'lst')).stderr).toContain('Did you mean "list"?')
    expect((await coatcheck('help', 'sessions')).stdout).toMatch(/^ {2}sessions end \[ID\] +End/m)
    expect((await coatcheck('sessions', '--help')).stdout).toMatch(/^ {2}sessions list +List/m)
    expect((await coatcheck('sessions', 'end', '--help')).stdout).toContain(
      'Usage: coatcheck sessions end [ID] [OPTIONS]',
    )
  })
})

describe('keys generate', () => {
  test('prints a key and says what losing it means', async () => {
    const [one, two] = [await coatcheck('keys', 'generate'), await coatcheck('keys', 'generate', '--bits', '128')]
    expect(one).toMatchObject({ status: 0, stderr: expect.stringContaining('A lost key is lost state') })
    expect([one, two].map(({ stdout }) => Buffer.from(stdout, 'base64').length)).toEqual([32, 16])
    expect((await coatcheck('keys', 'generate')).stdout).not.toBe(one.stdout)
  })

  test('writes a file for its owner alone, and over none', async () => {
    const { status, stdout, stderr } = await coatcheck('keys', 'generate', '--out', 'k2.key')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    expect(stderr).toContain('keys: { k1: { file: k2.key } }')
    const file = join(folder, 'k2.key')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const before = readFileSync(file, 'utf8')
    expect(await coatcheck('keys', 'generate', '--out', 'k2.key')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is there already'),
    })
    expect(readFileSync(file, 'utf8')).toBe(before)
  })
})

describe('the program', () => {
  test('lists, ends and exits by itself', async () => {
    const { id } = await signIn('ann')
    const listed = await program('sessions', 'list', '--json')
    expect(listed).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(listed.stdout)).toMatchObject({ id })
    expect(await program('sessions', 'end', id)).toEqual({ status: 0, stdout: 'Ended 1 session.\n', stderr: '' })
    expect(exists(id)).toBe(false)
  })
})

test('on a terminal it shows how far it is, and leaves nothing behind', async () => {
  let shown = ''
  progress = (text) => {
    shown += text
  }
  await Promise.all(Array.from({ length: 20 }, () => signIn('ann')))
  await coatcheck('sessions', 'list')
  expect(shown).toMatch(/^(\r\d+ sessions)+\r\u001b\[K$/)
})
