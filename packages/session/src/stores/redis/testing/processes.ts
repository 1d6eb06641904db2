/** Starts real servers on loopback for tests, and ends those, and only those. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The program that is tested: `redis-server`, or that of Valkey. */
export const program = process.env.COATCHECK_TEST_REDIS ?? 'redis-server'

/** The program that tests speak to it with: `redis-cli`, or that of Valkey. */
export const client = process.env.COATCHECK_TEST_REDIS_CLI ?? 'redis-cli'

/** Redis 6.2 has the bus of a cluster at this distance from its port, and no setting for it. */
export const fixedBus = / v=6\./.test(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)
export const busDistance = 10_000

/** What a server is configured with: lines of a `redis.conf`. */
export type Settings = Readonly<Record<string, string | number | readonly string[]>>

export interface TestServer {
  readonly port: number
  /** Lines that every later start takes too. */
  readonly settings: Settings
  /** SIGKILL, as in a crash. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open, and nobody answers. */
  pause(): void
  resume(): void
  /** Starts it again after `kill`, with the same folder, and `changes` to the settings. */
  restart(changes?: Settings): Promise<void>
  /** One command over a connection of its own, as the user that may do everything; errors come as text. */
  command(...args: readonly string[]): string
}

/** With the folder of each. */
const running = new Map<ChildProcess, string>()
const folders = new Set<string>()
process.on('exit', () => {
  for (const child of running.keys()) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export interface Folder {
  readonly path: string
  remove(): void
  /** Kills the servers that were started in it, and removes it. */
  end(): Promise<void>
}

/** A folder that is removed when the process ends, or before. */
export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-redis-'))
  folders.add(path)
  const remove = () => {
    folders.delete(path)
    rmSync(path, { recursive: true, force: true })
  }
  return {
    path,
    remove,
    async end() {
      const children = [...running].filter(([, place]) => place === path)
      await Promise.all(children.map(([child]) => ended(child)))
      remove()
    },
  }
}

/**
 * Loopback ports that were free a moment ago, all different.
 *
 * From below those that systems give to whoever asks for any port, so that no connection takes one before its server
 * does.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(10_000, fixedBus ? 22_000 : 32_000)
    if ((await isFree(port)) && (!fixedBus || (await isFree(port + busDistance)))) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.on('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
  })
  if (free) await once(server.close(), 'close')
  return free
}

export interface Launch {
  readonly folder: string
  readonly port: number
  readonly settings: Settings
  /** Arguments after the configuration's file, as `--sentinel`. */
  readonly args?: readonly string[]
  /** How `redis-cli` reaches it as the user that may do everything. */
  readonly cli?: readonly string[]
}

/** Resolves when the server answers. */
export async function startServer(launch: Launch): Promise<TestServer> {
  const { port, cli = [] } = launch
  let settings = launch.settings
  let child = start(launch, settings)
  const command = (...args: readonly string[]) =>
    execFileSync(client, ['-p', String(port), ...cli, ...args], {
      encoding: 'utf8',
      timeout: 5000,
      stdio: 'pipe',
    }).trimEnd()
  await answers(command, child)
  return {
    port,
    get settings() {
      return settings
    },
    kill: () => ended(child),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart(changes = {}) {
      await ended(child)
      settings = { ...settings, ...changes }
      child = start(launch, settings)
      await answers(command, child)
    },
    command,
  }
}

function start({ folder, port, args = [] }: Launch, settings: Settings): ChildProcess {
  const file = join(folder, `${port}.conf`)
  // A sentinel keeps what it learnt in its file.
  if (!(args.includes('--sentinel') && existsSync(file))) writeFileSync(file, linesOf(settings))
  const child = spawn(program, [file, ...args], { stdio: 'ignore', cwd: folder })
  running.set(child, folder)
  child.on('exit', () => running.delete(child)).on('error', () => running.delete(child))
  return child
}

function linesOf(settings: Settings): string {
  const line = (name: string, value: string | number) => `${name} ${value === '' ? '""' : value}\n`
  return Object.entries(settings)
    .flatMap(([name, value]) => (typeof value === 'object' ? value.map((one) => line(name, one)) : [line(name, value)]))
    .join('')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

async function answers(command: TestServer['command'], child: ChildProcess): Promise<void> {
  await until('the server answers', () => {
    const end = child.exitCode ?? child.signalCode
    if (end !== null) throw new Error(`${program} ended with ${end}.`)
    return /PONG/.test(attempt(() => command('PING')))
  })
}

/** What it gives, or its error as text. */
export function attempt(run: () => string): string {
  try {
    return run()
  } catch (error) {
    return String(error)
  }
}

/** Looks until it holds. @throws Error after 20 seconds, or `ms` */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited ${ms} ms in vain until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
