/** Asks again and again, never twice at a time. */
import type { ConnectionPorts } from './ports.ts'

export interface Poll {
  /** Asks now; not before the question that is under way has its answer, nor more than twenty times a second. */
  soon(): void
  stop(): void
}

const leastApart = 50

/** `interval` gives the milliseconds from an answer to the next question. The first is asked at `soon()`. */
export function poll(ask: () => Promise<void>, interval: () => number, ports: ConnectionPorts): Poll {
  let asking = false
  let wanted = false
  let stopped = false
  let lastAsked = Number.NEGATIVE_INFINITY
  let cancel = () => {}
  const run = () => {
    asking = true
    wanted = false
    lastAsked = ports.now()
    ask().finally(() => {
      asking = false
      plan(wanted ? 0 : interval())
    })
  }
  const plan = (ms: number) => {
    cancel()
    if (!stopped) cancel = ports.schedule(run, Math.max(ms, lastAsked + leastApart - ports.now()))
  }
  return {
    soon() {
      if (wanted) return
      wanted = true
      if (!asking) plan(0)
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
