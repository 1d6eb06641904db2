/** Many visitors at once, each with one request at a time. */
import { newTally, type Tally } from './tally.ts'
import { createVisitor } from './visitor.ts'

export interface Traffic {
  readonly tally: Tally
  /** Whether all of them only look at what they have. */
  onlyLooking: boolean
  /** Ends it, and lets every visitor look at what is left. */
  stop(): Promise<Tally>
}

export interface TrafficOptions {
  /** Ports. */
  readonly gateways: readonly number[]
  readonly visitors: number
  /** Milliseconds between an answer and the next request, on average. */
  readonly pause: number
}

export function startTraffic({ gateways, visitors, pause }: TrafficOptions): Traffic {
  const tally = newTally()
  let stopping = false
  let onlyLooking = false
  const all = Array.from({ length: visitors }, async (_, index) => {
    const random = dice(index + 1)
    const visitor = createVisitor({ name: `v${index}`, gateways, tally, random })
    while (!stopping) {
      if (onlyLooking) await visitor.look()
      else await visitor.act()
      await new Promise((resolve) => setTimeout(resolve, 2 * pause * random()))
    }
    await visitor.lookAround()
  })
  return {
    tally,
    get onlyLooking() {
      return onlyLooking
    },
    set onlyLooking(value) {
      onlyLooking = value
    },
    async stop() {
      stopping = true
      await Promise.all(all)
      return tally
    },
  }
}

/** The same throws each time. */
function dice(seed: number): () => number {
  let value = (seed * 7919) % 2_147_483_647
  return () => {
    value = (value * 16_807) % 2_147_483_647
    return value / 2_147_483_647
  }
}
