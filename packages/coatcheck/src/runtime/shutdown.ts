import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@coatcheck/gateway'
import type { Runner } from './runner.ts'

/** The signals that the program listens to. */
export interface Signals {
  /** Resolves with the first SIGTERM or SIGINT. */
  readonly first: Promise<string>
  /** Resolves with the second one. */
  readonly second: Promise<string>
  /** Leaves the signals to the system again. */
  dispose(): void
}

/** `hangup` is called for each SIGHUP. */
export function listenToSignals(hangup: () => void): Signals {
  const first = Promise.withResolvers<string>()
  const second = Promise.withResolvers<string>()
  let got = 0
  const stop = (signal: string) => (got++ === 0 ? first : second).resolve(signal)
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', hangup)
  return {
    first: first.promise,
    second: second.promise,
    dispose: () => process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', hangup),
  }
}

/** Milliseconds for closing stores and writing touches when the requests are done. */
const cleanUp = 2_000

/**
 * Takes no new connections, lets requests under way finish for at most `grace` milliseconds, then closes everything,
 * WebSockets too. A second signal ends it at once.
 */
export async function shutDown(runner: Runner, grace: number, second: Promise<string>, log: Log): Promise<void> {
  const waiting = new AbortController()
  const over = (reason: string) => () => reason
  const why = await Promise.race([
    runner.drain().then(over('done')),
    sleep(grace, undefined, { signal: waiting.signal }).then(over('grace'), over('done')),
    second.then(over('signal')),
  ])
  waiting.abort()
  if (why === 'grace') log.warn('Requests were still under way at the end of the grace period; they are cut short')
  if (why === 'signal') log.warn('A second signal: requests that are under way are cut short')
  const stopped = new AbortController()
  await Promise.race([runner.stop(), sleep(cleanUp, undefined, { signal: stopped.signal }).catch(() => {})])
  stopped.abort()
}
