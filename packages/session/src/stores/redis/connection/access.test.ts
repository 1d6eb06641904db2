/** Who we are to a server: users, passwords, certificates. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Auth, Tls } from '../options.ts'
import { oddServer } from '../probe/testing/probing.ts'
import { folder } from '../testing/processes.ts'
import {
  type TestAuthority,
  type TestCertificate,
  testAuthority,
  testCluster,
  testReplicated,
  testSentinel,
  testStandalone,
  tlsSettings,
  until,
} from '../testing/servers.ts'
import { connect } from './connect.ts'
import type { RedisConnection } from './connection.ts'

vi.setConfig({ testTimeout: 60_000 })
const place = folder()
let ca: TestAuthority
let otherCa: TestAuthority
let server: TestCertificate
let client: TestCertificate
beforeAll(() => {
  ca = testAuthority(place.path)
  otherCa = testAuthority(place.path, 'other')
  server = ca.issue('server', 'DNS:localhost,IP:127.0.0.1')
  client = ca.issue('client', 'DNS:client')
})
afterAll(() => place.remove())

const trusted = (): Tls => ({ ca: () => [ca.certificate] })

interface To {
  readonly host?: string
  readonly auth?: Auth
  readonly tls?: Tls
  readonly database?: number
}

function to(port: number, { host = 'localhost', database, ...access }: To = {}): RedisConnection {
  const lookup = async () => ['127.0.0.1']
  const deployment = { kind: 'standalone', node: { host, port }, database } as const
  return connect({ deployment, timeouts: { connect: 2000, command: 10_000 }, ...access }, { lookup })
}

/** Why there is no connection, as soon as that is known. */
async function failureOf(redis: RedisConnection) {
  await until('it failed', () => !redis.state.up && !/Not yet/.test(redis.state.message))
  const { state } = redis
  await redis.close()
  if (state.up) throw new Error('It did not fail.')
  return state
}

async function answers(redis: RedisConnection): Promise<boolean> {
  const reply = await redis.call('a', 'PING', [])
  await redis.close()
  return String(reply) === 'PONG'
}

const withPassword = { settings: { requirepass: 'first' }, cli: ['-a', 'first', '--no-auth-warning'] }

test('a wrong or missing password is said, and never shown', async () => {
  await using redis = await testStandalone(withPassword)
  const wrong = await failureOf(to(redis.port, { auth: { password: () => 'hunter2' } }))
  expect(wrong).toMatchObject({ reason: 'auth' })
  expect(wrong.message).not.toMatch(/hunter2/)
  expect(await failureOf(to(redis.port))).toMatchObject({ reason: 'auth' })
  const unreadable = () => {
    throw Object.assign(new Error('hunter2 in a message'), { code: 'ENOENT' })
  }
  const failure = await failureOf(to(redis.port, { auth: { password: unreadable } }))
  expect(failure).toMatchObject({ reason: 'auth' })
  expect(failure.message).toMatch(/ENOENT/)
  expect(failure.message).not.toMatch(/hunter2/)
})

test.each([['WRONGPASS hunter2 is wrong:'], ['ERR unknown command:']])(
  'a server that answers "%s" and repeats what it was sent: the password is not shown',
  async (words) => {
    await using echoing = await oddServer((socket) =>
      socket.on('data', (bytes) => void socket.write(`-${words} ${String(bytes).replaceAll('\r\n', ' ')}\r\n`)),
    )
    const auth = { username: 'bob', password: () => 'hunter2' }
    const failure = await failureOf(to(echoing.port, { auth }))
    expect(failure.message).toMatch(/refused (?:HELLO: WRONGPASS|AUTH: ERR)$/)
  },
)

test('what a server says later does not show the password either', async () => {
  await using echoing = await oddServer((socket) => {
    const answers = ['*0', '+PONG']
    socket.on('data', () => void socket.write(`${answers.shift() ?? '-ERR that was hunter2'}\r\n`))
  })
  const redis = to(echoing.port, { auth: { username: 'bob', password: () => 'hunter2' } })
  const failure = await redis.call('a', 'GET', ['a']).catch((error: Error) => error.message)
  expect(failure).toBe(`Redis at localhost:${echoing.port} refused: ERR that was [secret]`)
  await redis.close()
})

test('a user that may do nothing but what is asked needs no INFO, CONFIG, ROLE or PING', async () => {
  await using redis = await testStandalone({ settings: { user: 'shop on >pw ~shop:* +get +set' } })
  const connection = to(redis.port, { auth: { username: 'shop', password: () => 'pw' } })
  expect(await connection.call('shop:a', 'SET', ['shop:a', '1'])).toEqual(Buffer.from('OK'))
  const forbidden = connection.call('shop:a', 'DEL', ['shop:a'])
  await expect(forbidden).rejects.toMatchObject({ reason: 'forbidden', notExecuted: true })
  await connection.close()
})

test('a password that was changed is read again: no restart', async () => {
  await using redis = await testStandalone({ settings: { user: 'shop on >first ~* &* +@all' } })
  let password = 'first'
  const connection = to(redis.port, { auth: { username: 'shop', password: () => password } })
  await connection.call('a', 'PING', [])
  redis.command('ACL', 'SETUSER', 'shop', 'resetpass', '>second')
  redis.command('CLIENT', 'KILL', 'USER', 'shop')
  await until('it is refused', () => !connection.state.up && connection.state.reason === 'auth')
  const waiting = connection.call('a', 'PING', [])
  password = 'second'
  expect(await waiting).toEqual(Buffer.from('PONG'))
  await connection.close()
})

test('a database is selected, and one that does not exist is said', async () => {
  await using redis = await testStandalone()
  const connection = to(redis.port, { database: 3 })
  await connection.call('a', 'SET', ['a', '1'])
  await connection.close()
  expect(redis.command('-n', '3', 'GET', 'a')).toBe('1')
  expect(await failureOf(to(redis.port, { database: 99 }))).toMatchObject({ reason: 'protocol' })
})

function tlsServer(certificate: TestCertificate, clients: 'yes' | 'no' = 'no') {
  return testStandalone({
    portSettings: (port) => tlsSettings(port, ca, certificate, clients),
    cli: [
      ...['--tls', '--cacert', ca.certificatePath, '--cert', client.certificatePath, '--key', client.keyPath],
      '--insecure',
    ],
  })
}

test('TLS: the authority, the name and the client certificate are checked', async () => {
  await using redis = await tlsServer(server, 'yes')
  const mine = () => ({ certificate: client.certificate, key: client.key })
  expect(await answers(to(redis.port, { tls: { ...trusted(), client: mine } }))).toBe(true)
  expect(await answers(to(redis.port, { host: '127.0.0.1', tls: { ...trusted(), client: mine } }))).toBe(true)

  const none = await failureOf(to(redis.port, { tls: trusted() }))
  expect(none).toMatchObject({ reason: 'tls' })
  expect(none.message).toMatch(/client certificate/)
  const stranger = otherCa.issue('stranger', 'DNS:client')
  const refused = await failureOf(
    to(redis.port, { tls: { ...trusted(), client: () => ({ certificate: stranger.certificate, key: stranger.key }) } }),
  )
  expect(refused).toMatchObject({ reason: 'tls' })
  expect(refused.message).toMatch(/our client certificate/)
  expect(await failureOf(to(redis.port, { tls: { ca: () => [otherCa.certificate], client: mine } }))).toMatchObject({
    reason: 'tls',
  })
  const broken = { ...trusted(), client: () => ({ certificate: client.certificate, key: 'no key' }) }
  expect(await failureOf(to(redis.port, { tls: broken }))).toMatchObject({ reason: 'tls' })
})

test('TLS: a wrong name, and a name that is given', async () => {
  await using redis = await tlsServer(ca.issue('named', 'DNS:redis.example.com'))
  const wrong = await failureOf(to(redis.port, { tls: trusted() }))
  expect(wrong).toMatchObject({ reason: 'tls' })
  expect(wrong.message).toMatch(/redis\.example\.com/)
  expect(await answers(to(redis.port, { tls: { ...trusted(), serverName: 'redis.example.com' } }))).toBe(true)
  expect(await answers(to(redis.port, { host: 'redis.example.com', tls: trusted() }))).toBe(true)
  expect(await answers(to(redis.port, { tls: { insecureSkipVerify: true } }))).toBe(true)
})

test('TLS: expired, self-signed, of an authority that nobody named', async () => {
  await using expired = await tlsServer(ca.issue('expired', 'DNS:localhost', -1))
  const old = await failureOf(to(expired.port, { tls: trusted() }))
  expect(old).toMatchObject({ reason: 'tls' })
  expect(old.message).toMatch(/expired/)
  await using selfSigned = await tlsServer(otherCa)
  const self = await failureOf(to(selfSigned.port, { tls: trusted() }))
  expect(self.message).toMatch(/self-signed/)
  await using good = await tlsServer(server)
  const unnamed = await failureOf(to(good.port, { tls: {} }))
  expect(unnamed).toMatchObject({ reason: 'tls' })
  expect(unnamed.message).toMatch(/Name the CA/)
})

test('TLS: spoken to a plain port, and plain to a TLS port', async () => {
  await using plain = await testStandalone()
  const unheard = await failureOf(to(plain.port, { tls: trusted() }))
  expect(unheard).toMatchObject({ reason: 'tls' })
  expect(unheard.message).toMatch(/not speak TLS/)
  await using secure = await tlsServer(server)
  const clear = await failureOf(to(secure.port))
  expect(clear.message).toMatch(/speaks TLS|may expect TLS/)
})

test('TLS: certificates are asked for at each connection', async () => {
  await using redis = await tlsServer(server)
  let authority = otherCa
  const connection = to(redis.port, { tls: { ca: () => [authority.certificate] } })
  await until('it is refused', () => !connection.state.up && connection.state.reason === 'tls')
  authority = ca
  expect(await connection.call('a', 'PING', [])).toEqual(Buffer.from('PONG'))
  await connection.close()
})

test('sentinels have their own password and TLS, or those of the data nodes', async () => {
  const data = (port: number) => tlsSettings(port, ca, server)
  const tlsCli = ['--tls', '--cacert', ca.certificatePath]
  await using servers = await testSentinel({
    settings: { requirepass: 'data', masterauth: 'data' },
    portSettings: data,
    cli: [...tlsCli, '-a', 'data', '--no-auth-warning'],
    sentinelSettings: { requirepass: 'watch', 'sentinel auth-pass': 'main data', 'sentinel sentinel-pass': 'watch' },
    sentinelPortSettings: data,
    sentinelCli: [...tlsCli, '-a', 'watch', '--no-auth-warning'],
  })
  const nodes = servers.sentinels.map(({ port }) => ({ host: 'localhost', port }))
  const masterName = servers.masterName
  const access = { auth: { password: () => 'data' }, tls: trusted() }
  const own = connect({
    deployment: { kind: 'sentinel', masterName, nodes, auth: { password: () => 'watch' } },
    ...access,
  })
  expect(await answers(own)).toBe(true)
  const same = connect({ deployment: { kind: 'sentinel', masterName, nodes }, ...access })
  expect(await failureOf(same)).toMatchObject({ reason: 'auth' })
  const plain = connect({
    deployment: { kind: 'sentinel', masterName, nodes, auth: { password: () => 'watch' }, tls: false },
    ...access,
  })
  expect((await failureOf(plain)).message).toMatch(/may expect TLS/)
})

test('a cluster and a replicated set are reached with a password over TLS, each node by its own name', async () => {
  const options = {
    settings: { requirepass: 'pw', masterauth: 'pw' },
    portSettings: (port: number) => tlsSettings(port, ca, server),
    cli: ['--tls', '--cacert', ca.certificatePath, '-a', 'pw', '--no-auth-warning'],
  }
  const access = { auth: { password: () => 'pw' }, tls: trusted() }
  await using replicated = await testReplicated(1, options)
  const members = replicated.ports.toReversed().map((port) => ({ host: 'localhost', port }))
  expect(await answers(connect({ deployment: { kind: 'replicated', nodes: members }, ...access }))).toBe(true)

  await using cluster = await testCluster({ ...options, settings: { ...options.settings, 'tls-cluster': 'yes' } })
  const nodes = [{ host: 'localhost', port: cluster.ports[5]! }]
  const redis = connect({ deployment: { kind: 'cluster', nodes }, ...access })
  for (const key of ['a', 'b', 'c', 'd']) {
    expect(await redis.call(key, 'SET', [key, '1'])).toEqual(Buffer.from('OK'))
    expect(cluster.ownerOf(key).command('GET', key)).toBe('1')
  }
  await redis.close()
})
