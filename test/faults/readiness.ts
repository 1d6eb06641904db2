/** What `/readyz` of each gateway says, looked at all the while. */
import { ask } from './client.ts'

export interface Readiness {
  /** Of each gateway, the times at which it said that it is not ready. */
  readonly unready: readonly (readonly number[])[]
  /** Resolves when all of them say that they are ready. @throws Error after 20 seconds */
  all(): Promise<void>
  stop(): Promise<void>
}

const interval = 50
const patience = 20_000

export function watchReadiness(ports: readonly number[]): Readiness {
  const unready: number[][] = ports.map(() => [])
  const ready = ports.map(() => false)
  let stopping = false
  const watching = ports.map(async (port, index) => {
    while (!stopping) {
      const { status, sentAt, milliseconds } = await ask(port, '/readyz')
      ready[index] = status === 200
      if (status !== 200) unready[index]!.push(sentAt + milliseconds)
      await new Promise((resolve) => setTimeout(resolve, interval))
    }
  })
  return {
    unready,
    async all() {
      const end = performance.now() + patience
      // What was seen before may be over.
      await new Promise((resolve) => setTimeout(resolve, 2 * interval))
      while (!ready.every(Boolean)) {
        if (performance.now() > end) throw new Error(`Not all gateways were ready within ${patience} ms.`)
        await new Promise((resolve) => setTimeout(resolve, interval))
      }
    },
    async stop() {
      stopping = true
      await Promise.all(watching)
    },
  }
}
