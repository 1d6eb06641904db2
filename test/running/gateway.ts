/** The real program as a child process, on free loopback ports, with everything it writes kept. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const program = fileURLToPath(new URL('../../packages/coatcheck/src/main.ts', import.meta.url))
export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface RunningGateway {
  readonly child: ChildProcess
  readonly folder: string
  /** Access-log lines so far, parsed. */
  lines(): Record<string, unknown>[]
  /** The program's own log so far, as text. */
  log(): string
  /** Resolves when what was written to standard error matches; rejects when the process ends first. */
  logged(pattern: RegExp): Promise<void>
  /** Resolves with the first access-log line that `matches`. */
  line(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface GatewayOptions {
  /** Files of the folder that it runs in; `coatcheck.yaml` is the configuration. */
  readonly files: Readonly<Record<string, string>>
  readonly folder?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly arguments?: readonly string[]
  /** Resolves when this URL answers. */
  readonly ready: string
}

/** A folder of its own under the system's temporary folder. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'coatcheck-test-'))
}

export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const folder = options.folder ?? (await temporaryFolder())
  for (const [name, text] of Object.entries(options.files)) await writeFile(join(folder, name), text)
  const child = spawn(process.execPath, [program, ...(options.arguments ?? ['run'])], {
    cwd: folder,
    env: { PATH: process.env.PATH, COATCHECK_STATE: join(folder, 'state'), ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const running = observe(child, folder)
  await Promise.race([answers(options.ready), ended(child, running)])
  return running
}

function observe(child: ChildProcess, folder: string): RunningGateway {
  const output = collect(child.stdout!)
  const log = collect(child.stderr!)
  const lines = () => completeLines(output.text()).map((line) => JSON.parse(line) as Record<string, unknown>)
  return {
    child,
    folder,
    lines,
    log: log.text,
    logged: (pattern) => output.until(() => pattern.test(log.text()), child, log),
    async line(matches) {
      await output.until(() => lines().some(matches), child, log)
      return lines().find(matches)!
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      child.kill(signal)
      const [code] = (await once(child, 'exit')) as [number | null]
      return code
    },
  }
}

function completeLines(text: string): string[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.startsWith('{'))
}

interface Collected {
  text(): string
  until(holds: () => boolean, child: ChildProcess, log: Collected): Promise<void>
}

function collect(stream: NodeJS.ReadableStream): Collected {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
  })
  return {
    text: () => text,
    until: (holds, child, log) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!holds()) return
          stop()
          resolve()
        }
        const over = () => {
          stop()
          reject(new Error(`the gateway ended first; its log:\n${log.text()}`))
        }
        const stop = () => {
          child.stdout!.off('data', look)
          child.stderr!.off('data', look)
          child.off('exit', over)
        }
        child.stdout!.on('data', look)
        child.stderr!.on('data', look)
        child.on('exit', over)
        look()
      }),
  }
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const up = await fetch(url, { redirect: 'manual' }).then(
      () => true,
      () => false,
    )
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${url} did not answer within 10 seconds`)
}

async function ended(child: ChildProcess, running: RunningGateway): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null]
  throw new Error(`the gateway exited with ${code}:\n${running.log()}`)
}
