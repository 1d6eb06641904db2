/** Commands that wait until something has changed. */
import type { ConnectionPorts } from './ports.ts'

export interface Waiting {
  /**
   * What `find` gives, as soon as it gives something; it is asked again at each `wake`.
   *
   * Rejects with `late()` after so many milliseconds, and with what `find` throws.
   */
  until<T>(find: () => T | undefined, ms: number, late: () => Error): Promise<T>
  wake(): void
}

export function waiting(ports: ConnectionPorts): Waiting {
  const sleepers = new Set<() => void>()
  return {
    until: (find, ms, late) =>
      new Promise((resolve, reject) => {
        const done = () => {
          sleepers.delete(look)
          cancel()
        }
        const look = () => {
          try {
            const found = find()
            if (found === undefined) return
            done()
            resolve(found)
          } catch (error) {
            done()
            reject(error)
          }
        }
        const cancel = ports.schedule(
          () => {
            sleepers.delete(look)
            reject(late())
          },
          Math.max(0, ms),
        )
        sleepers.add(look)
      }),
    wake() {
      for (const look of [...sleepers]) look()
    },
  }
}
