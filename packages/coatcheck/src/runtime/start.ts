import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import type { LogLevel } from '../observability/log.ts'
import { createObservability, type Observability } from '../observability/observability.ts'
import type { LoadedConfiguration, Source } from '../sources/source.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { endOnFatal } from './fatal.ts'
import { createGatewayProcess } from './gateway-process.ts'
import { logProblems, problemOf } from './problem.ts'
import { apply, createProgram, isRunnable, type Program, reload } from './program.ts'
import { createReloader, type Reloader } from './reload.ts'
import type { Runner } from './runner.ts'
import { listenToSignals, type Signals, shutDown } from './shutdown.ts'
import { createWorkers } from './workers/workers.ts'

export interface StartOptions {
  readonly state: StateFolder
  /** @defaultValue `info` */
  readonly logLevel?: LogLevel | undefined
  readonly version: string
  /** Commit that it was made from. @defaultValue unknown */
  readonly revision?: string | undefined
  /** Called when requests are served, with the addresses that were opened. */
  readonly onReady?: ((started: Started) => void) | undefined
}

export interface Started {
  readonly listeners: readonly { readonly name: string; readonly address: string }[]
  /** Address of the internal listener; `undefined` when it is off. */
  readonly internal: string | undefined
}

/**
 * Runs a gateway until it is told to stop; gives the exit code: 0 after SIGTERM or SIGINT, 1 when the configuration
 * is wrong, 70 when it broke or the machine did not let it start.
 */
export async function startGateway(source: Source, options: StartOptions): Promise<number> {
  const started = Promise.withResolvers<Program>()
  const reloader = createReloader(() => started.promise.then((program) => reload(program, source)))
  // before anything is loaded or open: no signal but a second one ends what has begun
  const signals = listenToSignals(reloader.request)
  try {
    return await start(await source.load(), { source, reloader, signals, started: started.resolve }, options)
  } finally {
    signals.dispose()
  }
}

interface Driving {
  readonly source: Source
  readonly reloader: Reloader
  readonly signals: Signals
  /** Reloads that were asked for meanwhile begin. */
  started(program: Program): void
}

async function start(loaded: LoadedConfiguration, driving: Driving, options: StartOptions): Promise<number> {
  const { version, revision, logLevel: level } = options
  const observability = createObservability({ version, revision, level, workers: loaded.model?.workers })
  const fatal = endOnFatal(observability)
  try {
    if (!isRunnable(loaded)) {
      logProblems(observability.log, loaded.diagnostics)
      return exitCodes.configuration
    }
    const runner = createRunner(loaded.model.workers, observability, options)
    const program = createProgram(loaded.model, version, observability, runner)
    const second = driving.signals.second.then(() => 'stopped' as const)
    const problem = await Promise.race([apply(program, loaded).then(() => undefined, problemOf), second])
    if (problem === 'stopped') {
      await runner.stop()
      return exitCodes.fine
    }
    driving.started(program)
    logProblems(observability.log, problem ? [problem] : program.keeper.status(runner.status()).configuration.problems)
    if (problem === undefined) return await serve(program, driving, options)
    await runner.stop()
    return exitCodeOf(problem.code)
  } finally {
    await observability.flush()
    fatal.dispose()
  }
}

function createRunner(workers: number, observability: Observability, options: StartOptions): Runner {
  const { state, version, revision, logLevel } = options
  return workers === 1
    ? createGatewayProcess({ observability, state })
    : createWorkers({ count: workers, observability, state, version, revision, logLevel })
}

/** From the first request to the last. */
async function serve(program: Program, { source, reloader, signals }: Driving, options: StartOptions): Promise<number> {
  const { runner, internal, observability } = program
  const stopWatching = source.watch(reloader.request)
  const { listeners } = runner.status()
  observability.log.info(`Serving ${listeners.map(({ name, address }) => `${name} on ${address}`).join(', ')}`)
  options.onReady?.({ listeners, internal: internal.address })
  try {
    return await untilStopped(program, signals, async () => {
      stopWatching()
      await reloader.stop()
    })
  } finally {
    internal.close()
  }
}

async function untilStopped(program: Program, signals: Signals, stopReloading: () => Promise<void>): Promise<number> {
  const { runner, observability } = program
  const signal = await Promise.race([signals.first, runner.failed])
  await stopReloading()
  if (signal === undefined) {
    await runner.stop()
    return exitCodes.fatal
  }
  observability.log.info(`${signal}: no new connections are taken, requests under way are finished`)
  await shutDown(runner, program.model.shutdown.grace, signals.second, observability.log)
  return exitCodes.fine
}
