import type { Log } from '@coatcheck/gateway'
import type { Diagnostic } from '@coatcheck/model'
import { messageOf, ProgramError } from '../errors.ts'

/** What kept a model from running, as status and log show it. */
export function problemOf(error: unknown): Diagnostic {
  if (error instanceof ProgramError) {
    const { code, problem, consequence, remedy } = error
    return { severity: 'error', code, place: undefined, message: problem, consequence, remedy }
  }
  return {
    severity: 'error',
    code: codeOf(error) ?? 'cannot-run',
    place: undefined,
    message: messageOf(error),
    consequence: 'The configuration is right as it is written, but it cannot be run here.',
    remedy: 'Mend what is named, then start or reload again.',
  }
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && code.startsWith('ERR_') ? code : undefined
}

/** One message for each problem. */
export function logProblems(log: Log, problems: readonly Diagnostic[]): void {
  for (const { severity, code, place, message, consequence, remedy } of problems) {
    const text = [message, consequence, remedy].filter((part) => part !== '').join(' ')
    const fields = {
      error: { code },
      ...(place && { log: { origin: { file: { name: place.file, line: place.line } } } }),
    }
    if (severity === 'error') log.error(text, fields)
    else log.warn(text, fields)
  }
}
