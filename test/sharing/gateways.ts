/** Gateways, the whole program each, that share what a configuration says. */
import { rm } from 'node:fs/promises'
import { until } from '../../packages/session/src/stores/redis/testing/servers.ts'
import { freePort } from '../running/free-port.ts'
import { type RunningGateway, startGateway } from '../running/gateway.ts'

export interface SharingGateway extends AsyncDisposable {
  readonly port: number
  readonly internal: number
  readonly running: RunningGateway
}

export interface SharingOptions {
  /** Of the listener `web`, beside its address. */
  readonly listener?: Readonly<Record<string, unknown>>
  readonly environment?: Readonly<Record<string, string>>
}

/** Starts one with `configuration`, a folder and ports of its own. Resolves when it is ready. */
export async function startSharing(
  configuration: Readonly<Record<string, unknown>>,
  { listener = {}, environment = {} }: SharingOptions = {},
): Promise<SharingGateway> {
  const [port, internal] = [await freePort(), await freePort()]
  const places = {
    listeners: { web: { address: `127.0.0.1:${port}`, ...listener } },
    internal: `127.0.0.1:${internal}`,
  }
  const running = await startGateway({
    files: { 'coatcheck.yaml': JSON.stringify({ ...configuration, ...places }) },
    environment,
    ready: `http://127.0.0.1:${internal}/livez`,
  })
  await until('the gateway is ready', async () => (await fetch(`http://127.0.0.1:${internal}/readyz`)).ok)
  return {
    port,
    internal,
    running,
    async [Symbol.asyncDispose]() {
      await running.stop()
      await rm(running.folder, { recursive: true, force: true })
    },
  }
}
