import type { Log } from '@coatcheck/gateway'
import type { GatewayModel, OldSealStatus, StoreStatus } from '@coatcheck/model'
import type { Schedule } from '@coatcheck/session'
import type { LogLevel } from '../../observability/log.ts'
import type { Observability } from '../../observability/observability.ts'
import { serverKeys } from '../../state/keyring.ts'
import type { StateFolder } from '../../state/state-folder.ts'
import { createAddresses } from '../listening/addresses.ts'
import { tellRefused } from '../listening/listening-socket.ts'
import type { Prepared, Runner, RunningStatus } from '../runner.ts'
import { createStoreLog } from '../stores/store-log.ts'
import { createCrew } from './crew.ts'
import { createHanding } from './handing.ts'
import { createRespawning } from './respawning.ts'
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
  /** Calls back again and again, each time after so many milliseconds. @defaultValue `setInterval` */
  readonly every?: Schedule
  /** Waits so many milliseconds before another worker follows one that ended. @defaultValue a timer */
  readonly pause?: (milliseconds: number) => Promise<void>
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
/** No limit: who drains says how long that may take. */
const drainPatience = 2 ** 31 - 1
/** Milliseconds that a worker has to close its stores. */
const stopPatience = 1_500

/**
 * Several processes on the same addresses. This one opens them and hands each connection to one of the others, but
 * serves nothing itself. It loads, has all workers prepare, then has all of them swap, and starts a new one for each
 * that ends.
 */
export function createWorkers(options: WorkersOptions): Runner {
  const { count, observability, state, version, revision, logLevel, every = interval, pause } = options
  const { log } = observability
  const start: WorkerStart = { version, revision, logLevel, state: state.path, workers: count }
  const refused = tellRefused(log)
  const addresses = createAddresses({ failed: refused, unread: true })
  const handing = createHanding(refused)
  const totals = createWorkerTotals()
  const tellStores = createStoreLog(log, () => performance.now())
  const storesChanged = () => tellStores(status().stores)
  const crew = createCrew(() => startWorker(start, totals.join(), storesChanged), ended)
  const respawning = createRespawning(replace, log, pause)
  const stopLooking = every(() => look(false), snapshotEvery)
  const begun = Promise.withResolvers<void>()
  let running: Setting | undefined
  let stopping = false

  function serve(worker: WorkerProcess): void {
    crew.join(worker)
    handing.add(worker)
  }

  function ended({ pid }: WorkerProcess, how: number | string, lived: number): void {
    if (stopping) dropIfAlone()
    else {
      storesChanged()
      log.error(`A worker ended (${how}); another takes its place`, { process: { pid } })
      respawning.ended(lived)
    }
  }

  /** Nobody is left to take what waits. */
  function dropIfAlone(): void {
    if (crew.size === 0) handing.destroy()
  }

  async function replace(): Promise<void> {
    // one that ended while others still prepared for the first model is followed once that runs
    await begun.promise
    if (stopping || running === undefined) return
    let setting = running
    const worker = await crew.launch({ kind: 'prepare', ...setting, runs: true })
    await worker.order({ kind: 'commit' })
    while (running !== setting) {
      setting = running
      await catchUp(worker, setting)
    }
    serve(worker)
  }

  function status(): RunningStatus {
    return merged(crew.statuses(), stopping)
  }

  function look(whole: boolean): Promise<void> {
    return crew.all((worker) => worker.snapshot(whole, snapshotPatience))
  }

  /** Closed in two steps: no client is told to close while another worker, or this process, still takes connections. */
  async function tellClosed(): Promise<void> {
    const closed = await handing.closed(takingPatience)
    // those that are starting have it open, too
    if (closed.length > 0) await crew.tell({ kind: 'closed', addresses: closed })
  }

  async function prepareFirst(setting: Setting): Promise<void> {
    const launch = () => crew.launch({ kind: 'prepare', ...setting, runs: false })
    // one alone first, so that a problem is told once
    serve(await launch())
    const others = await Promise.allSettled(Array.from({ length: count - 1 }, launch))
    for (const other of others) if (other.status === 'fulfilled') serve(other.value)
    const failure = others.find((other) => other.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async function prepare(model: GatewayModel): Promise<Prepared> {
    const { told } = serverKeys(model, state)
    const opened = await addresses.prepare(model.listeners)
    const setting: Setting = { model, addresses: handing.number(opened.sockets) }
    const undo = () => {
      opened.undo()
      return crew.all((worker) => worker.order({ kind: 'undo' }))
    }
    try {
      if (running === undefined) await prepareFirst(setting)
      else await crew.all((worker) => worker.order({ kind: 'prepare', ...setting, runs: false }))
    } catch (error) {
      await undo().catch(() => {})
      throw error
    }
    const ready = crew.members()
    return {
      told,
      async commit() {
        running = setting
        begun.resolve()
        observability.configured(model)
        totals.configured(model)
        const swap = (worker: WorkerProcess) =>
          ready.has(worker) ? worker.order({ kind: 'commit' }) : catchUp(worker, setting)
        await crew.all((worker) => swap(worker).catch((error) => unanswered(worker, error, log)))
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
      await crew.all((worker) => worker.order({ kind: 'drain' }, drainPatience)).catch(() => {})
    },
    async stop() {
      stopping = true
      stopLooking()
      await crew.stop(stopPatience)
      void addresses.close()
      handing.destroy()
    },
    failed: respawning.failed,
  }
}

/** For one that did not hear of this model yet, which others serve. */
async function catchUp(worker: WorkerProcess, setting: Setting): Promise<void> {
  await worker.order({ kind: 'prepare', ...setting, runs: true })
  await worker.order({ kind: 'commit' })
}

/** It is replaced, and its successor starts with the new model. */
function unanswered(worker: WorkerProcess, error: unknown, log: Log): void {
  worker.kill()
  log.error('A worker did not take the new configuration', { error: { message: String(error) } })
}

/** Again and again, without keeping the process alive for it. */
function interval(callback: () => void, milliseconds: number): () => void {
  const timer = setInterval(callback, milliseconds).unref()
  return () => clearInterval(timer)
}

/** All workers run the same; what is wrong with one of them is wrong. */
function merged(all: readonly RunningStatus[], stopping: boolean): RunningStatus {
  const { listeners, routes, stores, sessions } = all[0] ?? { listeners: [], routes: [], stores: [], sessions: [] }
  const unwell = all.flatMap((one) => one.stores).toSorted((a, b) => severity(b) - severity(a))
  return {
    listeners: stopping ? listeners.map((listener) => ({ ...listener, state: 'stopping' })) : listeners,
    routes,
    stores: stores.map((store) => unwell.find(({ name }) => name === store.name) ?? store),
    sessions: sessions.map(({ name }) => ({ name, oldSeal: mergedSeal(all, name) })),
  }
}

/** What any worker knows of a store is true of it. */
function severity({ state, full, reason }: StoreStatus): number {
  if (state === 'down') return 3
  if (full) return 2
  return reason === undefined ? 0 : 1
}

/** Each worker has seen some of the sessions. */
function mergedSeal(all: readonly RunningStatus[], session: string): OldSealStatus | undefined {
  const seals = all.flatMap(({ sessions }) => sessions.find(({ name }) => name === session)?.oldSeal ?? [])
  if (seals.length === 0) return undefined
  const opened = seals.reduce((sum, seal) => sum + seal.opened, 0)
  return { opened, until: Math.max(...seals.map(({ until }) => until)) }
}
