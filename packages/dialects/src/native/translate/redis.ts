import {
  type DurabilitySpec,
  defaults,
  type RedisAuth,
  type RedisDeployment,
  type RedisStoreSpec,
  type RedisTls,
  type StoreNode,
  step,
  storeOfUrl,
} from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'
import { filled } from './filled.ts'

type Store = Exclude<NonNullable<NativeDocument['stores']>[string], string>
type Written = NonNullable<Store['redis']>

const usual = defaults.redis
const kinds = ['standalone', 'sentinel', 'cluster', 'replicated', 'url'] as const

/** @param pointer the store in the model */
export function redis(
  name: string,
  written: Written,
  { cache, durability }: Pick<Store, 'cache' | 'durability'>,
  pointer: string,
  { came }: Context,
): RedisStoreSpec {
  const from = `/stores${step(name)}/redis`
  const kind = kinds.find((field) => written[field] !== undefined)!
  for (const field of ['auth', 'tls', 'timeouts']) came(`${pointer}/${field}`, `${from}/${field}`)
  came(`${pointer}/deployment`, `${from}/${kind}`)
  if (Array.isArray(written[kind])) came(`${pointer}/deployment/nodes`, `${from}/${kind}`)
  const identity = { kind: 'redis', name } as const
  const rest = {
    auth: written.auth && auth(written.auth),
    tls: written.tls && tls(written.tls),
    timeouts: filled(usual.timeouts, written.timeouts),
    cache: cache === 'off' ? undefined : filled(usual.cache, cache),
    durability: durability && filled<DurabilitySpec, typeof durability>(usual.durability, durability),
  }
  const { url } = written
  if (url !== undefined && 'node' in url) return storeOfUrl({ ...identity, ...rest }, url)
  return { ...identity, deployment: deployment(written), ...rest }
}

function deployment({ standalone, sentinel, cluster, replicated, url }: Written): RedisDeployment {
  if (standalone !== undefined) {
    const { node, database = usual.database } = 'node' in standalone ? standalone : { node: standalone }
    return { kind: 'standalone', node, database }
  }
  if (sentinel !== undefined) {
    const { masterName, nodes, database = usual.database } = sentinel
    const ownAuth = sentinel.auth === 'off' ? 'off' : sentinel.auth && auth(sentinel.auth)
    const ownTls = sentinel.tls === 'off' ? 'off' : sentinel.tls && tls(sentinel.tls)
    return { kind: 'sentinel', masterName, nodes, auth: ownAuth, tls: ownTls, database }
  }
  if (cluster !== undefined) return { kind: 'cluster', nodes: listed(cluster).nodes }
  if (replicated !== undefined) {
    const { nodes, database = usual.database } = listed(replicated)
    return { kind: 'replicated', nodes, database }
  }
  // A literal one was taken apart.
  if (url === undefined || 'node' in url) throw new Error('the schema asks for one deployment')
  return { kind: 'url', url }
}

interface Nodes {
  readonly nodes: readonly StoreNode[]
  readonly database?: number | undefined
}

function listed(written: readonly StoreNode[] | Nodes): Nodes {
  return 'nodes' in written ? written : { nodes: written }
}

function auth({ username, password }: NonNullable<Written['auth']>): RedisAuth {
  return { username, password }
}

function tls({ ca, serverName, certificate, key, insecureSkipVerify }: NonNullable<Written['tls']>): RedisTls {
  return {
    ca: ca === undefined ? [] : [ca].flat(),
    serverName,
    certificate,
    key,
    insecureSkipVerify: insecureSkipVerify ?? false,
  }
}
