import type { ReadMatch } from '../read-matches.ts'
import { createRouter, type Router } from './router.ts'

/** A match with the listeners that its route serves; `undefined`: all of them. */
export interface ListenerEntry<T> {
  readonly match: ReadMatch
  readonly listeners: readonly string[] | undefined
  readonly value: T
}

/**
 * Makes the router of each listener, which knows no route of other listeners. Listeners that no route names share one.
 *
 * @returns the router of the listener with this name
 */
export function createListenerRouters<T>(entries: readonly ListenerEntry<T>[]): (listener: string) => Router<T> {
  const named = new Set(entries.flatMap(({ listeners }) => listeners ?? []))
  const others = createRouter(entries.filter(({ listeners }) => listeners === undefined))
  const own = new Map(
    [...named].map((name) => [
      name,
      createRouter(entries.filter(({ listeners }) => listeners === undefined || listeners.includes(name))),
    ]),
  )
  return (listener) => own.get(listener) ?? others
}
