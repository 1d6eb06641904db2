/** What a connection test finds: steps, their outcome, and why. */
import { type ProbeReason, remedies } from './remedies.ts'

export type { ProbeReason } from './remedies.ts'

/** Every step, in the order in which they are taken; one that fails ends the way to that server. */
export const probeSteps = [
  'name',
  'tcp',
  'tls',
  'protocol',
  'authentication',
  'version',
  'database',
  'role',
  'replicas',
  'permission',
  'memory',
  'timeout',
  'connections',
  'clock',
] as const

export type ProbeStepName = (typeof probeSteps)[number]

/**
 * `failed`: the store cannot be used so. `warned`: it can, at the price that the message names. `skipped`: the server
 * does not let us look, which is fine.
 */
export type ProbeOutcome = 'ok' | 'warned' | 'skipped' | 'failed'

export interface ProbeStep {
  /** `host:port`; with the address behind it where a name has several; the sentinels' or the cluster's name for all. */
  readonly node: string
  readonly step: ProbeStepName
  readonly outcome: ProbeOutcome
  /** Closed set; `undefined` when all is well. */
  readonly reason: ProbeReason | undefined
  /** What was found, in one sentence or a few words; never with a password, certificate or key. */
  readonly message: string
  /** What to do about it; empty when nothing is to be done. */
  readonly remedy: string
}

export interface ProbeReport {
  /** No step failed. */
  readonly ok: boolean
  /** Of all servers, those of one server together. */
  readonly steps: readonly ProbeStep[]
}

export function reportOf(steps: readonly ProbeStep[]): ProbeReport {
  return { ok: steps.every(({ outcome }) => outcome !== 'failed'), steps }
}

/** What ends the way to a server. */
export class StepFailed extends Error {
  readonly step: ProbeStepName
  readonly reason: ProbeReason
  constructor(step: ProbeStepName, reason: ProbeReason, message: string) {
    super(message)
    this.step = step
    this.reason = reason
  }
}

/** A step without its server. */
export type Finding = Omit<ProbeStep, 'node'>

export function ok(step: ProbeStepName, message: string): Finding {
  return { step, outcome: 'ok', reason: undefined, message, remedy: '' }
}

export function warned(step: ProbeStepName, reason: ProbeReason, message: string): Finding {
  return { step, outcome: 'warned', reason, message, remedy: remedies[reason] }
}

export function skipped(step: ProbeStepName, reason: ProbeReason, message: string): Finding {
  return { step, outcome: 'skipped', reason, message, remedy: remedies[reason] }
}

export function failed(step: ProbeStepName, reason: ProbeReason, message: string): Finding {
  return { step, outcome: 'failed', reason, message, remedy: remedies[reason] }
}

/** Collects what is found at one server, as it is found. */
export interface Journal {
  readonly steps: readonly ProbeStep[]
  /** The step under way: a time limit that passes now belongs to it. */
  now: ProbeStepName
  add(...findings: readonly Finding[]): void
}

export function journal(node: string): Journal {
  const steps: ProbeStep[] = []
  return {
    steps,
    now: 'name',
    add: (...findings) => void steps.push(...findings.map((finding) => ({ node, ...finding }))),
  }
}

export function hasFailed(steps: readonly ProbeStep[]): boolean {
  return steps.some(({ outcome }) => outcome === 'failed')
}

/** The same, of a server that the store can do without for now. */
export function dispensable(steps: readonly ProbeStep[]): readonly ProbeStep[] {
  return steps.map((step) => (step.outcome === 'failed' ? { ...step, outcome: 'warned' } : step))
}
