import type { Log } from '@coatcheck/gateway'
import type { GatewayModel, OldSealStatus } from '@coatcheck/model'
import type { LogLevel } from '../observability/log.ts'
import type { Observability } from '../observability/observability.ts'
import { serverKeys } from '../state/keyring.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { Prepared, Runner, RunningStatus } from './runner.ts'
import type { WorkerStart } from './worker-messages.ts'
import { startWorker, type WorkerProcess } from './worker-process.ts'

export interface WorkersOptions {
  /** 2–64. */
  readonly count: number
  readonly observability: Observability
  readonly state: StateFolder
  readonly version: string
  readonly revision: string | undefined
  readonly logLevel: LogLevel | undefined
}

/** Milliseconds that a worker has for its metrics. */
const snapshotPatience = 1_000
/** A worker that ends sooner than this after its start, in milliseconds, was never well. */
const wellAfter = 5_000
/** So many in a row that were never well, and the program gives up. */
const mostFailures = 5
const firstPause = 100

/**
 * Several processes on the same addresses. This one serves nothing itself: it loads, has all workers prepare, then has
 * all of them swap, and starts a new one for each that ends.
 */
export function createWorkers({ count, observability, state, version, revision, logLevel }: WorkersOptions): Runner {
  const { log } = observability
  const start: WorkerStart = { version, revision, logLevel, state: state.path, workers: count }
  const workers = new Set<WorkerProcess>()
  const launching = new Set<WorkerProcess>()
  const failed = Promise.withResolvers<void>()
  let running: GatewayModel | undefined
  let stopping = false
  let failures = 0

  /** A worker that runs `model`; killed when it cannot. */
  async function launch(model: GatewayModel): Promise<WorkerProcess> {
    const worker = startWorker(start)
    launching.add(worker)
    void worker.exited.then(() => launching.delete(worker))
    try {
      await worker.order({ kind: 'prepare', model })
      return worker
    } catch (error) {
      worker.kill()
      throw error
    }
  }

  function watch(worker: WorkerProcess): void {
    const startedAt = performance.now()
    launching.delete(worker)
    workers.add(worker)
    void worker.exited.then((how) => {
      workers.delete(worker)
      if (stopping) return
      failures = performance.now() - startedAt > wellAfter ? 1 : failures + 1
      log.error(`A worker ended (${how}); another takes its place`, { process: { pid: worker.pid } })
      void replace()
    })
  }

  async function replace(): Promise<void> {
    if (failures >= mostFailures) {
      log.error('Workers end again and again')
      failed.resolve()
      return
    }
    await new Promise((resolve) => setTimeout(resolve, firstPause * 2 ** (failures - 1)))
    if (stopping || running === undefined) return
    const model = running
    try {
      const worker = await launch(model)
      await worker.order({ kind: 'commit' })
      watch(worker)
      if (running !== model) await catchUp(worker, running)
    } catch (error) {
      failures++
      log.error('A worker could not be started', { error: { message: String(error) } })
      void replace()
    }
  }

  /** The model changed while it started. */
  async function catchUp(worker: WorkerProcess, model: GatewayModel): Promise<void> {
    await worker.order({ kind: 'prepare', model })
    await worker.order({ kind: 'commit' })
  }

  async function all(work: (worker: WorkerProcess) => Promise<unknown>): Promise<void> {
    const results = await Promise.allSettled([...workers].map(work))
    const failure = results.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async function prepareFirst(model: GatewayModel): Promise<void> {
    // one alone first, so that a problem is told once
    watch(await launch(model))
    const others = await Promise.allSettled(Array.from({ length: count - 1 }, () => launch(model)))
    for (const other of others) if (other.status === 'fulfilled') watch(other.value)
    const failure = others.find((other) => other.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async function prepare(model: GatewayModel): Promise<Prepared> {
    const { told } = serverKeys(model, state)
    const undo = () => all((worker) => worker.order({ kind: 'undo' }))
    try {
      if (running === undefined) await prepareFirst(model)
      else await all((worker) => worker.order({ kind: 'prepare', model }))
    } catch (error) {
      await undo().catch(() => {})
      throw error
    }
    const ready = new Set(workers)
    return {
      told,
      async commit() {
        running = model
        observability.configured(model)
        const swap = (worker: WorkerProcess) =>
          ready.has(worker) ? worker.order({ kind: 'commit' }) : catchUp(worker, model)
        await all(swap).catch((error) => unanswered(error, log))
      },
      undo,
    }
  }

  return {
    prepare,
    status: () =>
      merged(
        [...workers].map(({ status }) => status),
        stopping,
      ),
    async snapshots() {
      const theirs = await Promise.all([...workers].map((worker) => worker.snapshot(snapshotPatience)))
      return [await observability.snapshot(), ...theirs.filter((snapshot) => snapshot !== undefined)]
    },
    async drain() {
      stopping = true
      await all((worker) => worker.order({ kind: 'drain' }, 2 ** 31 - 1)).catch(() => {})
    },
    async stop() {
      stopping = true
      const ends = [...workers, ...launching].map(({ exited }) => exited)
      for (const worker of launching) worker.kill()
      await all((worker) => worker.order({ kind: 'stop' }, 1_500)).catch(() => {})
      for (const worker of workers) worker.kill()
      await Promise.all(ends)
    },
    failed: failed.promise,
  }
}

/** The worker is replaced, and its successor starts with the new model. */
function unanswered(error: unknown, log: Log): void {
  log.error('A worker did not take the new configuration', { error: { message: String(error) } })
}

/** All workers run the same; what is wrong with one of them is wrong. */
function merged(all: readonly RunningStatus[], stopping: boolean): RunningStatus {
  const { listeners, routes, stores, sessions } = all[0] ?? { listeners: [], routes: [], stores: [], sessions: [] }
  const down = all.flatMap((one) => one.stores.filter(({ state }) => state === 'down'))
  return {
    listeners: stopping ? listeners.map((listener) => ({ ...listener, state: 'stopping' })) : listeners,
    routes,
    stores: stores.map((store) => down.find(({ name }) => name === store.name) ?? store),
    sessions: sessions.map(({ name }) => ({ name, oldSeal: mergedSeal(all, name) })),
  }
}

/** Each worker has seen some of the sessions. */
function mergedSeal(all: readonly RunningStatus[], session: string): OldSealStatus | undefined {
  const seals = all.flatMap(({ sessions }) => sessions.find(({ name }) => name === session)?.oldSeal ?? [])
  if (seals.length === 0) return undefined
  const opened = seals.reduce((sum, seal) => sum + seal.opened, 0)
  return { opened, until: Math.max(...seals.map(({ until }) => until)) }
}
