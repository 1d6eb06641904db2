import { defaults, emptyModel, type RedisStoreSpec } from '@coatcheck/model'
import type { RecordStore } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { expect, test } from 'vitest'
import type { GatewayObserver, Ports } from './ports.ts'
import { compileSessions } from './sessions.ts'
import { sessionSpec } from './testing/gateway.ts'

const redis: RedisStoreSpec = {
  kind: 'redis',
  name: 'main',
  deployment: { kind: 'standalone', node: { host: 'redis', port: 6379 }, database: 0 },
  auth: undefined,
  tls: undefined,
  timeouts: defaults.redis.timeouts,
  cache: defaults.redis.cache,
  durability: undefined,
}
const here = Date.UTC(2026, 0, 1)
const there = here + 3_600_000

/** One session over a connection that many share, whose clock is an hour ahead of ours. */
function overConnection(spec: RedisStoreSpec) {
  const asked: string[] = []
  const read: string[] = []
  const memory = memoryRecords({ clock: () => there })
  const records: RecordStore & { now(): number } = {
    ...memory,
    now: () => there,
    read(id) {
      read.push(id)
      return memory.read(id)
    },
  }
  const under = (prefix: string) => {
    asked.push(prefix)
    return records
  }
  const ports: Ports = {
    clock: () => here,
    secret: () => {
      throw new Error('no secrets here')
    },
    records: () => ({ under }),
    keys: [{ id: 'k1', bytes: new Uint8Array(32).fill(7) }],
    log: { debug() {}, info() {}, warn() {}, error() {} },
    observer: new Proxy({} as GatewayObserver, { get: () => () => {} }),
  }
  const sessions = [sessionSpec({ store: 'main', prefix: 'shop', mode: 'enforce' })]
  const [compiled] = compileSessions({ ...emptyModel, stores: [spec], sessions }, ports)
  return { manager: compiled!.manager, asked, read }
}

async function begun(manager: ReturnType<typeof overConnection>['manager']) {
  const session = await manager.open({})
  session.start()
  const { setCookie } = await session.commit()
  return { session, cookie: setCookie[0]!.split(';', 1)[0]! }
}

test('sessions over a connection keep their records under their own prefix, by its clock', async () => {
  const { manager, asked } = overConnection(redis)
  const { session } = await begun(manager)
  expect(asked).toEqual(['shop'])
  expect(session.createdAt).toBe(there)
})

test.each([
  ['a cache that is on knows what it wrote', redis, 0],
  ['a cache that is off asks the store each time', { ...redis, cache: undefined }, 3],
])('%s', async (_, spec, reads) => {
  const { manager, read } = overConnection(spec)
  const { cookie } = await begun(manager)
  read.length = 0
  for (let i = 0; i < 3; i++) expect((await manager.open({ cookie })).state).toBe('open')
  expect(read).toHaveLength(reads)
})
