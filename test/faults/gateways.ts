/** Two gateways, the whole program each, over one store. */
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { freePorts } from '../../packages/session/src/stores/redis/testing/processes.ts'
import { startGateway } from '../running/gateway.ts'
import { type Application, capture, told } from './application.ts'

/** Milliseconds that a command may take. */
export const commandTimeout = 1000

/** What stands under `stores.main.redis`. */
export type StoreSettings = Readonly<Record<string, unknown>>

export interface Gateway extends AsyncDisposable {
  readonly port: number
  readonly internal: number
  /** What it uses now. */
  usage(): Usage
  log(): string
}

export interface Usage {
  /** Resident memory in MiB. */
  readonly memory: number
  /** Sockets, files and pipes that are open. */
  readonly handles: number
}

export interface GatewayOptions {
  readonly store: StoreSettings
  readonly application: Application
  /** @defaultValue often, so that there are rotations under way whenever something breaks */
  readonly rotateAfter?: string | undefined
  /** As `stores.main.durability`. */
  readonly durability?: Readonly<Record<string, unknown>> | undefined
  /** As `onStoreFailure.serveCachedFor`. */
  readonly serveCachedFor?: string | undefined
}

export async function startOne(options: GatewayOptions): Promise<Gateway> {
  const [port = 0, internal = 0] = await freePorts(2)
  const running = await startGateway({
    files: { 'coatcheck.yaml': JSON.stringify(configuration(port, internal, options)) },
    ready: `http://127.0.0.1:${internal}/livez`,
  })
  const pid = running.child.pid!
  return {
    port,
    internal,
    log: running.log,
    usage: () => ({ memory: residentMemory(pid), handles: readdirSync(`/proc/${pid}/fd`).length }),
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL')
      await rm(running.folder, { recursive: true })
    },
  }
}

function configuration(port: number, internal: number, options: GatewayOptions) {
  const { store, application, rotateAfter = '2s', durability, serveCachedFor } = options
  return {
    name: 'faults',
    listeners: { web: `127.0.0.1:${port}` },
    internal: `127.0.0.1:${internal}`,
    accessLog: 'off',
    stores: {
      main: {
        redis: { timeouts: { connect: '1s', command: `${commandTimeout}ms` }, ...store },
        ...(durability === undefined ? {} : { durability }),
      },
    },
    sessions: {
      default: {
        store: 'main',
        rotateAfter,
        cookie: { name: 'session', secure: false },
        ...(serveCachedFor === undefined ? {} : { onStoreFailure: { serveCachedFor } }),
      },
    },
    keys: { k1: 'ab'.repeat(32) },
    upstreams: { app: { urls: [application.url] } },
    routes: [{ name: 'app', match: '/', capture, headers: { request: { set: told } }, upstream: 'app' }],
  }
}

function residentMemory(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) / 1024
}
