#!/usr/bin/env node
/** The program `coatcheck`: the only module that talks to the process it runs in. */
import { once } from 'node:events'
import { exitCodes } from './commands/command.ts'
import { dispatch } from './commands/dispatch.ts'

/** Milliseconds that what is still open at the end may take before the process goes without it. */
const longestEnd = 1000

// `coatcheck schema | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCodes.fine)
})

async function drained(): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
}

try {
  process.exitCode = await dispatch(process.argv.slice(2), {
    cwd: process.cwd(),
    environment: process.env,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    drained,
    progress: process.stderr.isTTY && !process.stdout.isTTY ? (text) => process.stderr.write(text) : undefined,
  })
} catch (error) {
  console.error(error)
  process.exitCode = exitCodes.fatal
}
setTimeout(() => process.exit(), longestEnd).unref()
