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

const app = spawn(process.execPath, [here('app.ts')], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  env: { ...process.env, PORT: String(ports.application) },
})
const started = await Promise.race([once(app, 'message').then(() => true), once(app, 'exit').then(() => false)])
if (!started) process.exit(1)

const gateway = spawn(
  process.execPath,
  [here('../../packages/coatcheck/src/main.ts'), 'run', '--config', configuration(), '--state', state],
  { stdio: 'inherit' },
)

console.log(`
  Coatcheck demo:  open  http://localhost:${ports.gateway}
  The application itself is on 127.0.0.1:${ports.application}, health and metrics are on http://127.0.0.1:${ports.internal}.
  Sessions are kept over a restart. Ctrl-C ends both.
`)

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

const running = (child: ChildProcess) => child.exitCode === null && child.signalCode === null
function passOn(signal: NodeJS.Signals): void {
  for (const child of [gateway, app]) if (running(child)) child.kill(signal)
}

process.on('SIGTERM', () => passOn('SIGTERM'))
// A terminal sends SIGINT to the whole group; this handler only keeps the parent alive until the children are done.
process.on('SIGINT', () => {})

const [code] = (await Promise.race([once(gateway, 'exit'), once(app, 'exit')])) as [number | null]
passOn('SIGTERM')
await Promise.all([gateway, app].filter(running).map((child) => once(child, 'exit')))
process.exit(code ?? 0)
