/** The first words on a connection: who we are, and what the other side is. */
import type { Auth } from '../options.ts'
import { broken, isUnknownCommand, StoreFailure } from './failure.ts'
import type { Link } from './link.ts'

/** What a server says it is; `undefined` where it does not say. */
export interface Greeting {
  readonly role: 'master' | 'replica' | undefined
  readonly mode: 'standalone' | 'cluster' | 'sentinel' | undefined
}

export interface Introduction {
  readonly auth?: Auth | undefined
  readonly database?: number | undefined
}

/**
 * Authenticates, selects the database, and sees that the server is not still loading.
 *
 * HELLO needs no permission and says role and mode, so that nobody has to be allowed INFO, CONFIG or ROLE.
 *
 * @throws StoreFailure `auth`, `busy`, `protocol`
 */
export async function greet(link: Link, { auth, database = 0 }: Introduction, ms: number): Promise<Greeting> {
  const credentials = auth === undefined ? [] : [auth.username ?? 'default', passwordOf(auth, link.address)]
  const greeting = await hello(link, credentials, ms)
  if (database !== 0) await link.send('SELECT', [database], ms)
  if (greeting.mode !== 'sentinel') await awake(link, ms)
  return greeting
}

/** @throws StoreFailure when the server does not say its role */
export async function roleOf(link: Link, ms: number): Promise<Greeting['role']> {
  return greetingOf(await link.send('HELLO', ['2'], ms)).role
}

async function hello(link: Link, credentials: readonly string[], ms: number): Promise<Greeting> {
  try {
    return greetingOf(await link.send('HELLO', ['2', ...(credentials.length > 0 ? ['AUTH', ...credentials] : [])], ms))
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error
    if (error.reason === 'closed') throw hungUp(link.address)
    // Of who has not said AUTH yet, Valkey 9.1 wants that before it says that it knows no such command.
    const isUnknown = isUnknownCommand(error) || (error.reply === 'NOAUTH' && credentials.length > 0)
    if (!isUnknown) throw error
  }
  // A proxy in between that knows no HELLO.
  if (credentials.length > 0) await link.send('AUTH', credentials, ms)
  return { role: undefined, mode: undefined }
}

function hungUp(address: string): StoreFailure {
  const message = `Redis at ${address} hung up at our first word. It may expect TLS, or refuse our address.`
  return new StoreFailure('closed', message, { notExecuted: true })
}

/** A server that loads its data says so; one that does not allow PING is awake. */
async function awake(link: Link, ms: number): Promise<void> {
  await link.send('PING', [], ms).catch((error: unknown) => {
    if (!(error instanceof StoreFailure) || error.reason !== 'forbidden') throw error
  })
}

function greetingOf(reply: unknown): Greeting {
  const said = new Map<string, string>()
  if (Array.isArray(reply))
    for (let i = 0; i + 1 < reply.length; i += 2) said.set(String(reply[i]), String(reply[i + 1]))
  const role = said.get('role')
  const mode = said.get('mode')
  return {
    role: role === 'master' || role === 'replica' ? role : undefined,
    mode: mode === 'standalone' || mode === 'cluster' || mode === 'sentinel' ? mode : undefined,
  }
}

function passwordOf(auth: Auth, address: string): string {
  try {
    return auth.password()
  } catch (error) {
    throw broken(
      address,
      new Error(`its password cannot be read (${(error as { code?: string }).code ?? 'error'}).`),
      'auth',
    )
  }
}
