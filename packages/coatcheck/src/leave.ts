/** How the process ends while a thread of the system is busy for it. */
import { existsSync } from 'node:fs'

/** Work of threads: `process.exit()` waits for what they do, 10 s and longer where no name server answers. */
const inThreads = /^(?:GetAddrInfoReqWrap|GetNameInfoReqWrap|FSReq)/

export function isHeldByThreads(): boolean {
  return process.getActiveResourcesInfo().some((name) => inThreads.test(name))
}

/** What takes the place of this process, its threads included, to end with its exit code. */
const shell = '/bin/sh'

/**
 * Ends the process now, whatever is still open. What was written to standard output and error before has to be flushed.
 *
 * Where the system has no shell, or cannot put one in our place, it ends when the threads are done.
 */
export function leave(code: number): never {
  if (isHeldByThreads() && process.execve !== undefined && existsSync(shell)) {
    process.emit('exit', code)
    process.execve(shell, ['sh', '-c', `exit ${code}`], {})
  }
  process.exit(code)
}
