#!/usr/bin/env node
/** The program `coatcheck`: the only module that talks to the process it runs in. */
import { once } from 'node:events'
import { exitCodes } from './exit-codes.ts'
import { isHeldByThreads, leave } from './leave.ts'

/** Milliseconds that what is still open at the end may take before the process goes without it. */
const longestEnd = 1000

// `coatcheck schema | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') leave(exitCodes.fine)
  process.stderr.write(`coatcheck: standard output cannot be written: ${error.code ?? error.message}\n`)
  leave(exitCodes.fatal)
})

// to be told to reload while the program itself is still loading is no reason to end
process.on('SIGHUP', () => {})

async function drained(): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

try {
  const { dispatch } = await import('./commands/dispatch.ts')
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
setTimeout(() => leave(Number(process.exitCode)), longestEnd).unref()
// All is said: a name that is still looked up concerns nobody any more.
await flushed(process.stdout)
await flushed(process.stderr)
if (isHeldByThreads()) leave(Number(process.exitCode))
