/** What a million sessions in one Redis cost. See the README beside this file. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCoatcheck } from '../running/coatcheck.ts'
import { limits } from '../running/limits.ts'
import { startPlainProxy, startUpstream } from '../running/nginx.ts'
import { scripts, startRedis } from '../running/redis.ts'
import { median, spread } from '../running/spread.ts'
import { openStage } from '../running/stage.ts'
import { list } from './list.ts'
import { type Requests, type Round, requests } from './requests.ts'
import { type Filling, filling } from './sessions.ts'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000,100000,1000000' },
    bytes: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    cache: { type: 'string', default: '10000' },
  },
})
const sizes = values.sessions.split(',').map(Number)
const [bytes, rounds, seconds] = [Number(values.bytes), Number(values.rounds), Number(values.seconds)]

await using stage = openStage()
const upstreamPort = await startUpstream(stage)
const redis = await startRedis(stage)

console.log(`Creating sessions with ${bytes} bytes of data\n`)
console.log('sessions               bytes each in Redis   per second   CPU µs each: ours   Redis   scripts each')
await createSample()
const used = await createAndUse()
console.log(`\nRequests with any of them: ${rounds} rounds of ${seconds} s, at most ${values.cache} cached\n`)
console.log('sessions   CPU µs/request (min–max)   × nginx (min–max)   Redis, µs   commands   bytes   cached   RSS MB')
for (const line of used) console.log(line)
await reportList()
console.log(`\nWhat these numbers do not mean:\n${await limits(import.meta.url)}`)

/** Sessions of visitors who did not sign in are in no index. They are removed again. */
async function createSample(): Promise<void> {
  await using sample = filling(redis.port, bytes)
  await create(sample, Math.min(20_000, sizes.at(-1)!), false)
  redis.flush()
}

async function createAndUse(): Promise<string[]> {
  const plain = await startPlainProxy(stage, upstreamPort)
  await using all = filling(redis.port, bytes)
  const cookies = join(stage.folder, 'cookies')
  const maxEntries = Number(values.cache)
  const lines: string[] = []
  for (const size of sizes) {
    await create(all, size, true)
    await writeFile(cookies, `${all.cookies.join('\n')}\n`)
    const setting = { redis, plain, upstreamPort, sessions: size, cookies, maxEntries, rounds, seconds }
    lines.push(lineOf(size, await requests(stage, setting)))
  }
  return lines
}

async function create({ fill, cookies }: Filling, size: number, signedIn: boolean): Promise<void> {
  const look = () => ({
    memory: redis.info('used_memory'),
    at: performance.now(),
    own: process.cpuUsage(),
    server: redis.process.cpu(),
    scripts: redis.calls(scripts),
  })
  const [before, made] = [look(), size - cookies.length]
  await fill(size, signedIn)
  const after = look()
  const own = after.own.user + after.own.system - before.own.user - before.own.system
  const columns = [
    ((after.memory - before.memory) / made).toFixed(0).padStart(19),
    ((made * 1000) / (after.at - before.at)).toFixed(0).padStart(13),
    (own / made).toFixed(0).padStart(20),
    (((after.server - before.server) * 1e6) / made).toFixed(0).padStart(8),
    ((after.scripts - before.scripts) / made).toFixed(2).padStart(15),
  ]
  console.log(`${made} ${signedIn ? 'signed in' : 'anonymous'}`.padEnd(23) + columns.join(''))
}

function lineOf(size: number, { rounds, memory }: Requests): string {
  const of = (name: keyof Round) => rounds.map((round) => round[name])
  const ratios = rounds.map(({ cpu, floor }) => cpu / floor)
  const columns = [
    String(size).padEnd(11),
    spread(of('cpu'), 1).padEnd(27),
    spread(ratios, 2).padEnd(19),
    median(of('store')).toFixed(1).padStart(10),
    median(of('commands')).toFixed(3).padStart(11),
    median(of('bytes')).toFixed(0).padStart(8),
    `${(100 * median(of('cached'))).toFixed(1)} %`.padStart(9),
    memory.toFixed(0).padStart(9),
  ]
  return columns.join('')
}

async function reportList(): Promise<void> {
  const store = { redis: { standalone: `127.0.0.1:${redis.port}` } }
  const { process, configuration } = await startCoatcheck(stage, { upstreamPort, name: 'listed', store })
  await process.stop()
  const { sessions, seconds, serverCpu, waits, longest } = await list(redis, stage, configuration)
  const all = waits.toSorted((a, b) => a - b)
  const [middle, late, most] = [0.5, 0.99, 1].map((part) => all[Math.ceil(part * all.length) - 1]!.toFixed(1))
  console.log(
    `\nsessions list --json: ${sessions} in ${seconds.toFixed(1)} s, ${(sessions / seconds).toFixed(0)} per second; ` +
      `Redis ${((serverCpu * 1e6) / sessions).toFixed(1)} µs of CPU each.\n` +
      `Others waited for a PING meanwhile: median ${middle} ms, 99 % ${late} ms, most ${most} ms; the longest command took ${longest === 0 ? 'less than 1' : longest} ms.`,
  )
}
