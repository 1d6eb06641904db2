import type { Log } from '@coatcheck/gateway'
import type { GatewayModel } from '@coatcheck/model'
import type { LogLevel } from '../observability/log.ts'
import type { Observability } from '../observability/observability.ts'
import { serverKeys } from '../state/keyring.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { createAddresses } from './addresses.ts'
import { createHanding } from './handing.ts'
import { tellRefused } from './listening-socket.ts'
import type { Prepared, Runner, RunningStatus } from './runner.ts'
import { createStoreLog } from './store-log.ts'
import type { OpenAddress, WorkerStart } from './worker-messages.ts'
import { startWorker, type WorkerProcess } from './worker-process.ts'
import { createWorkerTotals } from './worker-totals.ts'

export interface WorkersOptions {
  /** 2–64. */
  readonly count: number
  readonly observability: Observability
  readonly state: StateFolder
  readonly version: string
  readonly revision: string | undefined
  readonly logLevel: LogLevel | undefined
  /** Has something done again and again; returns how to stop it. @defaultValue a timer */
  readonly every?: (work: () => Promise<void>, milliseconds: number) => () => void
}

/** What all workers run. */
interface Setting {
  readonly model: GatewayModel
  readonly addresses: readonly OpenAddress[]
}

/** Milliseconds that a worker has for its metrics. */
const snapshotPatience = 1_000
/** Milliseconds between two looks at what workers counted, besides scrapes: so much can be lost when one is killed. */
const snapshotEvery = 10_000
/** Milliseconds that workers have to take what was accepted before an address closed. */
const takingPatience = 10_000
/** A worker that ends sooner than this after its start, in milliseconds, was never well. */
const wellAfter = 5_000
/** So many in a row that were never well, and the program gives up. */
const mostFailures = 5
const firstPause = 100

/**
 * Several processes on the same addresses. This one opens them and hands each connection to one of the others, but
 * serves nothing itself. It loads, has all workers prepare, then has all of them swap, and starts a new one for each
 * that ends.
 */
export function createWorkers(options: WorkersOptions): Runner {
  const { count, observability, state, version, revision, logLevel, every = timer } = options
  const { log } = observability
  const start: WorkerStart = { version, revision, logLevel, state: state.path, workers: count }
  const refused = tellRefused(log)
  const addresses = createAddresses({ failed: refused, unread: true })
  const handing = createHanding(refused)
  const workers = new Set<WorkerProcess>()
  const launching = new Set<WorkerProcess>()
  const totals = createWorkerTotals()
  const tellStores = createStoreLog(log, () => performance.now())
  const stopLooking = every(() => look(false), snapshotEvery)
  const failed = Promise.withResolvers<void>()
  let running: Setting | undefined
  let stopping = false
  let failures = 0

  /** A worker that is ready for a model; killed when it cannot run it. */
  async function launch(setting: Setting): Promise<WorkerProcess> {
    const worker = startWorker(start, totals.join(), () => tellStores(status().stores))
    launching.add(worker)
    void worker.exited.then(() => launching.delete(worker))
    try {
      await worker.order({ kind: 'prepare', ...setting })
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
    handing.add(worker)
    void worker.exited.then((how) => {
      workers.delete(worker)
      if (stopping) return dropIfAlone()
      tellStores(status().stores)
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
    let setting = running
    try {
      const worker = await launch(setting)
      await worker.order({ kind: 'commit' })
      while (running !== setting) {
        setting = running
        await catchUp(worker, setting)
      }
      watch(worker)
    } catch (error) {
      failures++
      log.error('A worker could not be started', { error: { message: String(error) } })
      void replace()
    }
  }

  /** The model changed while it started. */
  async function catchUp(worker: WorkerProcess, setting: Setting): Promise<void> {
    await worker.order({ kind: 'prepare', ...setting })
    await worker.order({ kind: 'commit' })
  }

  function status(): RunningStatus {
    const all = [...workers].map((worker) => worker.status)
    return merged(all, stopping)
  }

  async function look(whole: boolean): Promise<void> {
    await Promise.all([...workers].map((worker) => worker.snapshot(whole, snapshotPatience)))
  }

  async function all(work: (worker: WorkerProcess) => Promise<unknown>): Promise<void> {
    const results = await Promise.allSettled([...workers].map(work))
    const failure = results.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  /** Closed in two steps: no client is told to close while another worker, or this process, still takes connections. */
  async function tellClosed(): Promise<void> {
    const closed = await handing.closed(takingPatience)
    if (closed.length === 0) return
    const tell = (worker: WorkerProcess) => worker.order({ kind: 'closed', addresses: closed })
    // those that are starting have it open, too
    await Promise.allSettled([...workers, ...launching].map(tell))
  }

  /** Nobody is left to take what waits. */
  function dropIfAlone(): void {
    if (workers.size === 0) handing.destroy()
  }

  async function prepareFirst(setting: Setting): Promise<void> {
    // one alone first, so that a problem is told once
    watch(await launch(setting))
    const others = await Promise.allSettled(Array.from({ length: count - 1 }, () => launch(setting)))
    for (const other of others) if (other.status === 'fulfilled') watch(other.value)
    const failure = others.find((other) => other.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async function prepare(model: GatewayModel): Promise<Prepared> {
    const { told } = serverKeys(model, state)
    const opened = await addresses.prepare(model.listeners)
    const setting: Setting = { model, addresses: handing.number(opened.sockets) }
    const undo = () => {
      opened.undo()
      return all((worker) => worker.order({ kind: 'undo' }))
    }
    try {
      if (running === undefined) await prepareFirst(setting)
      else await all((worker) => worker.order({ kind: 'prepare', ...setting }))
    } catch (error) {
      await undo().catch(() => {})
      throw error
    }
    const ready = new Set(workers)
    return {
      told,
      async commit() {
        running = setting
        observability.configured(model)
        totals.configured(model)
        const swap = (worker: WorkerProcess) =>
          ready.has(worker) ? worker.order({ kind: 'commit' }) : catchUp(worker, setting)
        await Promise.all([...workers].map((worker) => swap(worker).catch((error) => unanswered(worker, error, log))))
        handing.serve(opened.sockets)
        await opened.commit()
        await tellClosed()
      },
      undo,
    }
  }

  return {
    prepare,
    status,
    async snapshots() {
      await look(true)
      return [await observability.snapshot(), ...totals.snapshots()]
    },
    async drain() {
      stopping = true
      dropIfAlone()
      await addresses.close()
      await tellClosed()
      await all((worker) => worker.order({ kind: 'drain' }, 2 ** 31 - 1)).catch(() => {})
    },
    async stop() {
      stopping = true
      stopLooking()
      const ends = [...workers, ...launching].map(({ exited }) => exited)
      for (const worker of launching) worker.kill()
      await all((worker) => worker.order({ kind: 'stop' }, 1_500)).catch(() => {})
      for (const worker of workers) worker.kill()
      void addresses.close()
      handing.destroy()
      await Promise.all(ends)
    },
    failed: failed.promise,
  }
}

/** It is replaced, and its successor starts with the new model. */
function unanswered(worker: WorkerProcess, error: unknown, log: Log): void {
  worker.kill()
  log.error('A worker did not take the new configuration', { error: { message: String(error) } })
}

function timer(work: () => Promise<void>, milliseconds: number): () => void {
  const interval = setInterval(() => void work(), milliseconds).unref()
  return () => clearInterval(interval)
}

/** All workers run the same; what is wrong with one of them is wrong. */
function merged(all: readonly RunningStatus[], stopping: boolean): RunningStatus {
  const { listeners, routes, stores } = all[0] ?? { listeners: [], routes: [], stores: [] }
  const down = all.flatMap((one) => one.stores.filter(({ state }) => state === 'down'))
  return {
    listeners: stopping ? listeners.map((listener) => ({ ...listener, state: 'stopping' })) : listeners,
    routes,
    stores: stores.map((store) => down.find(({ name }) => name === store.name) ?? store),
  }
}
