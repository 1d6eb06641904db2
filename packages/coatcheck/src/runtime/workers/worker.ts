/** Entry of a worker process: runs the models that the primary sends. */
import type { Socket } from 'node:net'
import { exitCodes } from '../../exit-codes.ts'
import { leave } from '../../leave.ts'
import { createObservability, type MetricsSnapshot } from '../../observability/observability.ts'
import { stateFolder } from '../../state/state-folder.ts'
import { endOnFatal } from '../fatal.ts'
import { createGatewayProcess } from '../gateway-process.ts'
import { createHandedAddresses } from '../listening/handed-addresses.ts'
import { problemOf } from '../problem.ts'
import type { Prepared } from '../runner.ts'
import type { Failure, HandedConnection, Order, Report, WorkerStart } from './worker-messages.ts'

const start: WorkerStart = JSON.parse(process.env.COATCHECK_WORKER ?? '{}')
const observability = createObservability({ ...start, level: start.logLevel })
endOnFatal({ log: observability.log, flush: lastWords })
const addresses = createHandedAddresses()
const runner = createGatewayProcess({
  observability,
  addresses,
  state: stateFolder(start.state, {}, '/'),
  statusChanged: () => report({ kind: 'status', status: runner.status() }),
})
let prepared: Prepared | undefined

/** Resolves when it was sent, or cannot be. */
async function report(message: Report): Promise<void> {
  if (process.connected) await new Promise((sent) => process.send?.(message, undefined, undefined, sent))
}

function snapshot(whole: boolean): MetricsSnapshot | Promise<MetricsSnapshot> {
  return whole ? observability.snapshot() : observability.counted()
}

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'prepare':
      prepared = await runner.prepare(order.model, order.addresses, order.runs)
      break
    case 'commit':
      await prepared?.commit()
      prepared = undefined
      break
    case 'undo':
      await prepared?.undo()
      prepared = undefined
      break
    case 'closed':
      for (const address of order.addresses) addresses.closed(address)
      break
    case 'drain':
      await runner.drain()
      break
    case 'stop':
      await runner.stop()
      // before it is reported: the primary ends whoever has reported
      await lastWords()
      break
    case 'snapshot':
      void report({ kind: 'snapshot', number: order.number, snapshot: await snapshot(order.whole) })
      return
  }
  void report({ kind: 'done', number: order.number, status: runner.status() })
  if (order.kind === 'stop') await end()
}

/** Taken before it is served: from then on the primary has nothing to do with it. */
function take({ number, address }: HandedConnection, socket: Socket | undefined): void {
  void report({ kind: 'taken', number })
  if (socket === undefined) return
  // the half-open state of the server that accepted it does not travel with a socket
  socket.allowHalfOpen = true
  addresses.take(address, socket)
}

/** What was counted since somebody asked, and logged; sent and written when it resolves. */
async function lastWords(): Promise<void> {
  await report({ kind: 'snapshot', number: undefined, snapshot: observability.counted() })
  await observability.flush()
}

async function end(): Promise<void> {
  await observability.flush()
  leave(exitCodes.fine)
}

function failure(error: unknown): Failure {
  const { code, message, consequence, remedy } = problemOf(error)
  return { code: code as Failure['code'], problem: message, consequence, remedy }
}

// A terminal signals the whole group; the primary decides what follows from it.
process
  .on('SIGINT', () => {})
  .on('SIGTERM', () => {})
  .on('SIGHUP', () => {})
// Without its primary nobody could end it.
process.on('disconnect', () => void runner.stop().then(end, end))
process.on('message', (order: Order | HandedConnection, socket?: Socket) => {
  if (order.kind === 'connection') return take(order, socket)
  obey(order).catch((error: unknown) => report({ kind: 'failed', number: order.number, failure: failure(error) }))
})
