/** Where a bench happens: a folder for the files of all, and processes, each on a core, which end with it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Measured, startPinned } from './process.ts'

/** The proxy that is measured has one for itself. */
export const cores = { load: 0, proxy: 1 }

export interface Stage extends AsyncDisposable {
  readonly folder: string
  /** Its standard output goes to a file of that name in the folder. */
  start(core: number, command: readonly string[], output: string): Measured
}

/** One for a program: nothing of it is left when the program is interrupted. */
export function openStage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
  const started: Measured[] = []
  // The access log alone has hundreds of megabytes.
  const clean = () => rmSync(folder, { recursive: true, force: true })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  process.once('exit', () => {
    for (const { child } of started) child.kill('SIGKILL')
    clean()
  })
  return {
    folder,
    start(core, command, output) {
      const process = startPinned(core, command, join(folder, output))
      started.push(process)
      return process
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((process) => process.stop()))
      clean()
    },
  }
}
