/** What is only known of a Redis store once URLs and passwords that lie elsewhere are read. */
import {
  checkRedisWay,
  type Diagnostic,
  finder,
  type GatewayModel,
  type PlaceOf,
  type RedisAuth,
  type RedisStoreSpec,
} from '@coatcheck/model'
import { ProgramError } from '../errors.ts'
import { type ReadText, withoutUrl } from '../runtime/stores/redis-options.ts'
import { type Environment, readText } from '../secrets.ts'
import { asDiagnostic } from './references.ts'

export interface RedisStoreOptions {
  readonly placeOf: PlaceOf
  readonly environment: Environment
}

/**
 * Looks at every Redis store of a model with absolute paths. What could not be read is left out: it has its diagnostic.
 */
export function checkRedisStores(model: GatewayModel, { placeOf, environment }: RedisStoreOptions): Diagnostic[] {
  const read: ReadText = (source) => readText(source, '/', environment)
  return model.stores.flatMap((store, index) => {
    if (store.kind !== 'redis') return []
    const pointer = `/stores/${index}`
    return [...checkUrl(store, pointer, read, placeOf), ...checkPasswords(store, pointer, read, placeOf)]
  })
}

function checkUrl(store: RedisStoreSpec, pointer: string, read: ReadText, placeOf: PlaceOf): Diagnostic[] {
  if (store.deployment.kind !== 'url') return []
  const found: Diagnostic[] = []
  try {
    checkRedisWay(withoutUrl(store, read), pointer, finder(placeOf, found))
    return found
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error
    return error.code === 'store-url-invalid' ? [asDiagnostic(error, placeOf(`${pointer}/deployment/url`))] : []
  }
}

function checkPasswords(store: RedisStoreSpec, pointer: string, read: ReadText, placeOf: PlaceOf): Diagnostic[] {
  const { deployment, auth, name } = store
  const own = deployment.kind === 'sentinel' && deployment.auth !== 'off' ? deployment.auth : undefined
  const places: readonly (readonly [at: string, auth: RedisAuth | undefined])[] = [
    [`${pointer}/auth/password`, auth],
    [`${pointer}/deployment/auth/password`, own],
  ]
  return places
    .filter(([, auth]) => auth !== undefined && isEmpty(auth, read))
    .map(([at]) => emptyPassword(name, placeOf(at)))
}

function isEmpty({ password }: RedisAuth, read: ReadText): boolean {
  try {
    return read(password).reveal() === ''
  } catch (error) {
    if (error instanceof ProgramError) return false
    throw error
  }
}

function emptyPassword(name: string, place: Diagnostic['place']): Diagnostic {
  return {
    severity: 'error',
    code: 'store-password-empty',
    place,
    message: `The password of store "${name}" is empty.`,
    consequence: 'The server would refuse it.',
    remedy: 'Put the password where it is read from, or remove "auth".',
  }
}
