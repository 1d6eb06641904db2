/**
 * What our user may do, found out without doing it: after MULTI the server says NOPERM to a command instead of QUEUED,
 * and DISCARD forgets the others, so that nothing is written or told. Where MULTI is not allowed, a script asks.
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
  readonly reason: Extract<ProbeReason, 'command-forbidden' | 'key-forbidden' | 'channel-forbidden'>
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
    if (!isError(reply) || !reply.error.startsWith('NOPERM')) return []
    return [{ ...permission, reason: refusedFor(reply.error) }]
  })
}

/** By how the sentence ends: a user may be called "keys". */
function refusedFor(text: string): Refusal['reason'] {
  if (/ channels?(?: used as arguments)?\.?$/.test(text)) return 'channel-forbidden'
  return / keys?(?: used as arguments)?\.?$/.test(text) ? 'key-forbidden' : 'command-forbidden'
}

/** Redis ≥ 7 and Valkey tell a script what its user may do. ARGV: the commands as JSON. → 0: not allowed */
const askingScript = `
if not redis.acl_check_cmd then return false end
local allowed = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  local known, may = pcall(redis.acl_check_cmd, unpack(command))
  allowed[i] = (known and not may) and 0 or 1
end
return allowed`

/** `undefined`: the server cannot tell. */
async function askByScript(line: Line, permissions: readonly Permission[]): Promise<readonly Refusal[] | undefined> {
  const commands = JSON.stringify(permissions.map(({ command }) => command))
  const [reply = null] = await line.ask(['EVAL', askingScript, '0', commands])
  if (isError(reply) && reply.error.startsWith('NOPERM')) {
    return permissions.filter(({ name }) => name === 'eval').map((one) => ({ ...one, reason: 'command-forbidden' }))
  }
  if (!Array.isArray(reply)) return undefined
  return permissions.filter((_, i) => reply[i] === 0).map((one) => ({ ...one, reason: 'command-forbidden' }))
}

function findingsOf(refusals: readonly Refusal[]): readonly Finding[] {
  if (refusals.length === 0) return [ok('permission', 'all that sessions need')]
  const byLoss = Map.groupBy(refusals, ({ name }) => losses[name])
  return [...byLoss].map(([loss, alike]) =>
    loss === undefined
      ? failed('permission', alike[0]!.reason, `${worded(alike)}.`)
      : warned('permission', alike[0]!.reason, `${worded(alike)}, so that ${loss}.`),
  )
}

function worded(refusals: readonly Refusal[]): string {
  const names = (reason: Refusal['reason']) => [
    ...new Set(refusals.filter((one) => one.reason === reason).map(({ name }) => name)),
  ]
  const on = [...new Set(refusals.map((one) => one.on))].map((one) => `"${one}"`).join(', ')
  const commands = names('command-forbidden')
  const parts = [
    ...(commands.length > 0 ? [`may not call ${commands.join(', ')}`] : []),
    ...(names('key-forbidden').length > 0 ? ['may not touch the keys'] : []),
    ...(names('channel-forbidden').length > 0 ? ['may not use the channel'] : []),
  ]
  return `Its user ${parts.join(', and ')} (tried on ${on})`
}
