/**
 * The connection test of `coatcheck check`: every Redis store of a configuration, and what was found as diagnostics.
 */
import type { Diagnostic, GatewayModel, PlaceOf, RedisStoreSpec } from '@coatcheck/model'
import type { ProbeReport, ProbeStep } from '@coatcheck/session/stores/redis'
import { redisOptions } from '../runtime/stores/redis-options.ts'
import { type Environment, readText } from '../secrets.ts'

export interface ProbedStore extends ProbeReport {
  /** Its name in the configuration. */
  readonly store: string
}

/** Probes all Redis stores of a model without errors at once; within 5 s, and never rejects for what a server does. */
export async function probeStores(model: GatewayModel, environment: Environment): Promise<readonly ProbedStore[]> {
  const stores = model.stores.filter((store) => store.kind === 'redis')
  if (stores.length === 0) return []
  // The client is loaded when it is needed: most of what is checked has none.
  const { probeRedis } = await import('@coatcheck/session/stores/redis')
  return await Promise.all(
    stores.map(async (store) => ({
      store: store.name,
      ...(await probeRedis({
        ...redisOptions(store, (source) => readText(source, '/', environment)),
        prefixes: prefixesIn(store, model),
        processes: model.workers,
      })),
    })),
  )
}

function prefixesIn({ name }: RedisStoreSpec, { sessions }: GatewayModel): readonly string[] {
  return [...new Set(sessions.filter(({ store }) => store === name).map(({ prefix }) => prefix))]
}

/**
 * What failed as errors, and what warned as warnings, at the place of the store; one for all servers that are alike.
 */
export function probeDiagnostics(
  probed: readonly ProbedStore[],
  model: GatewayModel,
  placeOf: PlaceOf,
): readonly Diagnostic[] {
  return probed.flatMap(({ store, steps }) => {
    const place = placeOf(`/stores/${model.stores.findIndex(({ name }) => name === store)}/deployment`)
    const problems = steps.filter(({ outcome }) => outcome === 'failed' || outcome === 'warned')
    const alike = Map.groupBy(problems, ({ node, ...rest }) => JSON.stringify(rest))
    return [...alike.values()].map((same) => diagnosticOf(store, same[0]!, namesOf(same), place))
  })
}

/** More names are not needed to find out what is wrong. */
const mostNames = 5

function namesOf(steps: readonly ProbeStep[]): string {
  const more = steps.length > mostNames ? ` and ${steps.length - mostNames} more` : ''
  return `${steps
    .slice(0, mostNames)
    .map(({ node }) => node)
    .join(', ')}${more}`
}

function diagnosticOf(store: string, step: ProbeStep, names: string, place: Diagnostic['place']): Diagnostic {
  const isFatal = step.outcome === 'failed'
  return {
    severity: isFatal ? 'error' : 'warning',
    code: `store-probe-${step.step}`,
    place,
    message: `Store "${store}", ${names}: ${step.message} (${step.reason})`,
    consequence: isFatal
      ? 'Requests that need a session would be answered with 503.'
      : 'The store can be used all the same.',
    remedy: step.remedy,
  }
}

const outcomes = { ok: 'ok', skipped: 'not tested', warned: 'warned', failed: 'failed' } as const

/** One line for each server: what was tested there, by outcome. */
export function probedAsText(probed: readonly ProbedStore[]): string {
  return probed.map(({ store, steps }) => `Store "${store}"\n${[...byServer(steps)].map(lineOf).join('')}`).join('')
}

function byServer(steps: readonly ProbeStep[]): ReadonlyMap<string, readonly ProbeStep[]> {
  return Map.groupBy(steps, ({ node }) => node)
}

function lineOf([node, steps]: readonly [node: string, steps: readonly ProbeStep[]]): string {
  const parts = Object.entries(outcomes).flatMap(([outcome, shown]) => {
    const names = steps.filter((step) => step.outcome === outcome).map(({ step }) => step)
    return names.length === 0 ? [] : [`${shown}: ${[...new Set(names)].join(', ')}`]
  })
  return `  ${node}  ${parts.join('; ')}\n`
}
