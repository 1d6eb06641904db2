import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { ProgramError } from '../errors.ts'
import type { MetricsSnapshot } from '../observability/observability.ts'
import type { RunningStatus } from './runner.ts'
import type { Failure, OrderBody, Report, WorkerStart } from './worker-messages.ts'

/** A worker as the primary sees it. */
export interface WorkerProcess {
  readonly pid: number
  /** As it was with its last answer. */
  readonly status: RunningStatus
  /**
   * Resolves when it was obeyed.
   *
   * @throws ProgramError what the worker threw; `worker-failed` when it ended or did not answer within `patience` ms
   */
  order(body: OrderBody, patience?: number): Promise<void>
  /** `undefined` when it does not answer in time. */
  snapshot(patience: number): Promise<MetricsSnapshot | undefined>
  /** Resolves with the exit code or the signal that ended it. */
  readonly exited: Promise<number | string>
  kill(): void
}

type Answer = Exclude<Report, { kind: 'status' }>

/** Starts a worker. It serves nothing before it got a model. */
export function startWorker(start: WorkerStart): WorkerProcess {
  cluster.setupPrimary({ exec: fileURLToPath(new URL('./worker.ts', import.meta.url)), args: [] })
  const worker = cluster.fork({ COATCHECK_WORKER: JSON.stringify(start) })
  const waiting = new Map<number, (answer: Answer) => void>()
  let status: RunningStatus = { listeners: [], routes: [], stores: [], sessions: [] }
  let last = 0

  worker.on('message', (report: Report) => {
    if (report.kind === 'status' || report.kind === 'done') status = report.status
    if (report.kind !== 'status') waiting.get(report.number)?.(report)
  })
  worker.on('error', () => {})
  const exited = new Promise<number | string>((resolve) => {
    worker.once('exit', (code, signal) => {
      resolve(signal ?? code)
      for (const [number, answer] of waiting) answer({ kind: 'failed', number, failure: ended(worker) })
    })
  })

  function ask(body: OrderBody, patience: number): Promise<Answer> {
    const number = ++last
    return new Promise((resolve) => {
      const answer = (given: Answer) => {
        clearTimeout(timer)
        waiting.delete(number)
        resolve(given)
      }
      const timer = setTimeout(() => answer({ kind: 'failed', number, failure: silent(worker) }), patience)
      waiting.set(number, answer)
      if (!worker.isConnected()) answer({ kind: 'failed', number, failure: ended(worker) })
      else worker.send({ ...body, number })
    })
  }

  return {
    pid: worker.process.pid ?? 0,
    get status() {
      return status
    },
    async order(body, patience = 30_000) {
      const answer = await ask(body, patience)
      if (answer.kind === 'failed') throw errorOf(answer.failure)
    },
    async snapshot(patience) {
      const answer = await ask({ kind: 'snapshot' }, patience)
      return answer.kind === 'snapshot' ? answer.snapshot : undefined
    },
    exited,
    kill: () => worker.process.kill('SIGKILL'),
  }
}

function ended(worker: Worker): Failure {
  return failed(`The worker ${worker.process.pid} ended.`)
}

function silent(worker: Worker): Failure {
  return failed(`The worker ${worker.process.pid} did not answer.`)
}

function failed(problem: string): Failure {
  return {
    code: 'worker-failed',
    problem,
    consequence: 'What it was told to do was not done.',
    remedy: 'Its last words are on the log.',
  }
}

function errorOf({ code, problem, consequence, remedy }: Failure): ProgramError {
  return new ProgramError(code ?? 'worker-failed', problem, consequence, remedy)
}
