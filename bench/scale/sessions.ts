/** Sessions in a store, made as a gateway makes them, by as many visitors at once as a busy one has. */
import { createSessions, type SessionManager, type SessionsOptions } from '@coatcheck/session'
import { connectRedis, type RedisStores } from '@coatcheck/session/stores/redis'
import { shared } from '../running/coatcheck.ts'

/** How many are under way at once. */
const atOnce = 64

export interface OpenSessions extends AsyncDisposable {
  readonly store: RedisStores
  readonly sessions: SessionManager
}

export interface Filling extends AsyncDisposable {
  /** The `Cookie` header of each session so far. */
  readonly cookies: readonly string[]
  /** Makes sessions until there are `count`, each of a person of its own when `signedIn`. */
  fill(count: number, signedIn: boolean): Promise<void>
}

/** As the gateway has them, in this process. */
export function openSessions(port: number, options: Pick<SessionsOptions, 'cache' | 'observer'>): OpenSessions {
  const store = connectRedis({ deployment: { kind: 'standalone', node: { host: '127.0.0.1', port } } })
  const sessions = createSessions({
    store,
    prefix: shared.name,
    cookie: { name: shared.cookie, secure: false },
    serverKeys: [{ id: 'k1', bytes: Buffer.from(shared.key, 'hex') }],
    timeouts: { idle: shared.idle },
    ...options,
  })
  return {
    store,
    sessions,
    async [Symbol.asyncDispose]() {
      await sessions.close()
      await store.close()
    },
  }
}

/** @param bytes of data in each session */
export function filling(port: number, bytes: number): Filling {
  const opened = openSessions(port, { cache: false })
  const { sessions } = opened
  const cart = 'x'.repeat(bytes)
  const cookies: string[] = []
  let begun = 0

  async function makeUntil(count: number, signedIn: boolean): Promise<void> {
    while (begun < count) {
      begun += 1
      cookies.push(await make(sessions, cart, signedIn ? `person ${begun}` : undefined))
    }
  }

  return {
    cookies,
    async fill(count, signedIn) {
      await Promise.all(Array.from({ length: atOnce }, () => makeUntil(count, signedIn)))
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

async function make(sessions: SessionManager, cart: string, who: string | undefined): Promise<string> {
  const session = await sessions.open({ address: '192.0.2.1', userAgent: 'bench' })
  session.set('cart', cart)
  if (who !== undefined) session.signIn(who)
  const { setCookie } = await session.commit()
  return setCookie[0]!.split(';')[0]!
}
