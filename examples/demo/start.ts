/** `make start`: the demo application and the gateway in front of it, until Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const app = spawn(process.execPath, [here('app.ts')], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
const started = await Promise.race([once(app, 'message').then(() => true), once(app, 'exit').then(() => false)])
if (!started) process.exit(1)

const main = here('../../packages/coatcheck/src/main.ts')
const gateway = spawn(
  process.execPath,
  [main, 'run', '--config', here('coatcheck.yaml'), '--state', process.env.COATCHECK_STATE ?? here('.state')],
  { stdio: 'inherit' },
)

console.log(`
  Coatcheck demo:  open  http://localhost:8080
  The application itself is on 127.0.0.1:8081, health and metrics are on http://127.0.0.1:9090.
  Sessions are kept over a restart. Ctrl-C ends both.
`)

/** Ctrl-C reaches the children too; each ends in its own time, and the second one ends them now. */
function passOn(signal: NodeJS.Signals): void {
  for (const child of [gateway, app]) if (running(child)) child.kill(signal)
}
const running = (child: ChildProcess) => child.exitCode === null && child.signalCode === null

process.on('SIGTERM', () => passOn('SIGTERM'))
// A terminal sends SIGINT to the whole group; this handler only keeps the parent alive until the children are done.
process.on('SIGINT', () => {})

const [code] = (await Promise.race([once(gateway, 'exit'), once(app, 'exit')])) as [number | null]
passOn('SIGTERM')
await Promise.all([gateway, app].filter(running).map((child) => once(child, 'exit')))
process.exit(code ?? 0)
