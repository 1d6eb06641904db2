import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { isatty } from 'node:tty'

/**
 * Where bytes go.
 *
 * A pipe, socket or terminal whose other end does not read must neither hold up the program nor its exit, and a
 * blocked write in a thread does the latter: so these are written without blocking. A file takes what it gets into
 * memory. All is written on this thread: at exit nobody can wait for another one, and what is written then would
 * overtake it.
 */
export interface Output {
  /**
   * Takes what it can at once and says how much.
   *
   * @throws what `fs.writeSync` throws; `EAGAIN` when nothing fits
   */
  write(bytes: Buffer): number
}

/** Opens nothing that was not open: `fd` is a descriptor that the process was started with, as 1 or 2. */
export function openOutput(fd: number): Output {
  const target = nonBlocking(fd) ?? fd
  return { write: (bytes) => writeSync(target, bytes) }
}

/** A descriptor for the same output that does not block, or `undefined` when there is none. */
function nonBlocking(fd: number): number | undefined {
  try {
    const kind = fstatSync(fd)
    if (kind.isFIFO() || isatty(fd)) return reopened(fd)
    return kind.isSocket() ? adopted(fd) : undefined
  } catch {
    return undefined
  }
}

/**
 * Opened anew, so that O_NONBLOCK is ours alone and not that of every process which shares the descriptor. Another
 * user's pipe, as a container engine's, cannot be opened: it is taken over.
 */
function reopened(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    if (isatty(fd)) throw error
    return adopted(fd)
  }
}

/** Sockets that made their descriptor non-blocking; collected, they would close it. */
const held: Socket[] = []

/** Node sets O_NONBLOCK on what it takes over, and offers no other way to set it. */
function adopted(fd: number): number {
  held.push(new Socket({ fd, readable: false, writable: true }).unref().on('error', () => {}))
  return fd
}
