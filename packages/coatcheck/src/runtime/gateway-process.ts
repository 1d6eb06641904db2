import {
  beginExchange,
  type CompiledListener,
  compile,
  compileListener,
  type Gateway,
  type GatewayObserver,
  type Generation,
  refusedExchange,
  toReply,
  type Users,
} from '@coatcheck/gateway'
import type { GatewayModel, Listener } from '@coatcheck/model'
import type { Observability } from '../observability/observability.ts'
import { readValue } from '../secrets.ts'
import { serverKeys } from '../state/keyring.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { type Addresses, createAddresses, type PreparedAddresses } from './listening/addresses.ts'
import { createListeners } from './listening/listeners.ts'
import { tellRefused } from './listening/listening-socket.ts'
import { createPreparing } from './prepare-again.ts'
import type { Prepared, Runner } from './runner.ts'
import { soon } from './soon.ts'
import { type Sharing, shareKeys } from './stores/common-keys.ts'
import { createStoreLog } from './stores/store-log.ts'
import { createStores, type PreparedStores } from './stores/stores.ts'
import type { OpenAddress } from './workers/worker-messages.ts'

export interface GatewayProcessOptions {
  readonly observability: Observability
  readonly state: StateFolder
  /** @defaultValue those that this process opens */
  readonly addresses?: Addresses
  /** Stores went down or came back, or are others. @defaultValue the log says what went down or came back */
  readonly statusChanged?: (() => void) | undefined
}

/** What serves, in this process. */
export interface GatewayProcess extends Runner {
  /**
   * @param handed what the process that hands its connections over has open for the listeners
   * @param runs other processes serve this model already, so that keys which are not those of other gateways keep it
   * from nothing
   */
  prepare(model: GatewayModel, handed?: readonly OpenAddress[], runs?: boolean): Promise<Prepared>
}

/** What is asked for, or served. */
interface Wanted {
  readonly model: GatewayModel
  readonly handed: readonly OpenAddress[] | undefined
  readonly runs: boolean
}

interface Running {
  readonly wanted: Wanted
  readonly gateway: Gateway
  readonly sharing: Sharing
  readonly users: Users
  readonly stores: PreparedStores
}

function plainTcp(store: string, address: string): string {
  return (
    `Store "${store}" was led to ${address}, which is reached over plain TCP: whoever is on the way reads the password, and ` +
    'can change and end sessions. Give the servers TLS, and the store tls: {} (in a URL, write rediss://).'
  )
}

/** A gateway in this process: model → stores → compiled gateway → listeners. */
export function createGatewayProcess({
  observability,
  state,
  statusChanged,
  addresses = createAddresses({ failed: tellRefused(observability.log) }),
}: GatewayProcessOptions): GatewayProcess {
  const { log, observer } = observability
  const storeLog = createStoreLog(log, () => performance.now())
  const stores = createStores(state, {
    changed: tellStores,
    unconfirmed: observability.storeUnconfirmed,
    plain: (store, address) => log.warn(plainTcp(store, address)),
  })
  const sealSeen = soon(() => statusChanged?.())
  const storeStatus = () => stores.status().map((status) => running?.sharing.statusOf(status) ?? status)
  function tellStores(): void {
    const all = storeStatus()
    for (const { name, kind, state, full } of all) {
      if (kind !== 'sealed-cookie') observability.storeUp(name, state === 'up')
      if (kind === 'redis') observability.storeFull(name, full)
    }
    if (statusChanged === undefined) storeLog(all)
    else statusChanged()
  }
  const listeners = createListeners({
    secret: readValue,
    certificate: observability.certificate,
    serving: (listener) => ({
      observer,
      toReply: (error, context) => toReply(error, context, log),
      connections: (protocol, change) => observability.connections(listener, protocol, change),
    }),
  })
  let running: Running | undefined
  const preparing = createPreparing(
    prepare,
    () => running?.wanted,
    (error) => log.error('What runs could not be prepared again', { error: { message: String(error) } }),
  )

  /** `again`: what serves goes on, and its sessions are refused where their keys are not those of the others. */
  async function prepare(wanted: Wanted, again: boolean): Promise<Prepared> {
    const { model, handed, runs } = wanted
    const { keys, told } = serverKeys(model, state)
    const prepared = await stores.prepare(model.stores)
    let gateway: Gateway | undefined
    let sharing: Sharing | undefined
    let opened: PreparedAddresses | undefined
    try {
      sharing = await shareKeys(model, {
        stores: prepared,
        configured: model.keys.length > 0 ? keys : undefined,
        log,
        changed: preparing.again,
        statusChanged: tellStores,
      })
      if (!again && !runs && sharing.refused !== undefined) throw sharing.refused
      const { records, keysOf } = sharing
      const observing = observeStores(observer, sealSeen, prepared)
      const ports = { clock: Date.now, secret: readValue, records, keys, keysOf, log, observer: observing }
      gateway = compile(model, ports)
      const users = { inFlight: 0, onIdle: undefined }
      const next: Running = { wanted, gateway, sharing, users, stores: prepared }
      opened = await addresses.prepare(model.listeners, handed)
      const { sockets, commit: closeOthers, undo: closeOpened } = opened
      const serving = listeners.prepare(model.listeners, (spec) => generation(spec, next), sockets)
      const commit = () => {
        const before = running
        running = next
        observability.configured(model)
        prepared.commit()
        serving.commit()
        if (before !== undefined) retire(before)
        return closeOthers()
      }
      const undo = () => {
        closeOpened()
        return close(next)
      }
      return { told, commit, undo }
    } catch (error) {
      opened?.undo()
      await gateway?.close()
      sharing?.close()
      await prepared.release()
      throw error
    }
  }

  /** Closes a gateway when the last exchange that began with it is done. */
  function retire(old: Running): void {
    old.sharing.close()
    if (old.users.inFlight === 0) void close(old)
    else {
      old.users.onIdle = () => {
        old.users.onIdle = undefined
        void close(old)
      }
    }
  }

  async function close({ gateway, sharing, stores: used }: Running): Promise<void> {
    sharing.close()
    try {
      await gateway.close()
    } catch (error) {
      log.error('A gateway could not be closed', { error: { message: String(error) } })
    }
    await used.release()
  }

  return {
    prepare: (model, handed, runs = false) => preparing.prepare({ model, handed, runs }),
    status: () => ({
      listeners: listeners.status(),
      routes: running?.gateway.routes ?? [],
      stores: storeStatus(),
      sessions: running?.gateway.sessions() ?? [],
    }),
    snapshots: async () => [await observability.snapshot()],
    drain: () => listeners.drain(addresses.close()),
    failed: new Promise(() => {}),
    async stop() {
      await preparing.stop()
      listeners.destroy()
      if (running !== undefined) await close(running)
      await stores.close()
    },
  }
}

function generation(spec: Listener, { gateway, users }: Running): Generation {
  const listener: CompiledListener = compileListener(spec)
  return {
    begin: (raw) => beginExchange(listener, raw),
    refuse: (raw, error) => refusedExchange(listener, raw, error),
    handle: gateway.handle,
    users,
  }
}

/** What fails is told to the store that it was asked of: after a reload, another one may have its name. */
function observeStores(observer: GatewayObserver, sealSeen: () => void, stores: PreparedStores): GatewayObserver {
  return {
    ...observer,
    sessionOldSeal(session) {
      observer.sessionOldSeal(session)
      sealSeen()
    },
    storeOperation(store, operation, milliseconds, failure, error) {
      observer.storeOperation(store, operation, milliseconds, failure, error)
      if (failure !== undefined) stores.failed(store, error)
    },
  }
}
