import { createLineQueue } from './line-queue.ts'
import { type Output, openOutput } from './output.ts'

export interface LineWriterOptions {
  /** File descriptor, as 1 for standard output; or where else bytes go. */
  readonly output: number | Output
  /** Milliseconds that a line may wait for others; 0 writes at once. @defaultValue 100 */
  readonly delay?: number | undefined
  /** Bytes kept for an output that does not take them; what is more is dropped. @defaultValue 4 MiB */
  readonly maxBuffered?: number | undefined
  /** Several processes share the output: a write has at most `PIPE_BUF` bytes and ends at a line's end. @defaultValue false */
  readonly shared?: boolean | undefined
  /** Told how many lines were lost. */
  readonly dropped?: ((lines: number) => void) | undefined
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

/** Writers that are not done. One exit handler serves them all. */
const unfinished = new Set<() => void>()
process.on('exit', () => {
  for (const finish of unfinished) finish()
})

export function createLineWriter(options: LineWriterOptions): LineWriter {
  const { delay = 100, maxBuffered = 4 << 20, shared = false, dropped = () => {} } = options
  const output = typeof options.output === 'number' ? openOutput(options.output) : options.output
  const queue = createLineQueue(shared ? pipeBuf : batch)
  const chunk = createChunk()
  const flushed: (() => void)[] = []
  let timer: NodeJS.Timeout | undefined
  /** Milliseconds of the next pause; > 1 while the output is full. */
  let pause = 1
  let writing = false

  function write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (queue.bytes + chunk.bytes + bytes > maxBuffered || (shared && bytes > pipeBuf)) {
      dropped(1)
      return
    }
    queue.push(line, bytes)
    if (writing || pause > 1) return
    if (delay === 0 || queue.bytes >= batch) run()
    else if (timer === undefined) later(delay)
  }

  function later(milliseconds: number): void {
    unfinished.add(finish)
    timer = setTimeout(run, milliseconds)
    timer.unref()
  }

  /** Writes until all is out or the output wants a pause. A loop while the output answers at once, so never a deep stack. */
  function run(): void {
    clearTimeout(timer)
    timer = undefined
    unfinished.add(finish)
    for (let goOn = true; goOn && more(); ) goOn = writeChunk()
  }

  /** `false`: not yet answered, or to be tried later. */
  function writeChunk(): boolean {
    let atOnce = true
    let goOn = false
    writing = true
    output.write(chunk.content, chunk.offset, (error, written) => {
      writing = false
      goOn = settle(error, written)
      if (!atOnce && goOn) run()
    })
    atOnce = false
    return goOn
  }

  /** Has a chunk to write, the one begun or the next. */
  function more(): boolean {
    if (chunk.bytes > 0) return true
    const next = queue.take()
    if (next !== undefined) return chunk.begin(next)
    unfinished.delete(finish)
    for (const resolve of flushed.splice(0)) resolve()
    return false
  }

  function settle(error: NodeJS.ErrnoException | null, written: number): boolean {
    if (error?.code === 'EAGAIN') {
      later(pause)
      pause = Math.min(pause * 2, maxPause)
      return false
    }
    pause = 1
    // The reader is gone or the disk is full: this chunk is lost, the next is tried all the same.
    if (error !== null) dropped(chunk.giveUp())
    else chunk.advance(written)
    return true
  }

  function flush(timeout = 1000): Promise<void> {
    if (queue.bytes + chunk.bytes === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const given = setTimeout(resolve, timeout)
      flushed.push(() => {
        clearTimeout(given)
        resolve()
      })
      if (!writing) run()
    })
  }

  /** At exit, where nothing asynchronous happens any more. A chunk that a thread writes is left to it. */
  function finish(): void {
    const deadline = performance.now() + exitGrace
    if (writing) chunk.advance(chunk.bytes)
    while (more()) {
      try {
        chunk.advance(output.writeSync(chunk.content, chunk.offset))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') chunk.giveUp()
        else if (performance.now() > deadline) return
        else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      }
    }
  }

  return { write, flush }
}

/** The bytes on their way, and how many are out. */
function createChunk() {
  let content: Buffer = Buffer.alloc(0)
  let offset = 0
  /** A line was cut by a failure: a newline keeps the next one apart from its rest. */
  let torn = false
  return {
    get content() {
      return content
    },
    get offset() {
      return offset
    },
    /** Left to write. */
    get bytes() {
      return content.length - offset
    },
    begin(text: string): true {
      content = Buffer.from(torn ? `\n${text}` : text)
      offset = 0
      torn = false
      return true
    },
    advance(written: number): void {
      offset += written
    },
    /** The number of lines that are lost. */
    giveUp(): number {
      let lines = 0
      for (let at = content.indexOf(10, offset); at >= 0; at = content.indexOf(10, at + 1)) lines++
      torn = offset > 0 && content[offset - 1] !== 10
      offset = content.length
      return lines
    },
  }
}
