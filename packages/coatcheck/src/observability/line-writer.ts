import { backgroundTimer, foregroundTimer, type Schedule } from '@coatcheck/session'
import { createLineQueue } from './line-queue.ts'
import { type Output, openOutput } from './output.ts'

export interface LineWriterOptions {
  /** File descriptor, as 1 for standard output; or where else bytes go. */
  readonly output: number | Output
  /** Milliseconds that a line may wait for others; 0 writes at once. @defaultValue 100 */
  readonly delay?: number | undefined
  /** Bytes kept for an output that does not take them; what is more is dropped. @defaultValue 4 MiB */
  readonly maxBuffered?: number | undefined
  /**
   * Several processes share the output: a write has at most `PIPE_BUF` bytes and ends at a line's end.
   *
   * @defaultValue false
   */
  readonly shared?: boolean | undefined
  /** Told how many lines were lost. */
  readonly dropped?: ((lines: number) => void) | undefined
  /** @defaultValue timers, of which only that of `flush` keeps the process alive */
  readonly schedule?: Schedule | undefined
}

/** Writes lines without ever waiting for the reader: what the output does not take in time is dropped and counted. */
export interface LineWriter {
  /** One line, newline included. When the output is shared, a line of more than `PIPE_BUF` bytes is dropped. */
  write(line: string): void
  /** Resolves when all is written, or after so many milliseconds. @defaultValue 1000 */
  flush(timeout?: number): Promise<void>
}

/** Linux: writes of up to so many bytes are never mixed with those of other processes (pipe(7)). */
export const pipeBuf = 4096
/** Bytes of one write otherwise; so many do not wait for more. */
const batch = 65_536
/** Milliseconds until an output that was full is tried again, after the first pause of 1. */
const maxPause = 100
/** Milliseconds that an output which is full may hold up the exit of the process. */
const exitGrace = 250

const newline = Buffer.from('\n')

/** Writers that are not done. One exit handler serves them all. */
const unfinished = new Set<() => void>()
process.on('exit', () => {
  for (const finish of unfinished) finish()
})

export function createLineWriter(options: LineWriterOptions): LineWriter {
  const { delay = 100, maxBuffered = 4 << 20, shared = false, dropped = () => {} } = options
  const output = typeof options.output === 'number' ? openOutput(options.output) : options.output
  const queue = createLineQueue(shared ? pipeBuf : Number.POSITIVE_INFINITY)
  const flushed: (() => void)[] = []
  let callOff: (() => void) | undefined
  /** Milliseconds of the next pause; > 1 while the output is full. */
  let pause = 1
  /** Where the output stands: behind a whole line, inside of one, or inside of one whose rest is lost. */
  let position: 'between' | 'inside' | 'torn' = 'between'

  function write(line: string): void {
    if (queue.bytes + line.length > maxBuffered || !queue.push(line)) {
      dropped(1)
      return
    }
    if (pause > 1) return
    if (delay === 0 || queue.bytes >= batch) run()
    else if (callOff === undefined) later(delay)
  }

  function later(milliseconds: number): void {
    unfinished.add(finish)
    callOff = (options.schedule ?? backgroundTimer)(run, milliseconds)
  }

  /** Writes until all is out, or the output is full and wants a pause. */
  function run(): void {
    callOff?.()
    callOff = undefined
    unfinished.add(finish)
    while (queue.bytes > 0) {
      if (!writeHead()) {
        retryLater()
        return
      }
      pause = 1
    }
    done()
  }

  function retryLater(): void {
    later(pause)
    pause = Math.min(pause * 2, maxPause)
  }

  /** `false`: the output is full, and nothing was taken. */
  function writeHead(): boolean {
    const bytes = next()
    let written: number
    try {
      written = output.write(bytes)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false
      giveUp(bytes.length)
      return true
    }
    advance(written)
    return true
  }

  /** A newline first, where a line is cut, so that the next one stands alone. */
  function next(): Buffer {
    return position === 'torn' ? newline : queue.head()
  }

  function done(): void {
    unfinished.delete(finish)
    for (const resolve of flushed.splice(0)) resolve()
  }

  function advance(written: number): void {
    if (position === 'torn') {
      position = 'between'
      return
    }
    position = queue.head()[written - 1] === 10 ? 'between' : 'inside'
    queue.advance(written)
  }

  /** The reader is gone or the disk is full: what was to be written is lost, what follows is tried all the same. */
  function giveUp(bytes: number): void {
    const lost = position === 'torn' ? queue.head() : queue.head().subarray(0, bytes)
    let lines = 0
    for (let at = lost.indexOf(10); at >= 0; at = lost.indexOf(10, at + 1)) lines++
    dropped(lines)
    queue.advance(lost.length)
    if (position === 'inside') position = 'torn'
  }

  function flush(timeout = 1000): Promise<void> {
    if (queue.bytes === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const stopWaiting = (options.schedule ?? foregroundTimer)(resolve, timeout)
      flushed.push(() => {
        stopWaiting()
        resolve()
      })
      run()
    })
  }

  /** At exit, where nothing asynchronous happens any more. */
  function finish(): void {
    const deadline = performance.now() + exitGrace
    while (queue.bytes > 0) {
      if (writeHead()) continue
      if (performance.now() > deadline) return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }

  return { write, flush }
}
