import { type Diagnostic, type GatewayModel, hasErrors } from '@coatcheck/model'
import type { Check } from '../observability/internal-handler.ts'
import { internalHandler } from '../observability/internal-handler.ts'
import type { Observability } from '../observability/observability.ts'
import type { LoadedConfiguration, Source } from '../sources/source.ts'
import { createInternalListener, type Internal } from './internal-listener.ts'
import { nodeWarning } from './node-version.ts'
import { logProblems, problemOf } from './problem.ts'
import type { Runner } from './runner.ts'
import { createStatusKeeper, type StatusKeeper } from './status.ts'

/** All parts of a program that runs, and the model that it runs. */
export interface Program {
  readonly observability: Observability
  readonly runner: Runner
  readonly internal: Internal
  readonly keeper: StatusKeeper
  model: GatewayModel
}

export function createProgram(
  model: GatewayModel,
  version: string,
  observability: Observability,
  runner: Runner,
): Program {
  const outdated = nodeWarning(process.version)
  const always = outdated === undefined ? [] : [outdated]
  const keeper = createStatusKeeper({ version, node: process.version, startedAt: Date.now(), always })
  const internal = createInternalListener(
    internalHandler({
      status: () => keeper.status(runner.status()),
      checks: () => readiness(runner),
      metrics: () => runner.snapshots(),
    }),
  )
  return { observability, runner, internal, keeper, model }
}

/**
 * Ready is who takes traffic, and reaches the stores that gateways share: another one may reach them. A store of this
 * machine does not count: nobody else has its sessions, and routes without sessions go on.
 */
function readiness(runner: Runner): Check[] {
  const { listeners, stores } = runner.status()
  const check = (name: string, ok: boolean, reason: string | undefined): Check => ({
    name,
    ok,
    reason: ok ? undefined : reason,
  })
  if (listeners.length === 0) return [check('listeners', false, 'none is open')]
  return [
    ...listeners.map(({ name, state }) => check(`listener-${name}`, state === 'listening', `it is ${state}`)),
    ...stores
      .filter(({ kind }) => kind === 'redis')
      .map(({ name, state, reason }): Check => ({ name: `store-${name}`, ok: state === 'up', reason })),
  ]
}

/**
 * Runs a model in place of what ran before.
 *
 * @throws whatever keeps it from running; nothing has changed then
 */
export async function apply(program: Program, loaded: LoadedConfiguration & { model: GatewayModel }): Promise<void> {
  const { internal, runner, keeper, observability } = program
  const opened = await internal.prepare(loaded.model.internal)
  try {
    const prepared = await runner.prepare(loaded.model)
    await prepared.commit()
    if (prepared.told !== undefined) observability.log.info(prepared.told)
  } catch (error) {
    opened.undo()
    throw error
  }
  opened.commit()
  program.model = loaded.model
  keeper.running(loaded, Date.now())
  observability.reloaded('success', Date.now())
}

/** Loads the configuration anew. With one that cannot be run everything stays as it is, and log and status say why. */
export async function reload(program: Program, source: Source): Promise<void> {
  const { log } = program.observability
  const problems = await tryReload(program, source)
  logProblems(log, problems)
  if (!hasErrors(problems)) return log.info('The configuration was loaded anew')
  log.error('The new configuration is not used; what ran before goes on')
  program.keeper.failed(problems, Date.now())
  program.observability.reloaded('failure', Date.now())
}

async function tryReload(program: Program, source: Source): Promise<readonly Diagnostic[]> {
  try {
    const loaded = await source.load()
    if (!isRunnable(loaded)) return loaded.diagnostics
    if (loaded.model.workers !== program.model.workers) return [workersChanged(program.model, loaded.model)]
    await apply(program, loaded)
    return loaded.diagnostics
  } catch (error) {
    return [problemOf(error)]
  }
}

export function isRunnable(loaded: LoadedConfiguration): loaded is LoadedConfiguration & { model: GatewayModel } {
  return loaded.model !== undefined && !hasErrors(loaded.diagnostics)
}

function workersChanged(before: GatewayModel, after: GatewayModel): Diagnostic {
  return {
    severity: 'error',
    code: 'workers-changed',
    place: undefined,
    message: `"workers" was changed from ${before.workers} to ${after.workers}.`,
    consequence: 'The number of processes is set at the start.',
    remedy: 'Start Coatcheck again, or put the old number back.',
  }
}
