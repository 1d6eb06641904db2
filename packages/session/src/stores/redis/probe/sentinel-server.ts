/** What is asked of a sentinel, once it has taken us. */
import type { Node } from '../options.ts'
import { type Introduced, unwelcome } from './introduce.ts'
import type { Line } from './line.ts'
import type { Way } from './reach.ts'
import { isError, type Reply } from './reply.ts'
import { type Journal, ok, StepFailed, skipped } from './report.ts'
import { isHost } from './target.ts'

/** What a sentinel says of those that it watches. */
export interface SentinelServer {
  readonly kind: 'sentinel'
  readonly primary: Node
  readonly replicas: readonly Node[]
  /** Counts failovers: of two that differ, the one with the smaller is behind. */
  readonly epoch: number
}

/** @throws StepFailed, LineBroken */
export async function askSentinel(
  line: Line,
  introduced: Introduced,
  way: Way,
  notes: Journal,
): Promise<SentinelServer> {
  const { deployment } = way.target
  const name = deployment.kind === 'sentinel' ? deployment.masterName : ''
  if (introduced.mode !== undefined && introduced.mode !== 'sentinel') {
    throw new StepFailed('role', 'not-a-sentinel', 'It holds data, and is no sentinel.')
  }
  notes.now = 'role'
  const [master = null, replicas = null] = await line.ask(['SENTINEL', 'MASTER', name], ['SENTINEL', 'REPLICAS', name])
  if (isError(master)) throw refusedBy(master.error, name)
  const said = fields(master)
  const primary = nodeIn(said)
  if (primary === undefined) throw new StepFailed('role', 'master-name-unknown', `It names no primary for "${name}".`)
  notes.add(ok('role', `sentinel of "${name}"`))
  if (isError(replicas))
    notes.add(skipped('permission', 'not-told', 'It does not tell of the replicas, which are not tested.'))
  const others = Array.isArray(replicas) ? replicas.flatMap((reply: Reply) => nodeIn(fields(reply)) ?? []) : []
  const epoch = Number(said.get('config-epoch') ?? 0)
  return { kind: 'sentinel', primary, replicas: others, epoch }
}

function refusedBy(text: string, name: string): StepFailed {
  if (text.startsWith('NOPERM')) {
    return new StepFailed('permission', 'command-forbidden', 'Its user may not call sentinel|master.')
  }
  if (text.startsWith('NOAUTH')) return unwelcome(text)
  if (/^ERR No such master/i.test(text)) {
    return new StepFailed('role', 'master-name-unknown', `It watches no primary called "${name}".`)
  }
  return new StepFailed('role', 'not-a-sentinel', 'It knows no SENTINEL MASTER.')
}

function fields(reply: Reply): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (Array.isArray(reply))
    for (let i = 0; i + 1 < reply.length; i += 2) found.set(String(reply[i]), String(reply[i + 1]))
  return found
}

function nodeIn(said: ReadonlyMap<string, string>): Node | undefined {
  const host = said.get('ip') ?? ''
  const port = Number(said.get('port'))
  const usable = isHost(host) && Number.isInteger(port) && port > 0 && port < 65_536
  return usable ? { host, port } : undefined
}
