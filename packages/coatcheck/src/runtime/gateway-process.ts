import {
  beginExchange,
  type CompiledListener,
  compile,
  compileListener,
  type Gateway,
  type GatewayObserver,
  type Generation,
  type Log,
  toReply,
  type Users,
} from '@coatcheck/gateway'
import type { GatewayModel, Listener, StoreStatus } from '@coatcheck/model'
import type { Observability } from '../observability/observability.ts'
import { readValue } from '../secrets.ts'
import { serverKeys } from '../state/keyring.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { type Sharing, shareKeys } from './common-keys.ts'
import { createListeners } from './listeners.ts'
import { createPreparing } from './prepare-again.ts'
import type { Prepared, Runner } from './runner.ts'
import { watchStores } from './store-watch.ts'
import { createStores, type PreparedStores } from './stores.ts'

export interface GatewayProcessOptions {
  readonly observability: Observability
  readonly state: StateFolder
  /** A store went down or came back. */
  readonly statusChanged?: (() => void) | undefined
}

interface Running {
  readonly model: GatewayModel
  readonly gateway: Gateway
  readonly sharing: Sharing
  readonly users: Users
  readonly stores: PreparedStores
}

/** A gateway in this process: model → stores → compiled gateway → listeners. */
export function createGatewayProcess({ observability, state, statusChanged }: GatewayProcessOptions): Runner {
  const { log } = observability
  const stores = createStores(state, observability.storeUnconfirmed)
  const sealsSeen = soon(() => statusChanged?.())
  const observer = observeStores(observability, sealsSeen, (store, up) => {
    if (!stores.heard(store, up)) return
    observability.storeUp(store, up)
    statusChanged?.()
  })
  const storeStatus = () => stores.status().map((status) => running?.sharing.statusOf(status) ?? status)
  const stopWatching = watchStores(storeStatus, (store, before) => {
    if (store.state !== (before?.state ?? 'up')) tellOf(store, log)
    if (store.state !== before?.state) observability.storeUp(store.name, store.state === 'up')
    statusChanged?.()
  })
  const listeners = createListeners({
    secret: readValue,
    certificate: observability.certificate,
    log,
    serving: (listener) => ({
      observer,
      toReply: (error, context) => toReply(error, context, log),
      connections: (protocol, change) => observability.connections(listener, protocol, change),
    }),
  })
  let running: Running | undefined
  const preparing = createPreparing(
    prepare,
    () => running?.model,
    (error) => log.error('What runs could not be prepared again', { error: { message: String(error) } }),
  )

  /** `again`: what serves goes on, and its sessions are refused where their keys are not those of the others. */
  async function prepare(model: GatewayModel, again: boolean): Promise<Prepared> {
    const { keys, told } = serverKeys(model, state)
    const prepared = await stores.prepare(model.stores)
    let gateway: Gateway | undefined
    let sharing: Sharing | undefined
    try {
      sharing = await shareKeys(model, {
        stores: prepared,
        configured: model.keys.length > 0 ? keys : undefined,
        log,
        changed: preparing.again,
        statusChanged: () => statusChanged?.(),
      })
      if (!again && sharing.refused !== undefined) throw sharing.refused
      const { records, keysOf } = sharing
      gateway = compile(model, { clock: Date.now, secret: readValue, records, keys, keysOf, log, observer })
      const users = { inFlight: 0, onIdle: undefined }
      const next: Running = { model, gateway, sharing, users, stores: prepared }
      const opened = await listeners.prepare(model.listeners, (spec) => generation(spec, next))
      const commit = () => {
        observability.configured(model)
        prepared.commit()
        opened.commit()
        if (running !== undefined) retire(running)
        running = next
      }
      const undo = () => {
        opened.undo()
        return close(next)
      }
      return { told, commit, undo }
    } catch (error) {
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
    prepare: preparing.prepare,
    status: () => ({
      listeners: listeners.status(),
      routes: running?.gateway.routes ?? [],
      stores: storeStatus(),
      sessions: running?.gateway.sessions() ?? [],
    }),
    snapshots: async () => [await observability.snapshot()],
    drain: listeners.drain,
    failed: new Promise(() => {}),
    async stop() {
      stopWatching()
      await preparing.stop()
      listeners.destroy()
      if (running !== undefined) await close(running)
      await stores.close()
    },
  }
}

function generation(spec: Listener, { gateway, users }: Running): Generation {
  const listener: CompiledListener = compileListener(spec)
  return { begin: (raw) => beginExchange(listener, raw), handle: gateway.handle, users }
}

function tellOf({ name, state, reason }: StoreStatus, log: Log): void {
  if (state === 'up') log.info(`Store "${name}" is reached again`)
  else log.error(`Store "${name}" cannot be reached`, { error: { message: reason } })
}

/** Milliseconds after which what was counted is told. */
const tellAfter = 1000

/** Calls it a while after the first of many times, once. Does not keep the process alive. */
function soon(tell: () => void): () => void {
  let waits = false
  return () => {
    if (waits) return
    waits = true
    setTimeout(() => {
      waits = false
      tell()
    }, tellAfter).unref()
  }
}

/** A store is down from a failed operation to the next that succeeds. */
function observeStores(
  { observer }: Observability,
  sealSeen: () => void,
  heard: (store: string, up: boolean) => void,
): GatewayObserver {
  return {
    ...observer,
    sessionOldSeal(session) {
      observer.sessionOldSeal(session)
      sealSeen()
    },
    storeOperation(store, operation, milliseconds, failure) {
      observer.storeOperation(store, operation, milliseconds, failure)
      heard(store, failure === undefined)
    },
  }
}
