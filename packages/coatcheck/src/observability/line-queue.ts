/** Lines that wait for their output, joined into chunks of whole lines. */
export interface LineQueue {
  /** Bytes that wait. */
  readonly bytes: number
  push(line: string, bytes: number): void
  /** The next chunk; `undefined` when nothing waits. */
  take(): string | undefined
}

/** @param chunkBytes a chunk has no more bytes than this, unless a single line has */
export function createLineQueue(chunkBytes: number): LineQueue {
  const full: string[] = []
  let open = ''
  let openBytes = 0
  let bytes = 0

  function push(line: string, lineBytes: number): void {
    if (openBytes + lineBytes > chunkBytes && openBytes > 0) {
      full.push(open)
      open = ''
      openBytes = 0
    }
    open += line
    openBytes += lineBytes
    bytes += lineBytes
  }

  function take(): string | undefined {
    const chunk = full.shift() ?? takeOpen()
    if (chunk !== undefined) bytes -= Buffer.byteLength(chunk)
    return chunk
  }

  function takeOpen(): string | undefined {
    if (openBytes === 0) return undefined
    const chunk = open
    open = ''
    openBytes = 0
    return chunk
  }

  return {
    get bytes() {
      return bytes
    },
    push,
    take,
  }
}
