import type { Prepared } from './runner.ts'

/** Prepares what is wanted one after the other, and what runs again when it has to be. */
export interface Preparing<Wanted> {
  /** Waits for what is prepared again; nothing is, until this one was committed or undone. */
  prepare(wanted: Wanted): Promise<Prepared>
  /** What runs has to be prepared again. */
  again(): void
  /** Nothing is prepared again from now on; resolves when what was under way is over. */
  stop(): Promise<void>
}

/**
 * @param prepare `again`: what runs, for the second time
 * @param running what runs; `undefined` before anything does
 */
export function createPreparing<Wanted>(
  prepare: (wanted: Wanted, again: boolean) => Promise<Prepared>,
  running: () => Wanted | undefined,
  failed: (error: unknown) => void,
): Preparing<Wanted> {
  let under: Promise<void> | undefined
  let open = 0
  let due = false
  let stopped = false

  async function prepareAgain(runs: Wanted): Promise<void> {
    try {
      const prepared = await prepare(runs, true)
      await (stopped ? prepared.undo() : prepared.commit())
    } catch (error) {
      failed(error)
    }
    under = undefined
    tryAgain()
  }

  function tryAgain(): void {
    const runs = running()
    if (!due || stopped || open > 0 || under !== undefined || runs === undefined) return
    due = false
    under = prepareAgain(runs)
  }

  function close(): void {
    open -= 1
    tryAgain()
  }

  return {
    async prepare(wanted) {
      open += 1
      try {
        await under
        const prepared = await prepare(wanted, false)
        return {
          told: prepared.told,
          commit: () => {
            const done = prepared.commit()
            close()
            return done
          },
          undo: () => {
            const done = prepared.undo()
            close()
            return done
          },
        }
      } catch (error) {
        close()
        throw error
      }
    },
    again() {
      due = true
      tryAgain()
    },
    async stop() {
      stopped = true
      await under
    },
  }
}
