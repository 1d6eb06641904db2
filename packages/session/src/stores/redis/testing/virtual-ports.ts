import type { ConnectionPorts } from '../connection/ports.ts'

export interface VirtualPorts {
  readonly ports: ConnectionPorts
  /** Lets everything happen that is due until then, in order, each at its time. */
  until(time: number): Promise<void>
}

/** A clock that is moved, and a die whose throws are the same each time. Begins at 0. */
export function virtualPorts(): VirtualPorts {
  let now = 0
  let seed = 1
  const due = new Set<{ readonly at: number; readonly run: () => void }>()
  const ports: ConnectionPorts = {
    now: () => now,
    wallClock: () => now,
    schedule(run, ms) {
      const entry = { at: now + ms, run }
      due.add(entry)
      return () => void due.delete(entry)
    },
    random() {
      seed = (seed * 16_807) % 2_147_483_647
      return seed / 2_147_483_647
    },
    lookup: async () => [],
  }
  return {
    ports,
    async until(time) {
      for (;;) {
        // Promises that settled meanwhile go on before the clock does.
        for (let i = 0; i < 20; i++) await Promise.resolve()
        const next = [...due].sort((a, b) => a.at - b.at)[0]
        if (next === undefined || next.at > time) break
        due.delete(next)
        now = next.at
        next.run()
      }
      now = time
    },
  }
}
