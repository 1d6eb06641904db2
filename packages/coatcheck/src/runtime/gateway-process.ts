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
import type { Prepared, Runner } from './runner.ts'
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
  /** @param handed what the process that hands its connections over has open for the listeners */
  prepare(model: GatewayModel, handed?: readonly OpenAddress[]): Promise<Prepared>
}

interface Running {
  readonly gateway: Gateway
  readonly users: Users
  readonly stores: PreparedStores
}

/** A gateway in this process: model → stores → compiled gateway → listeners. */
export function createGatewayProcess({
  observability,
  state,
  statusChanged,
  addresses = createAddresses({ failed: tellRefused(observability.log) }),
}: GatewayProcessOptions): GatewayProcess {
  const { log, observer } = observability
  const tellStores = createStoreLog(log, () => performance.now())
  const stores = createStores(state, {
    changed() {
      const all = stores.status()
      for (const { name, kind, state } of all) if (kind !== 'sealed-cookie') observability.storeUp(name, state === 'up')
      if (statusChanged === undefined) tellStores(all)
      else statusChanged()
    },
  })
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

  async function prepare(model: GatewayModel, handed?: readonly OpenAddress[]): Promise<Prepared> {
    const { keys, told } = serverKeys(model, state)
    const prepared = stores.prepare(model.stores)
    let gateway: Gateway | undefined
    let opened: PreparedAddresses | undefined
    try {
      const { records } = prepared
      const observing = observeStores(observer, prepared)
      gateway = compile(model, { clock: Date.now, secret: readValue, records, keys, log, observer: observing })
      const next: Running = { gateway, users: { inFlight: 0, onIdle: undefined }, stores: prepared }
      opened = await addresses.prepare(model.listeners, handed)
      const { sockets, commit: closeOthers, undo: closeOpened } = opened
      const serving = listeners.prepare(model.listeners, (spec) => generation(spec, next), sockets)
      const commit = () => {
        observability.configured(model)
        prepared.commit()
        serving.commit()
        if (running !== undefined) retire(running)
        running = next
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
      await prepared.release()
      throw error
    }
  }

  /** Closes a gateway when the last exchange that began with it is done. */
  function retire(old: Running): void {
    if (old.users.inFlight === 0) void close(old)
    else {
      old.users.onIdle = () => {
        old.users.onIdle = undefined
        void close(old)
      }
    }
  }

  async function close({ gateway, stores: used }: Running): Promise<void> {
    try {
      await gateway.close()
    } catch (error) {
      log.error('A gateway could not be closed', { error: { message: String(error) } })
    }
    await used.release()
  }

  return {
    prepare,
    status: () => ({ listeners: listeners.status(), routes: running?.gateway.routes ?? [], stores: stores.status() }),
    snapshots: async () => [await observability.snapshot()],
    drain: () => listeners.drain(addresses.close()),
    failed: new Promise(() => {}),
    async stop() {
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
function observeStores(observer: GatewayObserver, stores: PreparedStores): GatewayObserver {
  return {
    ...observer,
    storeOperation(store, operation, milliseconds, failure, error) {
      observer.storeOperation(store, operation, milliseconds, failure, error)
      if (failure !== undefined) stores.failed(store, error)
    },
  }
}
