/** The whole program under measurement. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../test/running/free-port.ts'
import { listening, type Measured } from './process.ts'
import { cores, type Stage } from './stage.ts'

export const program = fileURLToPath(new URL('../../packages/coatcheck/src/main.ts', import.meta.url))

/** What all who share sessions in a bench agree on. No touch is due while it runs. */
export const shared = { name: 'bench', cookie: 'session', key: 'ab'.repeat(32), idle: 10 * 3_600_000 }

export interface Coatcheck {
  readonly port: number
  readonly process: Measured
  /** Its file, which the commands read too. */
  readonly configuration: string
}

export interface Launch {
  readonly upstreamPort: number
  /** Of its files. */
  readonly name: string
  /** A port for health and metrics. @defaultValue there is none */
  readonly internalPort?: number | undefined
  /** As `stores.main`. @defaultValue sessions are in memory */
  readonly store?: Readonly<Record<string, unknown>> | undefined
  /** For Node, as `--cpu-prof`. */
  readonly node?: readonly string[]
}

/**
 * A gateway that does its whole work: a session in every request, identity headers, one line of access log each. Resolves
 * when it listens.
 */
export async function startCoatcheck(stage: Stage, launch: Launch): Promise<Coatcheck> {
  const { name, node = [] } = launch
  const port = await freePort()
  // not beside the access log: the folder of a configuration is watched, and each write there would be looked at
  const folder = join(stage.folder, `${name}.configuration`)
  await mkdir(folder)
  const configuration = join(folder, 'coatcheck.yaml')
  await writeFile(configuration, JSON.stringify(contents(port, launch)))
  const state = join(stage.folder, `${name}.state`)
  const command = [process.execPath, ...node, program, 'run', '--config', configuration, '--state', state]
  const started = stage.start(cores.proxy, command, `${name}.access.log`)
  await listening(port)
  return { port, process: started, configuration }
}

function contents(port: number, { upstreamPort, internalPort, store }: Launch) {
  return {
    name: shared.name,
    internal: internalPort === undefined ? 'off' : `127.0.0.1:${internalPort}`,
    listeners: { web: `127.0.0.1:${port}` },
    ...(store === undefined ? {} : { stores: { main: store } }),
    sessions: {
      default: {
        mode: 'enforce',
        ...(store === undefined ? {} : { store: 'main' }),
        cookie: { name: shared.cookie, secure: false },
        timeouts: { idle: `${shared.idle / 1000}s` },
      },
    },
    keys: { k1: shared.key },
    upstreams: { app: { urls: [`http://127.0.0.1:${upstreamPort}`] } },
    routes: [
      {
        name: 'sign-in',
        match: { path: { exact: '/sign-in' } },
        capture: { $subject: 'X-Auth-User', cart: 'X-Cart' },
        upstream: 'app',
      },
      {
        name: 'app',
        match: { path: '/' },
        headers: { request: { set: { 'X-Session-Id': '{session.$id}', 'X-User': '{identity.sub}' } } },
        upstream: 'app',
      },
    ],
  }
}

/** Signs in, and gives the `Cookie` header of the session once it was found again: without one, each request would get a new one. */
export async function signIn(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/sign-in`)
  const [cookie] = answer.headers.getSetCookie()
  if (answer.status !== 200 || cookie === undefined) throw new Error(`no session: status ${answer.status}`)
  const ticket = cookie.split(';')[0]!
  const again = await fetch(`http://127.0.0.1:${port}/100`, { headers: { Cookie: ticket } })
  if (again.status !== 200 || again.headers.has('set-cookie')) throw new Error('the session was not found again')
  return ticket
}
