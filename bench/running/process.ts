/** Processes under measurement: started on a core, their CPU time and memory read from /proc, ended by us. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

export interface Measured {
  readonly child: ChildProcess
  /** CPU seconds so far, all threads, and all children. */
  cpu(): number
  /** Resident memory in MB, with children. */
  memory(): number
  stop(): Promise<void>
}

/** Starts a command pinned to one core; its standard output goes to `output`. */
export function startPinned(core: number, command: readonly string[], output: string): Measured {
  const log = openSync(output, 'w')
  const child = spawn('taskset', ['-c', String(core), ...command], { stdio: ['ignore', log, log] })
  const pids = () => descendants(child.pid!)
  return {
    child,
    cpu: () => sum(pids(), cpuSeconds),
    memory: () => sum(pids(), residentMegabytes),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Resolves when something accepts connections on the port; gives up after ten seconds. */
export async function listening(port: number): Promise<void> {
  const end = Date.now() + 10_000
  while (Date.now() < end) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined))
      socket.on('error', () => resolve(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on 127.0.0.1:${port}`)
}

function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? statFields(Number(name))?.[1] : undefined
    if (parent !== undefined) children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)])
  }
  const found = [pid]
  for (const one of found) found.push(...(children.get(one) ?? []))
  return found
}

/** The fields of /proc/PID/stat behind the command's name: state, parent, …; user and system time are 11 and 12. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function cpuSeconds(pid: number): number {
  const fields = statFields(pid)
  return fields ? (Number(fields[11]) + Number(fields[12])) / ticksPerSecond : 0
}

function residentMegabytes(pid: number): number {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return Number(line?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

function sum(pids: readonly number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0)
}
