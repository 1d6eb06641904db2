import { exitCodes } from '../exit-codes.ts'
import { leave } from '../leave.ts'
import type { Observability } from '../observability/observability.ts'

/** Milliseconds that the last words may take. */
const lastWords = 1_000

/**
 * An error that nobody expected ends the process with exit code 70, after it was logged: a supervisor starts it anew.
 */
export function endOnFatal({ log, flush }: Pick<Observability, 'log' | 'flush'>): { dispose(): void } {
  const end = (error: unknown) => {
    setTimeout(() => leave(exitCodes.fatal), lastWords)
    const stack_trace = error instanceof Error ? error.stack : undefined
    log.error('The program broke and ends', { error: { message: String(error), stack_trace } })
    void flush().finally(() => leave(exitCodes.fatal))
  }
  process.once('uncaughtException', end).once('unhandledRejection', end)
  return { dispose: () => process.off('uncaughtException', end).off('unhandledRejection', end) }
}
