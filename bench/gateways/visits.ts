/** Visitors whose requests go to any of several gateways, over hours that pass in seconds. */
import { createSessions, type SessionManager } from '@coatcheck/session'
import { connectRedis, type Deployment, type RedisStores } from '@coatcheck/session/stores/redis'
import { until } from '../../packages/session/src/stores/redis/testing/processes.ts'
import { shared } from '../running/coatcheck.ts'

const second = 1000
/** Any time will do. */
const beginning = 1_800_000_000_000

export interface Gateways extends AsyncDisposable {
  readonly stores: readonly RedisStores[]
  readonly managers: readonly SessionManager[]
  readonly clock: { now: number }
}

/**
 * As many gateways as asked for in this process, each with connections and a cache of its own. Resolves when they cache.
 *
 * @param redis a port, or those of a cluster
 */
export async function openGateways(redis: number | readonly number[], count: number): Promise<Gateways> {
  const clock = { now: beginning }
  const stores = Array.from({ length: count }, () => connectTo(redis))
  const managers = stores.map((store) => createSessions({ store, prefix: shared.name, clock: () => clock.now }))
  await until('what is cached is believed', () => stores.every(({ channel }) => channel.up))
  return {
    stores,
    managers,
    clock,
    async [Symbol.asyncDispose]() {
      for (const manager of managers) await manager.close()
      for (const store of stores) await store.close()
    },
  }
}

function connectTo(redis: number | readonly number[]): RedisStores {
  const node = (port: number) => ({ host: '127.0.0.1', port })
  const deployment: Deployment =
    typeof redis === 'number'
      ? { kind: 'standalone', node: node(redis) }
      : { kind: 'cluster', nodes: redis.map((port) => node(port)) }
  return connectRedis({ deployment })
}

export interface Traffic {
  readonly sessions: number
  readonly minutes: number
  /** Seconds from one request of a session to its next. */
  readonly pause: number
  /** One request in so many changes its session; 0: none does. */
  readonly changes: number
}

/** Signs everybody in, then lets `begin` look, and sends the requests. Gives how many there were. */
export async function visit({ managers, clock }: Gateways, traffic: Traffic, begin: () => void): Promise<number> {
  const cookies: string[] = []
  for (let who = 0; who < traffic.sessions; who += 1) cookies.push(await signIn(managers[0]!, `person ${who}`))
  begin()
  let requests = 0
  for (let passed = 0; passed < traffic.minutes * 60; passed += traffic.pause) {
    clock.now += traffic.pause * second
    for (const [who, cookie] of cookies.entries()) {
      requests += 1
      // Not the same gateway for all of an instant, nor a session's in the order of its changes.
      const manager = managers[(requests + Math.floor(requests / 7)) % managers.length]!
      const changes = traffic.changes > 0 && requests % traffic.changes === 0
      cookies[who] = (await request(manager, cookie, changes ? requests : undefined)) ?? cookie
    }
  }
  return requests
}

async function signIn(manager: SessionManager, who: string): Promise<string> {
  const session = await manager.open({})
  session.signIn(who)
  return cookieIn((await session.commit()).setCookie)!
}

/** @param change what the session is to keep, if anything */
async function request(manager: SessionManager, cookie: string, change?: number): Promise<string | undefined> {
  const session = await manager.open({ cookie })
  if (session.state !== 'open') throw new Error(`a session was ${session.state}`)
  if (change !== undefined) session.set('last', change)
  return cookieIn((await session.commit()).setCookie)
}

function cookieIn([cookie]: readonly string[]): string | undefined {
  return cookie?.split(';')[0]
}
