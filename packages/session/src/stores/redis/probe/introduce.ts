/** The first words with a server: whether it is a Redis, takes our credentials, and what it says it is. */
import { refused } from '../connection/failure.ts'
import type { Auth } from '../options.ts'
import { type Line, LineBroken } from './line.ts'
import { brokenTls, reasonOfTls, speaksTls, type Way, wordsOf } from './reach.ts'
import { isError, type Reply } from './reply.ts'
import { type Finding, failed, type Journal, ok, StepFailed, skipped } from './report.ts'

/** What a server said of itself; `undefined` where it did not. */
export interface Introduced {
  readonly server: string | undefined
  readonly version: string | undefined
  readonly mode: string | undefined
  readonly role: string | undefined
}

/** `secured`: what is added once TLS is known to stand. @throws StepFailed, LineBroken */
export async function introduce(
  line: Line,
  way: Way,
  notes: Journal,
  secured: readonly Finding[],
): Promise<Introduced> {
  const { auth } = way.target
  notes.now = 'authentication'
  const credentials = auth === undefined ? [] : [auth.username ?? 'default', passwordOf(auth)]
  notes.now = 'protocol'
  const hello = await firstReply(line, credentials, way).catch((error: unknown) => {
    if (!(error instanceof StepFailed && error.step === 'tls')) notes.add(...secured)
    throw error
  })
  notes.add(...secured)
  notes.add(ok('protocol', 'it speaks the protocol of Redis'))
  notes.now = 'authentication'
  const introduced = isError(hello) ? await withoutHello(line, hello.error, credentials) : introducedBy(hello)
  notes.add(ok('authentication', auth === undefined ? 'none wanted' : `as user "${auth.username ?? 'default'}"`))
  notes.add(versionOf(introduced))
  return introduced
}

/** HELLO needs no permission, and changes nothing. */
async function firstReply(line: Line, credentials: readonly string[], way: Way): Promise<Reply> {
  try {
    const words = credentials.length === 0 ? [] : ['AUTH', ...credentials]
    const [reply = null] = await line.ask(['HELLO', '2', ...words])
    return reply
  } catch (error) {
    throw way.signal.aborted || !(error instanceof LineBroken) ? error : await misunderstood(error, way)
  }
}

async function misunderstood({ reason, cause }: LineBroken, way: Way): Promise<StepFailed> {
  const { tls, node } = way.target
  const failure = cause === undefined ? undefined : brokenTls(cause, node)
  if (tls !== undefined && failure !== undefined)
    return new StepFailed('tls', reasonOfTls(failure, tls), wordsOf(failure))
  if (tls === undefined && (await speaksTls(way)))
    return new StepFailed('protocol', 'tls-expected', 'It speaks TLS at this port, and is spoken to plainly.')
  return new StepFailed('protocol', reason, broke[reason])
}

/** How a conversation ends early. */
export const broke = {
  'hung-up': 'It hung up.',
  'not-redis': 'What it answers is not the protocol of Redis.',
  'too-much': 'It sends without end.',
} as const

/**
 * What a refusal of HELLO means; with something in between that knows no HELLO, what AUTH gives. To who has not said AUTH
 * yet, Valkey 9.1 calls a command that it does not know NOAUTH; the HELLO that it knows takes our AUTH, or says WRONGPASS.
 *
 * @throws StepFailed
 */
async function withoutHello(line: Line, text: string, credentials: readonly string[]): Promise<Introduced> {
  const wantsAuth = credentials.length > 0
  if (!(/unknown command/i.test(text) || (wantsAuth && text.startsWith('NOAUTH')))) throw unwelcome(text)
  if (wantsAuth) {
    const [auth = null] = await line.ask(['AUTH', ...credentials])
    if (isError(auth)) throw unwelcome(auth.error)
  }
  return { server: undefined, version: undefined, mode: undefined, role: undefined }
}

/** Our words, never the server's: it may repeat what it was sent, the password included. */
export function unwelcome(text: string): StepFailed {
  if (text.startsWith('ERR max number of clients')) {
    return new StepFailed('connections', 'connections-short', 'It has as many connections as maxclients allows.')
  }
  const { reply, reason } = refused('', text)
  if (reply === 'NOAUTH') return new StepFailed('authentication', 'password-missing', 'It wants a user or a password.')
  if (reason === 'auth') {
    return new StepFailed('authentication', 'password-wrong', 'It does not take the user name and password.')
  }
  if (reply === 'DENIED') {
    return new StepFailed('authentication', 'protected-mode', 'It is in protected mode, and takes no other machine.')
  }
  return new StepFailed('authentication', 'greeting-refused', 'It refuses the greeting.')
}

function introducedBy(reply: Reply): Introduced {
  const said = new Map<string, Reply>()
  if (Array.isArray(reply)) for (let i = 0; i + 1 < reply.length; i += 2) said.set(String(reply[i]), reply[i + 1])
  const word = (name: string) => plainWord(said.get(name))
  return { server: word('server'), version: word('version'), mode: word('mode'), role: word('role') }
}

/** What can be shown as it is. */
export function plainWord(reply: Reply | undefined): string | undefined {
  return typeof reply === 'string' && /^[A-Za-z0-9._-]{1,100}$/.test(reply) ? reply : undefined
}

function passwordOf(auth: Auth): string {
  try {
    return auth.password()
  } catch (error) {
    const { code } = (error ?? {}) as { readonly code?: unknown }
    const why = typeof code === 'string' ? ` (${code})` : ''
    throw new StepFailed('authentication', 'password-unreadable', `The password cannot be read${why}.`)
  }
}

const oldest = { redis: [6, 2], valkey: [7, 2] } as const

function versionOf({ server = 'redis', version }: Introduced): Finding {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? []
  if (major === undefined || minor === undefined) {
    return skipped('version', 'not-told', 'It does not say its version.')
  }
  const [needed, andAtLeast] = server === 'valkey' ? oldest.valkey : oldest.redis
  const shown = `${server === 'valkey' ? 'Valkey' : 'Redis'} ${version}`
  if (Number(major) > needed || (Number(major) === needed && Number(minor) >= andAtLeast)) {
    return ok('version', shown)
  }
  return failed('version', 'too-old', `It is ${shown}.`)
}
