import type { SessionErrorCode } from '@coatcheck/session'
import type { ProgramErrorCode } from './errors.ts'

/** What a process ends with: a supervisor restarts on `fatal`, and not on the others. */
export const exitCodes = { fine: 0, configuration: 1, usage: 2, fatal: 70 } as const

/** Nothing is wrong with the configuration: the machine may be ready for it at the next try. */
const ofTheMachine: ReadonlySet<string> = new Set<ProgramErrorCode | SessionErrorCode>([
  'address-in-use',
  'address-unusable',
  'state-folder-unusable',
  'ERR_STORE_UNAVAILABLE',
  'worker-failed',
])

/** What a start ends with that a problem with this code keeps from serving: 70 for those of the machine, else 1. */
export function exitCodeOf(problem: string): number {
  return ofTheMachine.has(problem) ? exitCodes.fatal : exitCodes.configuration
}
