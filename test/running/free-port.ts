import { freePorts } from '../../packages/session/src/stores/redis/testing/processes.ts'

/** A loopback port that was free a moment ago, from where no connection of another test takes it. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port!
}
