/** Asks again and again, never twice at a time. */
import type { ConnectionPorts } from './ports.ts'

export interface Poll {
  /** Asks now, or as soon as the question that is under way has its answer. */
  soon(): void
  stop(): void
}

/** `interval` gives the milliseconds from an answer to the next question. The first is asked at `soon()`. */
export function poll(ask: () => Promise<void>, interval: () => number, ports: ConnectionPorts): Poll {
  let asking = false
  let wanted = false
  let stopped = false
  let cancel = () => {}
  const run = () => {
    cancel()
    if (stopped) return
    asking = true
    wanted = false
    ask().finally(() => {
      asking = false
      if (!stopped) cancel = ports.schedule(wanted ? 0 : interval(), run)
    })
  }
  return {
    soon() {
      wanted = true
      if (!asking) run()
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
