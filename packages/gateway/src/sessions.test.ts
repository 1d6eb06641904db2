import { defaults, emptyModel, type RedisStoreSpec, type SessionSpec } from '@coatcheck/model'
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

/** A session in memory, with keys, and what its observer was told of old seals. */
function sealed(sealing: SessionSpec['sealing'], records: RecordStore) {
  const told: (readonly [string, ...unknown[]])[] = []
  const keys = ['k1', 'k2'].map((id) => ({ id, bytes: new Uint8Array(32).fill(id.charCodeAt(1)) }))
  const observer = new Proxy({} as GatewayObserver, {
    get: (_, name: string) =>
      name === 'sessionOldSeal' || name === 'oldSealUntil'
        ? (...args: unknown[]) => void told.push([name, ...args])
        : () => {},
  })
  const ports = { clock: () => here, records: () => records, keys, observer } as unknown as Ports
  const sessions = [sessionSpec({ mode: 'enforce', sealing })]
  const [compiled] = compileSessions({ ...emptyModel, sessions }, ports)
  return { ...compiled!, told }
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

test('status and observer say when a migration may end: by the sessions that were seen, else by the idle timeout', async () => {
  const records = memoryRecords({ clock: () => here })
  const { cookie } = await begun(sealed({ kind: 'none' }, records).manager)
  const { idle, lifetime } = sessionSpec({}).timeouts
  const { manager, status, told } = sealed({ kind: 'migrate', from: { kind: 'none' }, to: { kind: 'ticket' } }, records)
  expect(status()).toEqual({ name: 'default', oldSeal: { opened: 0, until: here + idle } })
  await manager.open({ cookie })
  expect(status().oldSeal).toEqual({ opened: 1, until: here + lifetime })
  expect(told).toEqual([
    ['oldSealUntil', 'default', here + idle],
    ['sessionOldSeal', 'default'],
    ['oldSealUntil', 'default', here + lifetime],
  ])
})

test('a migration reads what was before until its end, and not from then on', async () => {
  const records = memoryRecords({ clock: () => here })
  const { cookie } = await begun(sealed({ kind: 'none' }, records).manager)
  const stateUntil = async (until: number) => {
    const { manager } = sealed({ kind: 'migrate', from: { kind: 'none' }, to: { kind: 'ticket' }, until }, records)
    return (await manager.open({ cookie })).state
  }
  expect([await stateUntil(here + 1), await stateUntil(here)]).toEqual(['open', 'none'])
})

test.each<[string, SessionSpec['sealing'], boolean]>([
  ['a key that was rotated', { kind: 'keys', keys: ['k2', 'k1'] }, true],
  ['one key', { kind: 'keys', keys: ['k1'] }, false],
])('%s: whether an end is told', async (_, sealing, isTold) => {
  const { status, told } = sealed(sealing, memoryRecords({ clock: () => here }))
  expect([status().oldSeal !== undefined, told.length > 0]).toEqual([isTold, isTold])
})
