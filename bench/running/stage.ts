/** Where a bench happens: a folder for the files of all, and processes, each on a core, which end with it. */
import { mkdtemp, rm } from 'node:fs/promises'
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

export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-bench-'))
  const started: Measured[] = []
  return {
    folder,
    start(core, command, output) {
      const process = startPinned(core, command, join(folder, output))
      started.push(process)
      return process
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((process) => process.stop()))
      // The access log alone has hundreds of megabytes.
      await rm(folder, { recursive: true })
    },
  }
}
