/** `make start`: the demo application and the gateway in front of it, until Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const state = process.env.COATCHECK_STATE ?? here('.state')
const port = Number(process.env.DEMO_PORT ?? 8080)
const ports = { gateway: port, application: port + 1, internal: port === 8080 ? 9090 : port + 2 }
const children: ChildProcess[] = []

let stopping = false
process.on('SIGTERM', () => stop('SIGTERM'))
// A terminal sends SIGINT to the whole group; a second signal would end the gateway before it has finished.
process.on('SIGINT', () => stop(undefined))

const app = spawn(process.execPath, [here('app.ts')], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  env: { ...process.env, PORT: String(ports.application) },
})
children.push(app)
const started = await Promise.race([once(app, 'message').then(() => true), once(app, 'exit').then(() => false)])
if (!started) process.exit(1)

const gateway = spawn(
  process.execPath,
  [here('../../packages/coatcheck/src/main.ts'), 'run', '--config', configuration(), '--state', state],
  { stdio: 'inherit' },
)
children.push(gateway)
const ends = children.map(exitCode)

if (await isReady(`http://127.0.0.1:${ports.internal}/readyz`)) {
  console.log(`
  Coatcheck demo:  open  http://localhost:${ports.gateway}
  The application itself is on 127.0.0.1:${ports.application}, health and metrics are on http://127.0.0.1:${ports.internal}.
  Sessions are kept over a restart. Ctrl-C ends both.
`)
}
await Promise.race(ends)
if (!stopping) stop('SIGTERM')
process.exit((await Promise.all(ends)).find((code) => code !== 0) ?? 0)

/** The file as it is, or, with DEMO_PORT, a copy of it on other ports. */
function configuration(): string {
  if (port === 8080) return here('coatcheck.yaml')
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const copy = join(state, 'coatcheck.yaml')
  const text = readFileSync(here('coatcheck.yaml'), 'utf8')
  const moved = text.replaceAll('8081', String(ports.application)).replaceAll('8080', String(ports.gateway))
  writeFileSync(copy, `${moved}\ninternal: { address: 127.0.0.1:${ports.internal} }\n`)
  return copy
}

/** Waits until the gateway serves; `false` when one of the two ended instead, and has said why. */
async function isReady(url: string): Promise<boolean> {
  while (children.every(running)) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return children.every(running)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

function running(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** A process that a signal ended did not end well. */
async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

function stop(signal: NodeJS.Signals | undefined): void {
  stopping = true
  if (signal !== undefined) for (const child of children) if (running(child)) child.kill(signal)
}
