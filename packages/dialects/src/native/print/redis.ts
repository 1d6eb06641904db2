import {
  type CacheSpec,
  type DurabilitySpec,
  defaults,
  formatNode,
  type RedisAuth,
  type RedisDeployment,
  type RedisStoreSpec,
  type RedisTls,
} from '@coatcheck/model'
import { all, duration, durations, oneOrMore, pem, secret, some, unless, type Written } from './written.ts'

const usual = defaults.redis

/** A URL is written only where it lies elsewhere; one that stood in the file was taken apart. */
export function redis({ deployment: spec, auth: user, tls: secured, timeouts }: RedisStoreSpec): Written {
  return all({
    ...deployment(spec),
    auth: user && auth(user),
    tls: secured && tls(secured),
    timeouts: durations({ ...usual.timeouts }, { ...timeouts }),
  })
}

function deployment(spec: RedisDeployment): { readonly [kind: string]: Written } {
  const database = 'database' in spec ? unless<number>(usual.database, spec.database) : undefined
  switch (spec.kind) {
    case 'standalone': {
      const node = formatNode(spec.node)
      return { standalone: database === undefined ? node : { node, database } }
    }
    case 'cluster':
      return { cluster: spec.nodes.map(formatNode) }
    case 'replicated': {
      const nodes = spec.nodes.map(formatNode)
      return { replicated: database === undefined ? nodes : { nodes, database } }
    }
    case 'sentinel': {
      const { masterName, nodes } = spec
      const own = {
        auth: spec.auth === 'off' ? 'off' : spec.auth && auth(spec.auth),
        tls: spec.tls === 'off' ? 'off' : spec.tls && tls(spec.tls),
      }
      return { sentinel: all({ masterName, nodes: nodes.map(formatNode), ...own, database }) }
    }
    case 'url':
      return { url: secret(spec.url) }
  }
}

function auth({ username, password }: RedisAuth): Written {
  return all({ username, password: secret(password) })
}

function tls({ ca, serverName, certificate, key, insecureSkipVerify }: RedisTls): Written {
  return all({
    ca: oneOrMore(ca.map(pem)),
    serverName,
    certificate: pem(certificate),
    key: pem(key),
    insecureSkipVerify: unless(false, insecureSkipVerify),
  })
}

export function cache(spec: CacheSpec | undefined): Written {
  if (spec === undefined) return 'off'
  return some({
    maxEntries: unless<number>(usual.cache.maxEntries, spec.maxEntries),
    maxAge: unless<number>(usual.cache.maxAge, spec.maxAge, duration),
  })
}

export function durability(spec: DurabilitySpec | undefined): Written {
  return (
    spec &&
    all({
      replicas: unless<DurabilitySpec['replicas']>(usual.durability.replicas, spec.replicas),
      timeout: unless<number>(usual.durability.timeout, spec.timeout, duration),
      short: unless<string>(usual.durability.short, spec.short),
    })
  )
}
