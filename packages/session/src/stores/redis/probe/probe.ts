/**
 * A connection test: every server of a deployment, step by step, all at once. Nothing is written to any of them.
 *
 * It takes the sockets that the connection takes, so that TLS is what it will be, and speaks with them itself: a client
 * hides which step failed, and believes a server more than a test should.
 */
import { sessionDefaults } from '../../../defaults.ts'
import { nameOf } from '../connection/open-link.ts'
import { type ConnectionPorts, realPorts } from '../connection/ports.ts'
import type { ConnectionOptions } from '../options.ts'
import { settle } from './deployments.ts'
import { journal, type ProbeReport, reportOf, skipped } from './report.ts'
import { type Probed, probeServer, serverWithin } from './server.ts'
import { distinct, namedTargets, type Target } from './target.ts'

export {
  type ProbeOutcome,
  type ProbeReason,
  type ProbeReport,
  type ProbeStep,
  type ProbeStepName,
  probeSteps,
} from './report.ts'

/** Milliseconds for all of it; a server that was not asked by then is not. */
const allWithin = 4500
/** Connections of one process to one server: for commands, and for the changes that others tell; one more for durable writes. */
const perProcess = 2
/** Servers that are asked at once. */
const atOnce = 128

export interface ProbeOptions extends ConnectionOptions {
  /** Under which sessions are kept: permissions are tested for each. Without any, they are not. */
  readonly prefixes: readonly string[]
  /** Processes of this gateway, each with connections of its own. */
  readonly processes: number
}

/**
 * Probes all servers that the options name and all that those name, each within 2 s, all within 5 s, whatever they do.
 *
 * Nothing is written to the store, and nothing is told to others. Never rejects for what a server does. No password,
 * certificate or key is in the report, nor anything that a server said in its own words.
 */
export async function probeRedis(options: ProbeOptions, given: Partial<ConnectionPorts> = {}): Promise<ProbeReport> {
  const ports: ConnectionPorts = { ...realPorts, ...given }
  const { prefixes, processes, timeouts, durability } = options
  const limits = {
    prefixes,
    connections: processes * (durability === undefined ? perProcess : perProcess + 1),
    command: timeouts?.command ?? sessionDefaults.redis.timeouts.command,
  }
  const latest = ports.now() + allWithin - serverWithin
  const probe = (target: Target) =>
    ports.now() <= latest ? probeServer(target, limits, ports) : Promise.resolve(unasked(target))
  const named = await inTurns(distinct(namedTargets(options)), probe)
  const { found, steps } = settle(options, named)
  return reportOf(steps(await inTurns(distinct(found), probe)))
}

function unasked(target: Target): Probed {
  const notes = journal(nameOf(target.node))
  notes.add(skipped('name', 'out-of-time', 'Others took all the time.'))
  return { target, steps: notes.steps, server: undefined }
}

/** All of them, so many at once, in their order. */
async function inTurns(
  targets: readonly Target[],
  probe: (target: Target) => Promise<Probed>,
): Promise<readonly Probed[]> {
  const probed: Probed[] = []
  const left = targets.entries()
  const turn = async () => {
    for (const [i, target] of left) probed[i] = await probe(target)
  }
  await Promise.all(Array.from({ length: atOnce }, turn))
  return probed
}
