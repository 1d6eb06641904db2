/** What requests cost that bring any of the sessions in a store, in turns with nginx as a plain proxy. */
import { freePort } from '../../test/running/free-port.ts'
import { type Coatcheck, startCoatcheck } from '../running/coatcheck.ts'
import type { Plain } from '../running/nginx.ts'
import { type Redis, scripts } from '../running/redis.ts'
import { cores, type Stage } from '../running/stage.ts'
import { load } from '../running/wrk.ts'

export interface Setting {
  readonly redis: Redis
  readonly plain: Plain
  readonly upstreamPort: number
  readonly sessions: number
  /** A file with their `Cookie` headers. */
  readonly cookies: string
  /** Sessions that the gateway keeps at most. */
  readonly maxEntries: number
  readonly rounds: number
  /** Of each round. */
  readonly seconds: number
}

/** Per request. */
export interface Round {
  /** CPU of the gateway, in microseconds. */
  readonly cpu: number
  /** CPU of nginx as a plain proxy, in the same minute. */
  readonly floor: number
  /** CPU of the store. */
  readonly store: number
  /** Commands that came to the store. */
  readonly commands: number
  /** Bytes between the store and everybody. */
  readonly bytes: number
  /** Sessions that were cached, 0–1. */
  readonly cached: number
}

export interface Requests {
  readonly rounds: readonly Round[]
  /** Resident memory of the gateway in the end, in MB. */
  readonly memory: number
}

/** A gateway that has just started; rounds do not count until its cache is full, or has all sessions. */
export async function requests(stage: Stage, setting: Setting): Promise<Requests> {
  const { redis, upstreamPort, maxEntries } = setting
  const internalPort = await freePort()
  const store = { redis: { standalone: `127.0.0.1:${redis.port}` }, cache: { maxEntries } }
  const gateway = await startCoatcheck(stage, { upstreamPort, name: 'coatcheck', internalPort, store })
  const rounds: Round[] = []
  let seed = 0
  for (let answered = 0; answered < 3 * Math.min(maxEntries, setting.sessions); seed += 1) {
    answered += (await costOf(gateway, setting, seed)).requests
  }
  for (; rounds.length < setting.rounds; seed += 1) {
    const floor = await costOf(setting.plain, setting, seed)
    rounds.push({ ...(await counting(redis, internalPort, () => costOf(gateway, setting, seed))), floor: floor.cpu })
  }
  const memory = gateway.process.memory()
  await gateway.process.stop()
  return { rounds, memory }
}

/** CPU of a proxy in microseconds per request. */
async function costOf({ port, process }: Coatcheck | Plain, { cookies, seconds }: Setting, seed: number) {
  const before = process.cpu()
  const { requests } = await load({ core: cores.load, url: `http://127.0.0.1:${port}/100`, seconds, cookies, seed })
  return { requests, cpu: ((process.cpu() - before) * 1e6) / requests }
}

async function counting(redis: Redis, internalPort: number, run: () => ReturnType<typeof costOf>) {
  const look = async () => ({
    cpu: redis.process.cpu(),
    calls: redis.calls(scripts),
    bytes: redis.info('total_net_input_bytes') + redis.info('total_net_output_bytes'),
    ...(await lookups(internalPort)),
  })
  const before = await look()
  const { requests, cpu } = await run()
  const after = await look()
  const hits = after.hit - before.hit
  return {
    cpu,
    store: ((after.cpu - before.cpu) * 1e6) / requests,
    commands: (after.calls - before.calls) / requests,
    bytes: (after.bytes - before.bytes) / requests,
    cached: hits / (hits + after.miss - before.miss),
  }
}

/** Looks into the cache since the gateway began. */
async function lookups(internalPort: number): Promise<{ hit: number; miss: number }> {
  const text = await (await fetch(`http://127.0.0.1:${internalPort}/metrics`)).text()
  const count = (result: string) =>
    Number(new RegExp(`^coatcheck_session_cache_lookups_total\\{result="${result}"\\} (\\d+)`, 'm').exec(text)?.[1])
  return { hit: count('hit'), miss: count('miss') }
}
