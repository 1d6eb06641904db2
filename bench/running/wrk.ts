/** Load from `wrk`: kept-alive connections that each send the next request as soon as the last one is answered. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Load {
  readonly core: number
  readonly url: string
  readonly seconds: number
  /** The `Cookie` header of all requests. */
  readonly cookie?: string | undefined
  /** A file with one `Cookie` header a line, of which each request takes any. It costs the load's core a little more. */
  readonly cookies?: string | undefined
  /** Chooses them; the same number, the same order. */
  readonly seed?: number
}

export interface Answered {
  readonly requests: number
  readonly perSecond: number
  readonly p50: string
  readonly p99: string
}

const connections = 32

/** @throws Error when an answer was none of 2xx and 3xx, or a connection failed */
export async function load({ core, url, seconds, cookie, cookies, seed = 1 }: Load): Promise<Answered> {
  const script = fileURLToPath(new URL('cookies.lua', import.meta.url))
  const fixed = cookie === undefined ? [] : ['-H', `Cookie: ${cookie}`]
  const chosen = cookies === undefined ? fixed : ['-s', script]
  const given = cookies === undefined ? [] : ['--', cookies, String(seed)]
  const command = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...chosen, url, ...given]
  const { stdout } = await promisify(execFile)('taskset', ['-c', String(core), ...command])
  return read(stdout)
}

function read(output: string): Answered {
  const requests = Number(/(\d+) requests in/.exec(output)?.[1])
  const bad = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(output)
  if (!requests || bad) throw new Error(`wrk did not get good answers: ${bad?.[0] ?? output}`)
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50: /^ +50% +(\S+)/m.exec(output)?.[1] ?? '?',
    p99: /^ +99% +(\S+)/m.exec(output)?.[1] ?? '?',
  }
}
