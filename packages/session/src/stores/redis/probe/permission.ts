/**
 * What our user may do, found out without doing it: after MULTI the server says NOPERM to a command instead of QUEUED, or
 * that it has none such, and DISCARD forgets the others, so that nothing is written or told. Where MULTI is not allowed, a
 * script asks.
 */
import { changes, confirming, inCluster, redisAcl } from '../acl.ts'
import { keysUnder } from '../keys.ts'
import type { Command, Line } from './line.ts'
import { isError, type Reply } from './reply.ts'
import { type Finding, failed, ok, type ProbeReason, skipped, warned } from './report.ts'
import { samples } from './samples.ts'
import type { Target } from './target.ts'

/** Of no record: an id of ours has 22 characters. */
const nobody = 'connection-test'

/** What is lost without a command that sessions can do without. */
const losses: Readonly<Record<string, string>> = {
  ping: 'nothing is cached',
  publish: 'nothing is cached',
  subscribe: 'nothing is cached',
  scan: 'sessions cannot be listed',
}

interface Permission {
  readonly name: string
  readonly command: Command
  /** What it is tried on. */
  readonly on: string
}

interface Refusal extends Permission {
  readonly reason: Extract<ProbeReason, 'command-missing' | 'command-forbidden' | 'key-forbidden' | 'channel-forbidden'>
}

/** The commands that this deployment needs, under each prefix. */
export function permissionsFor(target: Target, prefixes: readonly string[]): readonly Permission[] {
  const { deployment, database, durability } = target
  const needed = (name: string) => {
    if (name === 'select') return database !== 0
    if (confirming.includes(name)) return durability !== undefined
    return !inCluster.includes(name) || deployment.kind === 'cluster'
  }
  return prefixes.flatMap((prefix) => {
    const { changed, record } = keysUnder(prefix)
    const names = redisAcl(prefix).flatMap((word) => (word.startsWith('+') ? [word.slice(1)] : []))
    return names.filter(needed).flatMap((name) => {
      const command = samples[name]?.(record(nobody), changed)
      return command === undefined ? [] : [{ name, command, on: changes.includes(name) ? changed : `${prefix}:*` }]
    })
  })
}

/** Asks for all of them. `multi`: the reply to MULTI. @throws LineBroken */
export async function permissionFindings(
  line: Line,
  multi: Reply,
  permissions: readonly Permission[],
): Promise<readonly Finding[]> {
  const refusals = await (multi === 'OK' ? askInTransaction : askByScript)(line, permissions)
  if (refusals !== undefined) return findingsOf(refusals)
  return [skipped('permission', 'not-told', 'Neither MULTI nor a script is allowed to find out what the user may do.')]
}

async function askInTransaction(line: Line, permissions: readonly Permission[]): Promise<readonly Refusal[]> {
  const replies = await line.ask(...permissions.map(({ command }) => command), ['DISCARD'])
  return permissions.flatMap((permission, i) => {
    const reply = replies[i]
    const reason = isError(reply) ? refusedFor(reply.error) : undefined
    return reason === undefined ? [] : [{ ...permission, reason }]
  })
}

/** By how the sentence ends: a user may be called "keys". `undefined`: it is no refusal. */
function refusedFor(text: string): Refusal['reason'] | undefined {
  if (isUnknown(text)) return 'command-missing'
  if (!text.startsWith('NOPERM')) return undefined
  if (/ channels?(?: used as arguments)?\.?$/.test(text)) return 'channel-forbidden'
  return / keys?(?: used as arguments)?\.?$/.test(text) ? 'key-forbidden' : 'command-forbidden'
}

/** Of a command that the operator took away (`rename-command`), or that a service does not offer. */
function isUnknown(text: string): boolean {
  return /^ERR unknown (?:sub)?command/i.test(text)
}

/** Redis ≥ 7 and Valkey tell a script what its user may do. ARGV: the commands as JSON. → 0: not allowed, 2: not there */
const askingScript = `
if not redis.acl_check_cmd then return false end
local allowed = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  local known, may = pcall(redis.acl_check_cmd, unpack(command))
  allowed[i] = not known and 2 or may and 1 or 0
end
return allowed`

/** `undefined`: the server cannot tell. */
async function askByScript(line: Line, permissions: readonly Permission[]): Promise<readonly Refusal[] | undefined> {
  const commands = JSON.stringify(permissions.map(({ command }) => command))
  const [reply = null] = await line.ask(['EVAL', askingScript, '0', commands])
  const reason = isError(reply) ? refusedFor(reply.error) : undefined
  if (reason !== undefined) return permissions.filter(({ name }) => name === 'eval').map((one) => ({ ...one, reason }))
  if (!Array.isArray(reply)) return undefined
  return permissions.flatMap((one, i) => {
    const answer = reply[i]
    return answer === 0 || answer === 2
      ? [{ ...one, reason: answer === 0 ? 'command-forbidden' : 'command-missing' }]
      : []
  })
}

function findingsOf(refusals: readonly Refusal[]): readonly Finding[] {
  if (refusals.length === 0) return [ok('permission', 'all that sessions need')]
  const isMissing = ({ reason }: Refusal) => reason === 'command-missing'
  const alike = [refusals.filter(isMissing), refusals.filter((one) => !isMissing(one))]
  return alike.flatMap((some) => [...Map.groupBy(some, ({ name }) => losses[name])].map(findingOf))
}

function findingOf([loss, alike]: readonly [loss: string | undefined, alike: readonly Refusal[]]): Finding {
  const { reason } = alike[0]!
  const words = reason === 'command-missing' ? `It has no ${namesOf(alike).join(', ')}` : worded(alike)
  return loss === undefined
    ? failed('permission', reason, `${words}.`)
    : warned('permission', reason, `${words}, so that ${loss}.`)
}

function namesOf(refusals: readonly Refusal[]): readonly string[] {
  return [...new Set(refusals.map(({ name }) => name))]
}

function worded(refusals: readonly Refusal[]): string {
  const names = (reason: Refusal['reason']) => namesOf(refusals.filter((one) => one.reason === reason))
  const on = [...new Set(refusals.map((one) => one.on))].map((one) => `"${one}"`).join(', ')
  const commands = names('command-forbidden')
  const parts = [
    ...(commands.length > 0 ? [`may not call ${commands.join(', ')}`] : []),
    ...(names('key-forbidden').length > 0 ? ['may not touch the keys'] : []),
    ...(names('channel-forbidden').length > 0 ? ['may not use the channel'] : []),
  ]
  return `Its user ${parts.join(', and ')} (tried on ${on})`
}
