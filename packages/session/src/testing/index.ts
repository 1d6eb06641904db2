/**
 * The suite that every record store has to pass, for the stores of this package and for other people's. Plain functions
 * on `node:assert`, so that any test runner of any runtime can run them:
 *
 * ```ts
 * for (const { name, run } of recordStoreSuite({ open: (clock) => myRecords({ clock }) })) test(name, run)
 * ```
 */
import { isClocked, type RecordStore } from '../store.ts'
import { abilityRules } from './abilities.ts'
import { endingRules } from './ending.ts'
import { findingRules } from './finding.ts'
import { keepingRules } from './keeping.ts'
import { onceRules } from './once.ts'
import type { StoreRule } from './rule.ts'
import { writingRules } from './writing.ts'

export interface StoreCase {
  /** States the rule. */
  readonly name: string
  /** Opens a store of its own, and closes it. Rejects when the rule is broken. */
  run(): Promise<void>
}

export interface StoreSuiteOptions {
  /**
   * Opens a store in which none of the ids of the suite is taken.
   *
   * @param clock milliseconds since 1970; moves only when the suite moves it
   */
  open(clock: () => number): RecordStore | Promise<RecordStore>
  /**
   * Waits until the store sees that `milliseconds` have passed, where it does not take the clock it was given.
   *
   * @defaultValue the clock of the suite is moved, and that is all
   */
  wait?(milliseconds: number): Promise<void>
}

/** The cases, in no order that matters. */
export function recordStoreSuite(options: StoreSuiteOptions): readonly StoreCase[] {
  const rules = [...keepingRules, ...writingRules, ...endingRules, ...abilityRules, ...onceRules, ...findingRules]
  return rules.map((rule) => ({ name: rule.name, run: () => withStore(options, rule) }))
}

async function withStore(options: StoreSuiteOptions, { check }: StoreRule): Promise<void> {
  let now = 1_700_000_000_000
  const store = await options.open(() => now)
  const wait = async (milliseconds: number) => {
    now += milliseconds
    await options.wait?.(milliseconds)
  }
  try {
    await check({ store, now: () => (isClocked(store) ? store.now() : now), wait })
  } finally {
    await store.close()
  }
}
