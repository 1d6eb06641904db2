import type { StoreSpec } from '../store-spec.ts'
import type { Check, Finding } from './finder.ts'

/** Sessions that live as long as a process are meant to: told of a whole model, where no other store was written wrong. */
export const checkMemory: Check = (model, found) => {
  // Then it is an error.
  if (model.workers > 1) return
  for (const store of model.stores) {
    if (store.kind !== 'memory') continue
    const sessions = [...model.sessions.entries()].filter(([, one]) => one.store === store.name && one.mode !== 'off')
    const [first, ...related] = sessions.map(([index]) => `/sessions/${index}`)
    if (first !== undefined) found.warning(`${first}/store`, { ...inMemory(store), related })
  }
}

function inMemory({ name }: StoreSpec): Finding {
  return {
    code: 'store-in-memory',
    message: `Store "${name}" keeps sessions in the memory of the process.`,
    consequence: 'A restart ends all of them, and no other gateway knows them.',
    remedy: 'Use a store that lasts, as stores: { main: sqlite } and store: main; or redis, which gateways share.',
  }
}
