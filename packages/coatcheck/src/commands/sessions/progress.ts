import type { Shell } from '../command.ts'

/** Milliseconds between two signs of life. */
const pause = 200

/** Counts on a terminal, on a line of its own, while what is counted goes elsewhere. */
export function progress(shell: Shell, what: string) {
  let count = 0
  let shownAt = 0
  let shown = false
  return {
    add(number: number): void {
      count += number
      const now = performance.now()
      if (shell.progress === undefined || now - shownAt < pause) return
      shownAt = now
      shown = true
      shell.progress(`\r${count} ${what}`)
    },
    /** Leaves nothing behind. */
    done(): number {
      if (shown) shell.progress?.('\r\u001b[K')
      return count
    },
  }
}
