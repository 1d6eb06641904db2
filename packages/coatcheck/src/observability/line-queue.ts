/** Lines that wait for their output, as bytes. */
export interface LineQueue {
  /** Bytes that wait. */
  readonly bytes: number
  /** `false`: the line has more than `maxLine` bytes and was not taken. */
  push(line: string): boolean
  /** The next whole lines, at most `maxLine` bytes of them; or the rest of what was begun. Empty when nothing waits. */
  head(): Buffer
  /** So many bytes of the head are done with. */
  advance(bytes: number): void
}

interface Block {
  readonly content: Buffer
  /** What waits is from `start` to `end`. */
  start: number
  end: number
}

const blockBytes = 65_536
const nothing = Buffer.alloc(0)

/** Lines are encoded when they come, one after the other into blocks: that is the cheapest way to keep them. */
export function createLineQueue(maxLine: number): LineQueue {
  const blocks: Block[] = []
  let spare: Buffer | undefined
  let bytes = 0

  function push(line: string): boolean {
    // UTF-8 has at most three bytes for one unit of UTF-16.
    const block = blockFor(line.length * 3)
    const written = block.content.write(line, block.end)
    if (written > maxLine) return false
    block.end += written
    bytes += written
    return true
  }

  function blockFor(room: number): Block {
    const last = blocks.at(-1)
    if (last !== undefined && last.content.length - last.end >= room) return last
    const content = spare !== undefined && spare.length >= room ? spare : Buffer.allocUnsafe(Math.max(blockBytes, room))
    if (content === spare) spare = undefined
    const block = { content, start: 0, end: 0 }
    blocks.push(block)
    return block
  }

  function head(): Buffer {
    const [first] = blocks
    if (first === undefined) return nothing
    const { content, start, end } = first
    if (end - start <= maxLine) return content.subarray(start, end)
    return content.subarray(start, content.lastIndexOf(10, start + maxLine - 1) + 1)
  }

  function advance(count: number): void {
    const first = blocks[0]
    if (first === undefined) return
    first.start += count
    bytes -= count
    if (first.start < first.end) return
    blocks.shift()
    if (first.content.length === blockBytes) spare = first.content
  }

  return {
    get bytes() {
      return bytes
    },
    push,
    head,
    advance,
  }
}
