/** CPU per proxied request, against nginx as a plain proxy in the same run. See the README beside this file. */
import { parseArgs } from 'node:util'
import { signIn, startCoatcheck } from '../running/coatcheck.ts'
import { limits } from '../running/limits.ts'
import { startPlainProxy, startUpstream } from '../running/nginx.ts'
import type { Measured } from '../running/process.ts'
import { median, spread } from '../running/spread.ts'
import { cores, openStage } from '../running/stage.ts'
import { type Answered, load } from '../running/wrk.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    bodies: { type: 'string', default: '100,10240' },
    profile: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const bodies = values.bodies.split(',').map(Number)

interface Round extends Answered {
  /** Microseconds per request. */
  readonly cpu: number
}
interface Contender {
  readonly name: string
  readonly port: number
  readonly process: Measured
  /** Of a session, where it has sessions. */
  readonly cookie: string | undefined
}

await using stage = openStage()
const upstreamPort = await startUpstream(stage)
const contenders = [await startPlain(), await startGateway()]
console.log(`${rounds} rounds of ${seconds} s each after one that does not count, 32 connections, one core per proxy\n`)
for (const body of bodies) report(contenders, body, await alternate(contenders, body))
for (const { name, process } of contenders) console.log(`${name.padEnd(10)} RSS ${process.memory().toFixed(0)} MB`)
console.log(`\nWhat these numbers do not mean:\n${await limits(import.meta.url)}`)

async function startPlain(): Promise<Contender> {
  return { name: 'nginx', ...(await startPlainProxy(stage, upstreamPort)), cookie: undefined }
}

async function startGateway(): Promise<Contender> {
  const node = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile]
  const { port, process } = await startCoatcheck(stage, { upstreamPort, name: 'coatcheck', node })
  return { name: 'coatcheck', port, process, cookie: await signIn(port) }
}

/** All rounds of one body size, the contenders taking turns. */
async function alternate(contenders: readonly Contender[], body: number): Promise<Round[][]> {
  const results: Round[][] = contenders.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const result = await measure(contender, body)
      if (round > 0) results[index]!.push(result)
    }
  }
  return results
}

async function measure({ port, cookie, process }: Contender, body: number): Promise<Round> {
  const before = process.cpu()
  const answered = await load({ core: cores.load, url: `http://127.0.0.1:${port}/${body}`, seconds, cookie })
  return { ...answered, cpu: ((process.cpu() - before) * 1e6) / answered.requests }
}

function report(contenders: readonly Contender[], body: number, results: Round[][]): void {
  console.log(`${body} bytes      req/s   CPU µs/request (min–max)    × nginx (min–max)      p50      p99`)
  const floor = results[0]!
  for (const [index, { name }] of contenders.entries()) {
    const own = results[index]!
    const ratios = own.map((round, i) => round.cpu / floor[i]!.cpu)
    const middle = own.toSorted((a, b) => a.cpu - b.cpu)[Math.floor(own.length / 2)]!
    console.log(
      `${name.padEnd(10)} ${median(own.map((r) => r.perSecond))
        .toFixed(0)
        .padStart(8)}` +
        `   ${spread(
          own.map((r) => r.cpu),
          1,
        ).padEnd(24)}   ${spread(ratios, 2).padEnd(20)} ${middle.p50.padStart(7)}  ${middle.p99.padStart(7)}`,
    )
  }
  console.log()
}
