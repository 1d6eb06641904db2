/** Probes one server: its name, and every address behind it, at once. */
import type { Socket } from 'node:net'
import { StoreFailure } from '../connection/failure.ts'
import { nameOf } from '../connection/open-link.ts'
import type { ConnectionPorts } from '../connection/ports.ts'
import { addressesOf } from '../connection/socket.ts'
import { askData, type DataLimits, type DataServer } from './data-server.ts'
import { broke, introduce } from './introduce.ts'
import { LineBroken, lineOver } from './line.ts'
import { plainFindings, reachTcp, reachTls, tlsFinding, type Way, wordsOf } from './reach.ts'
import {
  dispensable,
  failed,
  hasFailed,
  type Journal,
  journal,
  ok,
  type ProbeReason,
  type ProbeStep,
  StepFailed,
} from './report.ts'
import { askSentinel, type SentinelServer } from './sentinel-server.ts'
import type { Target } from './target.ts'

/** Milliseconds for one server. */
export const serverWithin = 2000

export interface Probed {
  readonly target: Target
  readonly steps: readonly ProbeStep[]
  /** `undefined` when it did not get so far as to say. */
  readonly server: DataServer | SentinelServer | undefined
}

/** Ends within `serverWithin`, whatever the server does. Never rejects for what it does. */
export async function probeServer(target: Target, limits: DataLimits, ports: ConnectionPorts): Promise<Probed> {
  const limit = new AbortController()
  const cancel = ports.schedule(() => limit.abort(new StoreFailure('timeout', 'no answer in time')), serverWithin)
  const notes = journal(nameOf(target.node))
  try {
    const addresses = await named(target, limit.signal, notes, ports)
    const probed = await Promise.all(
      addresses.map((address) => {
        const label = addresses.length === 1 ? notes : journal(`${nameOf(target.node)} (${address})`)
        return probeAddress({ target, address, signal: limit.signal, ports }, limits, label)
      }),
    )
    return addresses.length === 1 ? probed[0]! : together(target, notes, probed)
  } catch (error) {
    noteFailure(error, limit.signal, target, notes)
    return { target, steps: notes.steps, server: undefined }
  } finally {
    cancel()
  }
}

async function named(target: Target, signal: AbortSignal, notes: Journal, ports: ConnectionPorts) {
  const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const addresses = await Promise.race([addressesOf(target.node, ports), late])
  if (addresses[0] !== target.node.host) notes.add(ok('name', addresses.join(', ')))
  return addresses
}

/** The connection takes whichever address is good: one is enough. */
function together(target: Target, { steps }: Journal, probed: readonly Probed[]): Probed {
  const good = probed.find((one) => !hasFailed(one.steps))
  const all = probed.flatMap((one) => (good === undefined ? one.steps : dispensable(one.steps)))
  return { target, steps: [...steps, ...all], server: (good ?? probed.find(({ server }) => server))?.server }
}

async function probeAddress(way: Way, limits: DataLimits, notes: Journal): Promise<Probed> {
  const { target, signal } = way
  let socket: Socket | undefined
  let server: Probed['server']
  try {
    socket = await reachTcp(way, notes)
    if (target.tls !== undefined) socket = await reachTls(way, socket, target.tls, notes)
    const secured = target.tls === undefined ? plainFindings(way) : [tlsFinding(socket, way)]
    const line = lineOver(socket, signal)
    const introduced = await introduce(line, way, notes, secured)
    server =
      target.kind === 'sentinel'
        ? await askSentinel(line, introduced, way, notes)
        : await askData(line, introduced, way, limits, notes)
  } catch (error) {
    noteFailure(error, signal, target, notes)
  } finally {
    socket?.destroy()
  }
  return { target, steps: notes.steps, server }
}

function noteFailure(error: unknown, signal: AbortSignal, target: Target, notes: Journal): void {
  const { step, reason, message } = failureOf(error, signal, notes)
  const by = target.namedBy === undefined || step !== 'tcp' ? '' : ` It was named by the ${target.namedBy}.`
  notes.add(failed(step, reason, `${message}${by}`))
}

function failureOf(error: unknown, signal: AbortSignal, { now }: Journal): StepFailed {
  if (error instanceof StepFailed) return error
  if (signal.aborted) return new StepFailed(now, now === 'name' ? 'name-server-silent' : 'silent', silent(now))
  if (error instanceof LineBroken) return new StepFailed(now, error.reason, broke[error.reason])
  if (!(error instanceof StoreFailure)) throw error
  if (now === 'name') return new StepFailed('name', nameReason(error), wordsOf(error))
  return new StepFailed(now, error.fault?.code === 'ECONNREFUSED' ? 'refused' : 'unreachable', wordsOf(error))
}

function nameReason({ fault }: StoreFailure): ProbeReason {
  return fault === undefined || /^(?:ENOTFOUND|ENODATA)$/.test(fault.code) ? 'name-unknown' : 'name-server-silent'
}

function silent(step: Journal['now']): string {
  const seconds = serverWithin / 1000
  if (step === 'name') return `The name was not resolved within ${seconds} s.`
  return step === 'tcp'
    ? `It does not accept the connection within ${seconds} s.`
    : `It accepted the connection, and did not answer within ${seconds} s.`
}
