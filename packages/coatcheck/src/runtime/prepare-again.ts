import type { GatewayModel } from '@coatcheck/model'
import type { Prepared } from './runner.ts'

/** Prepares models one after the other, and the running one again when it has to be. */
export interface Preparing {
  /** Waits for what is prepared again; nothing is, until this one was committed or undone. */
  prepare(model: GatewayModel): Promise<Prepared>
  /** What runs has to be prepared again. */
  again(): void
  /** Nothing is prepared again from now on; resolves when what was under way is over. */
  stop(): Promise<void>
}

/**
 * @param prepare `again`: what runs, for the second time
 * @param running what runs; `undefined` before anything does
 */
export function createPreparing(
  prepare: (model: GatewayModel, again: boolean) => Promise<Prepared>,
  running: () => GatewayModel | undefined,
  failed: (error: unknown) => void,
): Preparing {
  let under: Promise<void> | undefined
  let open = 0
  let wanted = false
  let stopped = false

  async function prepareAgain(model: GatewayModel): Promise<void> {
    try {
      const prepared = await prepare(model, true)
      await (stopped ? prepared.undo() : prepared.commit())
    } catch (error) {
      failed(error)
    }
    under = undefined
    tryAgain()
  }

  function tryAgain(): void {
    const model = running()
    if (!wanted || stopped || open > 0 || under !== undefined || model === undefined) return
    wanted = false
    under = prepareAgain(model)
  }

  function close(): void {
    open -= 1
    tryAgain()
  }

  return {
    async prepare(model) {
      open += 1
      try {
        await under
        const prepared = await prepare(model, false)
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
      wanted = true
      tryAgain()
    },
    async stop() {
      stopped = true
      await under
    },
  }
}
