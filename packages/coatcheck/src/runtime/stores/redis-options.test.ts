import { defaults, type RedisStoreSpec, Secret, systemTls, type ValueSource } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { redisOptions, withoutUrl } from './redis-options.ts'

const node = { host: 'redis', port: 6379 }
const spec: RedisStoreSpec = {
  kind: 'redis',
  name: 'main',
  deployment: { kind: 'standalone', node, database: 3 },
  auth: undefined,
  tls: undefined,
  timeouts: defaults.redis.timeouts,
  cache: undefined,
  durability: undefined,
}
const env = (name: string) => ({ from: 'env', name }) as const

/** Values by the name of their variable. They may change. */
function reading(values: Record<string, string>) {
  return (source: ValueSource) =>
    new Secret(source.from === 'env' ? values[source.name]! : 'value' in source ? source.value : '')
}

test('what is not configured is not given', () => {
  expect(redisOptions(spec, reading({}))).toEqual({
    deployment: spec.deployment,
    auth: undefined,
    tls: undefined,
    timeouts: { connect: 5000, command: 2000 },
  })
})

test('passwords, certificates and keys are read each time that they are asked for', () => {
  const values = { P: 'one', CA: 'ca-1', CRT: 'crt-1', KEY: 'key-1' }
  const tls = { ...systemTls, ca: [env('CA')], certificate: env('CRT'), key: env('KEY'), serverName: 'r' }
  const options = redisOptions({ ...spec, auth: { username: 'shop', password: env('P') }, tls }, reading(values))
  expect(options.auth?.password()).toBe('one')
  Object.assign(values, { P: 'two', CA: 'ca-2', CRT: 'crt-2', KEY: 'key-2' })
  expect(options.auth?.username).toBe('shop')
  expect(options.auth?.password()).toBe('two')
  expect(options.tls?.ca?.()).toEqual(['ca-2'])
  expect(options.tls?.client?.()).toEqual({ certificate: 'crt-2', key: 'key-2' })
  expect(options.tls?.serverName).toBe('r')
})

test('TLS without anything trusts the authorities of the system and shows no certificate', () => {
  const { tls } = redisOptions({ ...spec, tls: systemTls }, reading({}))
  expect(tls).toEqual({ ca: undefined, client: undefined, serverName: undefined, insecureSkipVerify: false })
})

test('sentinels get what is theirs, nothing where it is off, and else nothing of their own', () => {
  const sentinel = {
    kind: 'sentinel',
    masterName: 'm',
    nodes: [node],
    auth: undefined,
    tls: undefined,
    database: 0,
  } as const
  const given = (change: object) =>
    redisOptions({ ...spec, deployment: { ...sentinel, ...change } }, reading({ P: 'pw' })).deployment
  expect(given({})).toMatchObject({ auth: undefined, tls: undefined })
  expect(given({ auth: 'off', tls: 'off' })).toMatchObject({ auth: false, tls: false })
  const own = given({ auth: { username: undefined, password: env('P') }, tls: systemTls })
  expect(own).toMatchObject({ tls: { insecureSkipVerify: false } })
  expect(own.kind === 'sentinel' && own.auth && own.auth.password()).toBe('pw')
})

test('a URL is read where it lies, its password at each connection', () => {
  const values = { URL: 'rediss://shop:one@redis/2' }
  const url: RedisStoreSpec = { ...spec, deployment: { kind: 'url', url: env('URL') } }
  const options = redisOptions(url, reading(values))
  expect(options).toMatchObject({
    deployment: { kind: 'standalone', node, database: 2 },
    auth: { username: 'shop' },
    tls: { insecureSkipVerify: false },
  })
  values.URL = 'rediss://shop:two@redis/2'
  expect(options.auth?.password()).toBe('two')
})

test.each([
  ['its own', 'redis://:pw@redis?x=1', undefined, /^The URL of store "main" cannot be used: it has a "\?"\. /],
  [
    'what stands beside it',
    'redis://:pw@redis',
    systemTls,
    /^The URL .* cannot be used: the store has a URL without TLS/,
  ],
])('what is wrong with a URL is said of whom it concerns: %s', (_, text, tls, message) => {
  const url: RedisStoreSpec = { ...spec, deployment: { kind: 'url', url: env('URL') }, tls }
  expect(() => withoutUrl(url, reading({ URL: text }))).toThrow(message)
})

test.each([
  ['that is none', { auth: undefined }, 'http://:hunter2@redis'],
  ['with a password beside another', { auth: { username: undefined, password: env('P') } }, 'redis://:hunter2@redis'],
  ['without TLS beside settings of TLS', { tls: systemTls }, 'redis://:hunter2@redis'],
])('a URL %s is refused without being shown', (_, change, text) => {
  const url: RedisStoreSpec = { ...spec, deployment: { kind: 'url', url: env('URL') }, ...change }
  const refused = () => withoutUrl(url, reading({ URL: text, P: 'pw' }))
  expect(refused).toThrow(expect.objectContaining({ code: 'store-url-invalid' }))
  expect(refused).not.toThrow(/hunter2/)
})
