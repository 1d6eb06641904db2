import {
  contradictionOf,
  parseRedisUrl,
  type RedisAuth,
  type RedisStoreSpec,
  type RedisTls,
  type Secret,
  storeOfUrl,
  type ValueSource,
} from '@coatcheck/model'
import type { Auth, ConnectionOptions, Deployment, Durability, Tls } from '@coatcheck/session/stores/redis'
import { ProgramError } from '../../errors.ts'

/** How a secret is read, as text. Throws a ProgramError when it is not there. */
export type ReadText = (source: ValueSource) => Secret<string>

/**
 * The store without a URL that means the same; as it is, when it has none.
 *
 * @throws ProgramError `store-url-invalid`, never with a part of the URL; and what `read` throws
 */
export function withoutUrl(spec: RedisStoreSpec, read: ReadText): RedisStoreSpec {
  if (spec.deployment.kind !== 'url') return spec
  const url = parseRedisUrl(read(spec.deployment.url).reveal())
  const problem = url.ok ? contradictionOf(url.value, spec) : url
  if (url.ok && problem === undefined) return storeOfUrl(spec, url.value)
  throw new ProgramError(
    'store-url-invalid',
    `The URL of store "${spec.name}" cannot be used: ${url.ok ? 'the store' : 'it'} ${problem?.problem}.`,
    'The store could not be found.',
    problem?.remedy ?? '',
  )
}

/**
 * What connects to a store. Passwords, certificates and keys are read anew at each connection, so that none has to be
 * opened again when a file changes.
 *
 * @throws ProgramError as `withoutUrl`
 */
export function redisOptions(
  spec: RedisStoreSpec,
  read: ReadText,
  { onShort, onPlain }: Pick<ConnectionOptions, 'onPlain'> & Pick<Durability, 'onShort'> = {},
): ConnectionOptions {
  const { deployment, auth, tls, timeouts, durability } = withoutUrl(spec, read)
  return {
    deployment: deploymentOf(deployment, read),
    // of a URL as it is by then
    auth: auth && authOf(auth, () => withoutUrl(spec, read).auth ?? auth, read),
    tls: tls && tlsOf(tls, read),
    timeouts,
    onPlain,
    durability: durability && { ...durability, onShort },
  }
}

function deploymentOf(deployment: RedisStoreSpec['deployment'], read: ReadText): Deployment {
  if (deployment.kind === 'url') throw new Error('the URL was read before')
  if (deployment.kind !== 'sentinel') return deployment
  const { auth, tls } = deployment
  return {
    ...deployment,
    auth: auth === 'off' ? false : auth && authOf(auth, () => auth, read),
    tls: tls === 'off' ? false : tls && tlsOf(tls, read),
  }
}

function authOf({ username }: RedisAuth, now: () => RedisAuth, read: ReadText): Auth {
  return { username, password: () => read(now().password).reveal() }
}

function tlsOf({ ca, serverName, certificate, key, insecureSkipVerify }: RedisTls, read: ReadText): Tls {
  const pair = certificate && key && { certificate, key }
  return {
    ca: ca.length === 0 ? undefined : () => ca.map((source) => read(source).reveal()),
    client: pair && (() => ({ certificate: read(pair.certificate).reveal(), key: read(pair.key).reveal() })),
    serverName,
    insecureSkipVerify,
  }
}
