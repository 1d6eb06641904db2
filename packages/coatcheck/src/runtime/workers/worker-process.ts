import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { ProgramError } from '../../errors.ts'
import type { RunningStatus } from '../runner.ts'
import type { Failure, HandedConnection, OrderBody, Report, WorkerStart } from './worker-messages.ts'
import type { WorkerShare } from './worker-totals.ts'

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
  /**
   * Hands a connection over; `false` when the worker ended before it took it. The socket stays open here until it is
   * destroyed, which the worker does not notice.
   */
  take(address: number, socket: Socket): Promise<boolean>
  /**
   * Has it tell its share of the totals. Resolves when it did, or after `patience` ms: what comes later counts too. At
   * once for one that owes several already.
   */
  snapshot(whole: boolean, patience: number): Promise<void>
  /** Resolves with the exit code or the signal that ended it. */
  readonly exited: Promise<number | string>
  kill(): void
}

/** Snapshots that a worker may owe: one that stands still is not asked for ever more. */
const mostUntold = 4

type Answer = Exclude<Report, { kind: 'status' }>

/** Starts a worker. It serves nothing before it got a model. */
export function startWorker(start: WorkerStart, share: WorkerShare, statusChanged: () => void): WorkerProcess {
  const worker = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
    env: { ...process.env, COATCHECK_WORKER: JSON.stringify(start) },
  })
  const waiting = new Map<number, (answer: Answer) => void>()
  let status: RunningStatus = { listeners: [], routes: [], stores: [], sessions: [] }
  let last = 0
  let untold = 0

  worker.on('message', (report: Report) => {
    if (report.kind === 'status' || report.kind === 'done') {
      status = report.status
      statusChanged()
    }
    if (report.kind === 'snapshot') share.told(report.snapshot)
    if (report.kind === 'status' || report.number === undefined) return
    if (report.kind === 'snapshot') untold--
    waiting.get(report.number)?.(report)
  })
  // not when it exits: what it sent before may come after that
  worker.once('disconnect', share.ended)
  worker.on('error', () => {})
  const exited = new Promise<number | string>((resolve) => {
    worker.once('exit', (code, signal) => {
      resolve(signal ?? code ?? 0)
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
      if (!worker.connected) answer({ kind: 'failed', number, failure: ended(worker) })
      else worker.send({ ...body, number })
    })
  }

  function take(address: number, socket: Socket): Promise<boolean> {
    const number = ++last
    const connection: HandedConnection = { kind: 'connection', number, address }
    return new Promise((resolve) => {
      const answer = (given: Answer) => {
        waiting.delete(number)
        resolve(given.kind === 'taken')
      }
      waiting.set(number, answer)
      const unsent = (error: Error | null) => {
        if (error !== null) answer({ kind: 'failed', number, failure: ended(worker) })
      }
      worker.send(connection, socket, { keepOpen: true }, unsent)
    })
  }

  return {
    pid: worker.pid ?? 0,
    get status() {
      return status
    },
    async order(body, patience = 30_000) {
      const answer = await ask(body, patience)
      if (answer.kind === 'failed') throw errorOf(answer.failure)
    },
    take,
    async snapshot(whole, patience) {
      if (untold >= mostUntold) return
      untold++
      await ask({ kind: 'snapshot', whole }, patience)
    },
    exited,
    kill: () => worker.kill('SIGKILL'),
  }
}

function ended(worker: ChildProcess): Failure {
  return failed(`The worker ${worker.pid} ended.`)
}

function silent(worker: ChildProcess): Failure {
  return failed(`The worker ${worker.pid} did not answer.`)
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
