/**
 * How the gateway of a configuration would get on with those that run on the same stores: their keys, their settings.
 */
import type { Diagnostic, GatewayModel, PlaceOf, RedisStoreSpec, SessionSpec } from '@coatcheck/model'
import { SessionError } from '@coatcheck/session'
import { redisOptions } from '../runtime/stores/redis-options.ts'
import { settingsOf } from '../runtime/stores/shared-settings.ts'
import { type Environment, readText } from '../secrets.ts'
import { configuredKeys } from '../state/keyring.ts'

/**
 * Asks each store that answers, and writes nothing. What cannot be asked is left out: the connection test says why.
 *
 * @param stores names of the stores to ask
 */
export async function compareGateways(
  model: GatewayModel,
  stores: readonly string[],
  environment: Environment,
  placeOf: PlaceOf,
): Promise<readonly Diagnostic[]> {
  const specs = model.stores.filter((store) => store.kind === 'redis' && stores.includes(store.name))
  const found = await Promise.all(specs.map((spec) => compareIn(spec as RedisStoreSpec, model, environment, placeOf)))
  return found.flat()
}

async function compareIn(
  spec: RedisStoreSpec,
  model: GatewayModel,
  environment: Environment,
  placeOf: PlaceOf,
): Promise<readonly Diagnostic[]> {
  const { connectRedis } = await import('@coatcheck/session/stores/redis')
  const connection = connectRedis(redisOptions(spec, (source) => readText(source, '/', environment)))
  const keys = model.keys.length > 0 ? configuredKeys(model, environment) : undefined
  const sessions = [...model.sessions.entries()].filter(([, { store, mode }]) => store === spec.name && mode !== 'off')
  try {
    const all = sessions.map(async ([index, session]) => {
      const { conflict, warnings } = await connection.compareWithOthers(session.prefix, {
        keys,
        settings: settingsOf(session),
      })
      return diagnostics(session, placeOf(`/sessions/${index}`), conflict, warnings)
    })
    return (await Promise.all(all)).flat()
  } catch (error) {
    if (error instanceof SessionError) return []
    throw error
  } finally {
    await connection.close()
  }
}

function diagnostics(
  { name, prefix }: SessionSpec,
  place: Diagnostic['place'],
  conflict: string | undefined,
  warnings: readonly string[],
): Diagnostic[] {
  const about = `Session "${name}", under "${prefix}": `
  const others = warnings.map((warning): Diagnostic => {
    const consequence = 'Which of them holds depends on the gateway that a request comes to.'
    const remedy = 'Give all gateways that share sessions the same settings and keys.'
    return { severity: 'warning', code: 'gateways-differ', place, message: about + warning, consequence, remedy }
  })
  if (conflict === undefined) return others
  const consequence = 'The gateway would not start beside them.'
  return [
    { severity: 'error', code: 'keys-not-shared', place, message: about + conflict, consequence, remedy: '' },
    ...others,
  ]
}
