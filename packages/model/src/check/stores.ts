import type { GatewayModel, SessionSpec } from '../model.ts'
import type { SealedCookieStoreSpec, StoreSpec } from '../store-spec.ts'
import type { Check, Finder } from './finder.ts'

/** Stores can keep what their sessions ask of them. */
export const checkStores: Check = (model, found) => {
  for (const [index, store] of model.stores.entries()) {
    const sessions = [...model.sessions.entries()].filter(([, session]) => session.store === store.name)
    if (store.kind === 'memory' && model.workers > 1 && sessions.length > 0) {
      const related = sessions.map(([at]) => `/sessions/${at}`)
      found.error('/workers', { ...memoryWithWorkers(store, model), related })
    }
    if (store.kind === 'sealed-cookie') checkParts(model, store, `/stores/${index}`, found)
    for (const [at, session] of sessions) checkFit(store, session, `/sessions/${at}`, found)
  }
}

function memoryWithWorkers({ name }: StoreSpec, { workers }: GatewayModel) {
  return {
    code: 'memory-with-workers',
    message: `Store "${name}" keeps sessions in the memory of one process, and there are ${workers} workers.`,
    consequence: 'A session would be known to one worker and unknown to the others.',
    remedy: 'Use a store that workers share, as stores: { main: sqlite }, redis or sealedCookie; or set workers: 1.',
  }
}

const cookieBytes = 4096

/** A full set of cookies, and as much as one more for everything else in the request. */
function checkParts(model: GatewayModel, { maxParts }: SealedCookieStoreSpec, pointer: string, found: Finder): void {
  const needed = (maxParts + 1) * cookieBytes
  const tight = model.listeners.filter(({ limits }) => limits.headerBytes < needed)
  if (tight.length === 0) return
  const names = tight.map(({ name }) => `"${name}"`).join(', ')
  found.error(`${pointer}/maxParts`, {
    code: 'cookie-above-header-limit',
    message: `A session may take ${maxParts} cookies of ${cookieBytes} bytes, more than listener ${names} lets through with a request.`,
    consequence: 'Visitors with large sessions would be answered with 431 until they clear their cookies.',
    remedy: `Lower maxParts, or raise limits.headerBytes of the listener to ${needed} or more.`,
  })
}

function checkFit(store: StoreSpec, session: SessionSpec, pointer: string, found: Finder): void {
  if (store.kind === 'memory' && session.maxBytes > store.maxBytes) {
    found.error(`${pointer}/maxBytes`, {
      code: 'session-above-store',
      message: `A session may have ${session.maxBytes} bytes, and the whole store "${store.name}" ${store.maxBytes}.`,
      consequence: 'A large session could not be kept.',
      remedy: 'Lower maxBytes of the session, or raise that of the store.',
    })
  }
  if (store.kind !== 'sealed-cookie') return
  if (session.sealing.kind === 'none') found.error(`${pointer}/sealing`, openCookie(session))
  if (session.lookup.kind === 'header') found.error(`${pointer}/lookup`, cookieInHeader(session))
  if (session.serveCachedFor > 0) found.warning(`${pointer}/serveCachedFor`, nothingToFail(session))
}

function openCookie({ name }: SessionSpec) {
  return {
    code: 'sealing-none-in-cookie',
    message: `Session "${name}" is kept in the cookie, and its sealing is none.`,
    consequence: 'Every visitor could read and write their own session.',
    remedy: 'Leave sealing out: a sealed cookie is sealed with the keys of the installation.',
  }
}

function cookieInHeader({ name }: SessionSpec) {
  return {
    code: 'sealed-cookie-in-header',
    message: `Session "${name}" is kept in the cookie, and looked up in a header.`,
    consequence: 'There would be nowhere to keep it.',
    remedy: 'Use lookup: cookie, or another store.',
  }
}

function nothingToFail({ name }: SessionSpec) {
  return {
    code: 'store-cannot-fail',
    message: `Session "${name}" is kept in the cookie; there is no store that could fail.`,
    consequence: 'onStoreFailure has no effect.',
    remedy: 'Remove it.',
  }
}
