/** What the cache of opened sessions spares, against Apache with mod_auth_openidc. See the README beside this file. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { signIn, startCoatcheck } from '../running/coatcheck.ts'
import { limits } from '../running/limits.ts'
import { startUpstream } from '../running/nginx.ts'
import type { Measured } from '../running/process.ts'
import { scripts, startRedis } from '../running/redis.ts'
import { median, spread } from '../running/spread.ts'
import { cores, openStage } from '../running/stage.ts'
import { load } from '../running/wrk.ts'
import { hasApache, startApache } from './apache.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    sessions: { type: 'string', default: '20' },
    cached: { type: 'string', default: '20000' },
    bytes: { type: 'string', default: '2048' },
  },
})
const [rounds, seconds, sessions] = [Number(values.rounds), Number(values.seconds), Number(values.sessions)]

interface Contender {
  readonly name: string
  readonly port: number
  readonly process: Measured
  /** A file with the `Cookie` headers of its sessions. */
  readonly cookies: string
  /** Commands that it sends to Redis about sessions. */
  readonly commands: RegExp
}

/** Per request: commands, and microseconds of CPU. */
interface Round {
  readonly cpu: number
  readonly store: number
  readonly commands: number
}

/** What Apache sends. None of them runs in a script of ours that is not about a request. */
const plainCommands = /^(?:get|set|setex|psetex|expire|del|exists|ttl)$/

await using stage = openStage()
const upstreamPort = await startUpstream(stage)
const redis = await startRedis(stage)
const contenders = [await startGateway('cached', {}), await startGateway('cache: off', { cache: 'off' })]
if (hasApache) contenders.push(await startPeer())
else console.log('Apache with mod_auth_openidc is not there to compare with (apache2, libapache2-mod-auth-openidc).\n')
console.log(
  `${rounds} rounds of ${seconds} s each after one that does not count, ${sessions} sessions, one core per proxy\n`,
)
report(await alternate())
await reportMemory()
console.log(`\nWhat these numbers do not mean:\n${await limits(import.meta.url)}`)

async function startGateway(name: string, cache: { readonly cache?: 'off' }): Promise<Contender> {
  const store = { redis: { standalone: `127.0.0.1:${redis.port}` }, ...cache }
  const file = name.replaceAll(/\W+/g, '-')
  const { port, process } = await startCoatcheck(stage, { upstreamPort, name: file, store })
  const cookies: string[] = []
  while (cookies.length < sessions) cookies.push(await signIn(port))
  return { name, port, process, cookies: await save(file, cookies), commands: scripts }
}

async function startPeer(): Promise<Contender> {
  const { port, process, cookies } = await startApache(stage, upstreamPort, redis.port, sessions)
  return { name: 'Apache', port, process, cookies: await save('apache', cookies), commands: plainCommands }
}

async function save(name: string, cookies: readonly string[]): Promise<string> {
  const file = join(stage.folder, `${name}.cookies`)
  await writeFile(file, `${cookies.join('\n')}\n`)
  return file
}

/** The contenders take turns. */
async function alternate(): Promise<Round[][]> {
  const results: Round[][] = contenders.map(() => [])
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const result = await measure(contender)
      if (round > 0) results[index]!.push(result)
    }
  }
  return results
}

async function measure({ port, process, cookies, commands }: Contender): Promise<Round> {
  const look = () => ({ cpu: process.cpu(), store: redis.process.cpu(), commands: redis.calls(commands) })
  const before = look()
  const { requests } = await load({ core: cores.load, url: `http://127.0.0.1:${port}/100`, seconds, cookies })
  const after = look()
  return {
    cpu: ((after.cpu - before.cpu) * 1e6) / requests,
    store: ((after.store - before.store) * 1e6) / requests,
    commands: (after.commands - before.commands) / requests,
  }
}

function report(results: readonly (readonly Round[])[]): void {
  console.log('             CPU µs/request (min–max)   × cached (min–max)     Redis, µs   commands   RSS MB')
  const own = results[0]!
  for (const [index, { name, process }] of contenders.entries()) {
    const of = (key: keyof Round) => results[index]!.map((round) => round[key])
    const ratios = results[index]!.map(({ cpu }, round) => cpu / own[round]!.cpu)
    const columns = [
      name.padEnd(13),
      spread(of('cpu'), 1).padEnd(27),
      spread(ratios, 2).padEnd(20),
      median(of('store')).toFixed(1).padStart(12),
      median(of('commands')).toFixed(3).padStart(11),
      process.memory().toFixed(0).padStart(9),
    ]
    console.log(columns.join(''))
  }
}

/** Measured in a process that does nothing else. */
async function reportMemory(): Promise<void> {
  const program = fileURLToPath(new URL('memory.ts', import.meta.url))
  const command = ['--expose-gc', program, String(redis.port), values.cached, values.bytes]
  const { stdout } = await promisify(execFile)(process.execPath, command)
  console.log(
    `\nA cached session with ${values.bytes} bytes of data takes ${stdout.trim()} bytes (mean of ${values.cached}).`,
  )
}
