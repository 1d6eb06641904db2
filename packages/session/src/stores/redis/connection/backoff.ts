/** When to connect again. */
import type { ConnectionPorts } from './ports.ts'

/**
 * Milliseconds to wait before the next attempt at a node, given those since the last one began.
 *
 * Two attempts at one node are 1 to 2 seconds apart, anew at random each time: n gateways never make more than n in any
 * second, and do not stay in step. A connection that lasted longer is replaced at once.
 */
export function delayBeforeAttempt(sinceLast: number, random: number): number {
  return Math.max(0, 1000 * (1 + random) - sinceLast)
}

export interface Pace {
  /** Milliseconds until the next attempt at an address may begin. */
  delay(address: string): number
  /** An attempt begins. One that was only planned counts for nothing. */
  begin(address: string): void
}

/** Remembers attempts by address, so that a node which leaves and joins again is not asked more often. */
export function pacing(ports: ConnectionPorts): Pace {
  const begun = new Map<string, number>()
  return {
    delay: (address) =>
      delayBeforeAttempt(ports.now() - (begun.get(address) ?? Number.NEGATIVE_INFINITY), ports.random()),
    begin(address) {
      if (begun.size >= mostRemembered) forget(begun, ports.now())
      begun.set(address, ports.now())
    },
  }
}

const mostRemembered = 64

/** After two seconds an attempt says nothing about the next. */
function forget(begun: Map<string, number>, now: number): void {
  for (const [address, time] of begun) if (now - time >= 2000) begun.delete(address)
}
