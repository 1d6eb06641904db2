/** What the servers that the configuration names lead to, and which of them a store can do without. */
import { nameOf } from '../connection/open-link.ts'
import type { ConnectionOptions } from '../options.ts'
import type { DataServer } from './data-server.ts'
import { dispensable, failed, journal, type ProbeStep, warned } from './report.ts'
import type { SentinelServer } from './sentinel-server.ts'
import type { Probed } from './server.ts'
import { dataTarget, type Target } from './target.ts'

export interface Settled {
  /** Servers that were named by those that were probed. */
  readonly found: readonly Target[]
  /** All steps, once those are probed too. */
  steps(found: readonly Probed[]): readonly ProbeStep[]
}

export function settle(options: ConnectionOptions, named: readonly Probed[]): Settled {
  switch (options.deployment.kind) {
    case 'standalone':
      return { found: [], steps: () => stepsOf(named) }
    case 'sentinel':
      return settleSentinels(options, named)
    case 'cluster':
      return settleCluster(options, named)
    case 'replicated':
      return { found: [], steps: () => stepsOfReplicated(named) }
  }
}

function settleSentinels(options: ConnectionOptions, named: readonly Probed[]): Settled {
  const answers = named.flatMap(({ server }) => (server?.kind === 'sentinel' ? [server] : []))
  const epoch = Math.max(...answers.map((answer) => answer.epoch))
  const newest = answers.filter((answer) => answer.epoch === epoch)
  const [newer] = newest
  if (newer === undefined) return { found: [], steps: () => stepsOf(named) }
  const replicas = newest.flatMap((answer) => answer.replicas)
  return {
    found: [
      ...replicas.map((node) => dataTarget(options, node, 'replica', 'sentinels')),
      ...newest.map(({ primary }) => dataTarget(options, primary, 'primary', 'sentinels')),
    ],
    steps: (found) => [...stepsOf(named, () => false), ...disagreement(answers), ...stepsOf(found, isPrimary)],
  }
}

function disagreement(answers: readonly SentinelServer[]): readonly ProbeStep[] {
  const primaries = [...new Set(answers.map(({ primary }) => nameOf(primary)))]
  if (primaries.length < 2) return []
  const notes = journal('sentinels')
  notes.add(warned('role', 'sentinels-disagree', `They name different primaries: ${primaries.join(', ')}.`))
  return notes.steps
}

const isPrimary = ({ target }: Probed) => target.role === 'primary'

function settleCluster(options: ConnectionOptions, named: readonly Probed[]): Settled {
  const views = named.flatMap(({ server }) => (server?.kind === 'data' && server.members.length > 0 ? [server] : []))
  const [view] = views
  if (view === undefined) return { found: [], steps: () => stepsOf(named) }
  const known = new Set(named.map(({ target }) => nameOf(target.node)))
  const primaries = primariesIn(view)
  return {
    found: view.members
      .filter(({ node }) => !known.has(nameOf(node)))
      .map(({ node, role }) => dataTarget(options, node, role, 'cluster')),
    steps: (found) => stepsOf([...named, ...found], ({ target }) => primaries.has(nameOf(target.node))),
  }
}

function primariesIn({ members }: DataServer): ReadonlySet<string> {
  return new Set(members.filter(({ role }) => role === 'primary').map(({ node }) => nameOf(node)))
}

function stepsOfReplicated(named: readonly Probed[]): readonly ProbeStep[] {
  const primaries = named.filter(({ server }) => server?.kind === 'data' && server.primary)
  const notes = journal('all nodes')
  if (primaries.length > 1) {
    const names = primaries.map(({ target }) => nameOf(target.node)).join(', ')
    notes.add(warned('role', 'several-primaries', `Several say that they are the primary: ${names}.`))
  }
  if (primaries.length > 0) return [...stepsOf(named, (one) => primaries.includes(one)), ...notes.steps]
  if (named.some(({ server }) => server !== undefined)) {
    notes.add(failed('role', 'primary-missing', 'None of those that answer is the primary.'))
  }
  return [...stepsOf(named), ...notes.steps]
}

/** What fails of one that is not needed is a warning. */
function stepsOf(probed: readonly Probed[], isNeeded: (one: Probed) => boolean = () => true): readonly ProbeStep[] {
  return probed.flatMap((one) => (isNeeded(one) ? one.steps : dispensable(one.steps)))
}
