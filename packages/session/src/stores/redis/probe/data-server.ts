/** What is asked of a server that holds data, once it has taken us. */
import { rangesOf } from '../connection/cluster-slots.ts'
import type { Node } from '../options.ts'
import { type Introduced, unwelcome } from './introduce.ts'
import type { Command, Line } from './line.ts'
import { permissionFindings, permissionsFor } from './permission.ts'
import type { Way } from './reach.ts'
import { replicaFindings } from './replicas.ts'
import { isError, type Reply } from './reply.ts'
import { type Finding, type Journal, ok, StepFailed, skipped } from './report.ts'
import { clockOf, type SettingsLimits, settingsAsked, settingsOf, told } from './settings.ts'
import { isHost } from './target.ts'

export interface DataLimits extends SettingsLimits {
  /** Under which sessions are kept. */
  readonly prefixes: readonly string[]
}

/** What a data server knows of the others. */
export interface DataServer {
  readonly kind: 'data'
  readonly primary: boolean
  /** Of a cluster. */
  readonly members: readonly Member[]
}

export interface Member {
  readonly node: Node
  readonly role: 'primary' | 'replica'
}

/** @throws StepFailed, LineBroken */
export async function askData(
  line: Line,
  introduced: Introduced,
  way: Way,
  limits: DataLimits,
  notes: Journal,
): Promise<DataServer> {
  const { target, ports } = way
  if (introduced.mode === 'sentinel') {
    throw new StepFailed('role', 'sentinel', 'It is a sentinel, and holds no data.')
  }
  notes.now = 'role'
  const asked = questions(introduced)
  const database: readonly Command[] = target.database === 0 ? [] : [['SELECT', String(target.database)]]
  const before = ports.wallClock()
  const replies = await line.ask(...asked.map(([, command]) => command), ...database)
  const after = ports.wallClock()
  const reply = (name: string) => replies[asked.findIndex(([asking]) => asking === name)]

  const ping = reply('ping')
  if (isError(ping)) checkReady(ping.error)
  notes.add(...databaseOf(target.database, replies.at(-1)))
  const info = told(asked.flatMap(([name], i) => (name === 'settings' ? [replies[i] ?? null] : [])))
  const role = introduced.role ?? roleIn(reply('role')) ?? info.value('role')
  notes.add(roleOf(role, introduced.mode, String(reply('cluster') ?? ''), way))
  notes.add(...replicaFindings(way.target, role, reply('role'), info.value('connected_slaves')))
  notes.now = 'permission'
  notes.add(...(await permissions(line, way, limits.prefixes)))
  notes.add(...settingsOf(info, limits), clockOf(reply('time'), before, after))
  return {
    kind: 'data',
    primary: role !== 'replica' && role !== 'slave',
    members: membersOf(reply('slots'), way),
  }
}

function questions({ mode }: Introduced): readonly (readonly [name: string, command: Command])[] {
  const cluster: readonly (readonly [string, Command])[] = [
    ['cluster', ['CLUSTER', 'INFO']],
    ['slots', ['CLUSTER', 'SLOTS']],
  ]
  return [
    ['ping', ['PING']],
    ['time', ['TIME']],
    ['role', ['ROLE']],
    ['settings', ['INFO']],
    ...settingsAsked.map((setting) => ['settings', ['CONFIG', 'GET', setting]] as const),
    ...(mode === 'cluster' ? cluster : []),
  ]
}

/** @throws StepFailed */
function checkReady(text: string): void {
  if (text.startsWith('NOAUTH')) throw unwelcome(text)
  if (text.startsWith('LOADING')) throw new StepFailed('role', 'loading', 'It is loading its data.')
}

/** @throws StepFailed */
function databaseOf(database: number, reply: Reply | undefined): readonly Finding[] {
  if (database === 0) return []
  if (!isError(reply)) return [ok('database', String(database))]
  // Told by the step of permissions.
  if (reply.error.startsWith('NOPERM')) return []
  throw new StepFailed('database', 'database-missing', `It has no database ${database}.`)
}

function roleIn(reply: Reply | undefined): string | undefined {
  return Array.isArray(reply) ? String(reply[0]) : undefined
}

/** @throws StepFailed */
function roleOf(role: string | undefined, mode: string | undefined, info: string, { target }: Way): Finding {
  if (target.deployment.kind === 'cluster') checkMembership(mode, info)
  else if (mode === 'cluster') checkAlone(info)
  if (role === undefined) return skipped('role', 'not-told', 'It does not say its role.')
  const primary = role === 'master'
  if (!primary && target.role === 'primary') {
    throw new StepFailed('role', 'replica', 'It is a replica, which takes no writes.')
  }
  return ok('role', primary ? 'primary' : 'replica')
}

/** A cluster of one node that has all slots is as good as a server by itself. @throws StepFailed */
function checkAlone(info: string): void {
  if (Number(/^cluster_size:(\d+)/m.exec(info)?.[1] ?? 1) > 1) {
    const message = 'It is one node of a cluster: the keys of the others would be refused.'
    throw new StepFailed('role', 'cluster-found', message)
  }
  checkMembership('cluster', info)
}

/** @throws StepFailed */
function checkMembership(mode: string | undefined, info: string): void {
  if (mode === 'standalone') throw new StepFailed('role', 'cluster-wanted', 'It is no node of a cluster.')
  const assigned = Number(/^cluster_slots_assigned:(\d+)/m.exec(info)?.[1] ?? 16_384)
  if (assigned < 16_384) {
    throw new StepFailed('role', 'slots-uncovered', `The cluster has ${16_384 - assigned} slots without a primary.`)
  }
  if (/^cluster_state:fail/m.test(info)) throw new StepFailed('role', 'cluster-down', 'The cluster is down, it says.')
}

async function permissions(line: Line, { target }: Way, prefixes: readonly string[]): Promise<readonly Finding[]> {
  if (prefixes.length === 0) return []
  // By itself: without it, what follows would be done.
  const [multi = null] = await line.ask(['MULTI'])
  return await permissionFindings(line, multi, permissionsFor(target, prefixes))
}

function membersOf(reply: Reply | undefined, { target }: Way): readonly Member[] {
  const members: readonly Member[] = rangesOf(reply, target.node).flatMap(({ primary, replicas }) => [
    { node: primary, role: 'primary' as const },
    ...replicas.map((node) => ({ node, role: 'replica' as const })),
  ])
  return members.filter(({ node }) => isHost(node.host))
}
