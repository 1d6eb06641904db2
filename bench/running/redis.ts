/** A Redis or Valkey under measurement, on loopback and with nothing on disk. */
import { execFileSync } from 'node:child_process'
import { client, program } from '../../packages/session/src/stores/redis/testing/processes.ts'
import { freePort } from '../../test/running/free-port.ts'
import { listening, type Measured } from './process.ts'
import { cores, type Stage } from './stage.ts'

export interface Redis {
  readonly port: number
  readonly process: Measured
  /** How often these commands ran since the server began, by the names that its statistics have them under. */
  calls(names: RegExp): number
  /** A number of `INFO`, as `used_memory`. */
  info(name: string): number
  /** Milliseconds that the longest command took of the server's one thread while `run` did; below 1: 0. */
  longest(run: () => Promise<unknown>): Promise<number>
  /** Removes everything. */
  flush(): void
}

/** What only a client sends: all that our store asks about a record is a script. */
export const scripts = /^(?:evalsha|eval)$/

export async function startRedis(stage: Stage): Promise<Redis> {
  const port = await freePort()
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: stage.folder }
  const given = Object.entries({ ...settings, 'latency-monitor-threshold': 1 }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const process = stage.start(cores.load, [program, ...given], 'redis.log')
  await listening(port)
  const ask = (...command: string[]) => execFileSync(client, ['-p', String(port), ...command], { encoding: 'utf8' })
  return {
    port,
    process,
    calls(names) {
      const counted = ask('INFO', 'commandstats').matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
      return [...counted].reduce((sum, [, name, calls]) => (names.test(name!) ? sum + Number(calls) : sum), 0)
    },
    info: (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(ask('INFO'))?.[1]),
    async longest(run) {
      ask('LATENCY', 'RESET')
      await run()
      // The name of each event, when it was, how long the last and how long the longest one was.
      const [, longest] = /^command\n\d+\n\d+\n(\d+)/m.exec(ask('LATENCY', 'LATEST')) ?? []
      return Number(longest ?? 0)
    },
    flush: () => void ask('FLUSHALL'),
  }
}
