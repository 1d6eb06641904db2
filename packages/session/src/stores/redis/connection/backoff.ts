/** When to connect again. */

/**
 * Milliseconds to wait before the next attempt at a node, given those since the last one began.
 *
 * Two attempts at one node are 1 to 2 seconds apart, anew at random each time: n gateways never make more than n in any
 * second, and do not stay in step. A connection that lasted longer is replaced at once.
 */
export function delayBeforeAttempt(sinceLast: number, random: number): number {
  return Math.max(0, 1000 * (1 + random) - sinceLast)
}
