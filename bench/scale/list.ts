/** `coatcheck sessions list` over a store that others use meanwhile. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { program } from '../running/coatcheck.ts'
import type { Redis } from '../running/redis.ts'
import type { Stage } from '../running/stage.ts'

export interface Listed {
  readonly sessions: number
  readonly seconds: number
  /** CPU of the server, in seconds. */
  readonly serverCpu: number
  /** Milliseconds that others waited for a PING. */
  readonly waits: readonly number[]
  /** Milliseconds of the longest command at the server; 0: less than one. */
  readonly longest: number
}

/** Lists what is in the store, as JSON into a file. */
export async function list(redis: Redis, { folder }: Stage, configuration: string): Promise<Listed> {
  const output = join(folder, 'list')
  const waits: number[] = []
  const stopAsking = await askAllTheTime(redis.port, waits)
  const [startedAt, cpu] = [performance.now(), redis.process.cpu()]
  const command = ['sessions', 'list', '--json', '--config', configuration, '--state', folder]
  const longest = await redis.longest(() => runInto(output, command))
  stopAsking()
  return {
    sessions: linesOf(output),
    seconds: (performance.now() - startedAt) / 1000,
    serverCpu: redis.process.cpu() - cpu,
    waits,
    longest,
  }
}

async function runInto(output: string, command: readonly string[]): Promise<void> {
  const file = openSync(output, 'w')
  const child = spawn(process.execPath, [program, ...command], { stdio: ['ignore', file, 'inherit'] })
  const [code] = await once(child, 'exit')
  closeSync(file)
  if (code !== 0) throw new Error(`sessions list ended with ${code}`)
}

function linesOf(file: string): number {
  const bytes = readFileSync(file)
  let lines = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1
  return lines
}

/** Sends a PING as soon as the last one is answered, five milliseconds apart. */
async function askAllTheTime(port: number, waits: number[]): Promise<() => void> {
  const socket = createConnection(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  let sentAt = 0
  const ask = () => {
    sentAt = performance.now()
    socket.write('PING\r\n')
  }
  socket.on('data', () => {
    waits.push(performance.now() - sentAt)
    setTimeout(ask, 5)
  })
  ask()
  return () => void socket.destroy()
}
