import type { RunningStatus } from '../runner.ts'
import type { OrderBody } from './worker-messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** The workers of a program: those that serve, and those that are starting. */
export interface Crew {
  readonly size: number
  /** Those that serve now. */
  members(): ReadonlySet<WorkerProcess>
  /**
   * Starts a worker and has it obey; it is killed when it cannot.
   *
   * @throws ProgramError as `WorkerProcess.order` does
   */
  launch(first: OrderBody): Promise<WorkerProcess>
  /** It serves from now on, until it ends. */
  join(worker: WorkerProcess): void
  /** Of those that serve. */
  statuses(): RunningStatus[]
  /** Has all that serve do it. @throws what one of them threw, when all are done */
  all(work: (worker: WorkerProcess) => Promise<unknown>): Promise<void>
  /** Tells all, those that start too; what they throw is nobody's business. */
  tell(body: OrderBody): Promise<void>
  /** Has all end, and kills those that do not within `patience` milliseconds; resolves when all have ended. */
  stop(patience: number): Promise<void>
}

/**
 * @param ended told of each worker that served and ended: with its exit code or signal, and its milliseconds of service
 */
export function createCrew(
  start: () => WorkerProcess,
  ended: (worker: WorkerProcess, how: number | string, lived: number) => void,
): Crew {
  const serving = new Set<WorkerProcess>()
  const launching = new Set<WorkerProcess>()

  async function all(work: (worker: WorkerProcess) => Promise<unknown>): Promise<void> {
    const results = await Promise.allSettled(Array.from(serving, work))
    const failure = results.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  return {
    get size() {
      return serving.size
    },
    members: () => new Set(serving),
    async launch(first) {
      const worker = start()
      launching.add(worker)
      void worker.exited.then(() => launching.delete(worker))
      try {
        await worker.order(first)
        return worker
      } catch (error) {
        worker.kill()
        throw error
      }
    },
    join(worker) {
      const startedAt = performance.now()
      launching.delete(worker)
      serving.add(worker)
      void worker.exited.then((how) => {
        serving.delete(worker)
        ended(worker, how, performance.now() - startedAt)
      })
    },
    statuses: () => Array.from(serving, (worker) => worker.status),
    all,
    async tell(body) {
      await Promise.allSettled(Array.from([...serving, ...launching], (worker) => worker.order(body)))
    },
    async stop(patience) {
      const ends = Array.from([...serving, ...launching], ({ exited }) => exited)
      for (const worker of launching) worker.kill()
      await all((worker) => worker.order({ kind: 'stop' }, patience)).catch(() => {})
      for (const worker of serving) worker.kill()
      await Promise.all(ends)
    },
  }
}
