/** CPU per proxied request, against nginx as a plain proxy in the same run. See the README beside this file. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { freePort } from '../../test/running/free-port.ts'
import { limits } from './limits.ts'
import { proxyConfiguration, upstreamConfiguration } from './nginx.ts'
import { listening, type Measured, startPinned } from './process.ts'

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
const [loadCore, proxyCore] = [0, 1]
const bodies = values.bodies.split(',').map(Number)

interface Round {
  readonly perSecond: number
  readonly cpu: number
  readonly p50: string
  readonly p99: string
}
interface Contender {
  readonly name: string
  readonly port: number
  readonly process: Measured
  /** A session's cookie, once there is one. */
  readonly cookie: string | undefined
}

const folder = await mkdtemp(join(tmpdir(), 'coatcheck-bench-'))
const upstreamPort = await freePort()
const started: Measured[] = []
try {
  nginx(loadCore, await upstreamConfiguration(folder, upstreamPort), 'upstream')
  await listening(upstreamPort)
  const contenders = [await startNginx(), await startCoatcheck()]
  console.log(
    `${rounds} rounds of ${seconds} s each after one that does not count, 32 connections, one core per proxy\n`,
  )
  for (const body of bodies) report(contenders, body, await alternate(contenders, body))
  for (const { name, process } of contenders) console.log(`${name.padEnd(10)} RSS ${process.memory().toFixed(0)} MB`)
  console.log(`\nWhat these numbers do not mean:\n${await limits()}`)
} finally {
  await Promise.all(started.map((process) => process.stop()))
  // The access log alone has hundreds of megabytes.
  await rm(folder, { recursive: true })
}

function start(core: number, command: readonly string[], output: string): Measured {
  const process = startPinned(core, command, join(folder, output))
  started.push(process)
  return process
}

function nginx(core: number, configuration: string, name: string): Measured {
  return start(core, ['nginx', '-c', configuration], `${name}.log`)
}

async function startNginx(): Promise<Contender> {
  const port = await freePort()
  const process = nginx(proxyCore, await proxyConfiguration(folder, port, upstreamPort), 'nginx')
  await listening(port)
  return { name: 'nginx', port, process, cookie: undefined }
}

async function startCoatcheck(): Promise<Contender> {
  const port = await freePort()
  const configuration = join(folder, 'coatcheck.yaml')
  await writeFile(configuration, coatcheckYaml(port))
  const main = fileURLToPath(new URL('../../packages/coatcheck/src/main.ts', import.meta.url))
  const profiling = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile]
  const command = [globalThis.process.execPath, ...profiling, main, 'run', '--config', configuration, '--state', folder]
  const process = start(proxyCore, command, 'access.log')
  await listening(port)
  return { name: 'coatcheck', port, process, cookie: await sessionCookie(port) }
}

function coatcheckYaml(port: number): string {
  return `
name: bench
internal: off
listeners: { web: "127.0.0.1:${port}" }
sessions: { default: { mode: enforce } }
upstreams: { app: { urls: ["http://127.0.0.1:${upstreamPort}"] } }
routes:
  - name: sign-in
    match: { path: { exact: /sign-in } }
    capture: { $subject: X-Auth-User }
    upstream: app
  - name: app
    match: { path: / }
    headers: { request: { set: { X-Session-Id: "{session.$id}", X-User: "{identity.sub}" } } }
    upstream: app
`
}

/** Signs in, keeps the ticket, and makes sure that it is taken: a request without a session would be given a new one. */
async function sessionCookie(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/sign-in`)
  const [cookie] = answer.headers.getSetCookie()
  if (answer.status !== 200 || cookie === undefined) throw new Error(`no session: status ${answer.status}`)
  const ticket = cookie.split(';')[0]!
  const again = await fetch(`http://127.0.0.1:${port}/100`, { headers: { Cookie: ticket } })
  if (again.status !== 200 || again.headers.has('set-cookie')) throw new Error('the session was not found again')
  return ticket
}

/** All rounds of one body size, the contenders taking turns. */
async function alternate(contenders: readonly Contender[], body: number): Promise<Round[][]> {
  const results: Round[][] = contenders.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const result = await load(contender, body)
      if (round > 0) results[index]!.push(result)
    }
  }
  return results
}

async function load({ port, cookie, process }: Contender, body: number): Promise<Round> {
  const headers = cookie ? ['-H', `Cookie: ${cookie}`] : []
  const before = process.cpu()
  const command = ['-c', String(loadCore), 'wrk', '-t1', '-c32', `-d${seconds}s`, '--latency', ...headers]
  const { stdout } = await promisify(execFile)('taskset', [...command, `http://127.0.0.1:${port}/${body}`])
  return read(stdout, process.cpu() - before)
}

function read(output: string, cpuSeconds: number): Round {
  const requests = Number(/(\d+) requests in/.exec(output)?.[1])
  const bad = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(output)
  if (!requests || bad) throw new Error(`wrk did not get good answers: ${bad?.[0] ?? output}`)
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    cpu: (cpuSeconds * 1e6) / requests,
    p50: /^ +50% +(\S+)/m.exec(output)?.[1] ?? '?',
    p99: /^ +99% +(\S+)/m.exec(output)?.[1] ?? '?',
  }
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

function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
