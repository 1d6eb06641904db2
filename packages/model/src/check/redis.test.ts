import { expect, test } from 'vitest'
import { defaults } from '../defaults.ts'
import { found, withSpec } from '../fixtures/good-model.ts'
import type { GatewayModel } from '../model.ts'
import { systemTls } from '../redis-url.ts'
import type { RedisStoreSpec } from '../store-spec.ts'

const node = (host: string, port = 6379) => ({ host, port })
const redis: RedisStoreSpec = {
  kind: 'redis',
  name: 'main',
  deployment: { kind: 'standalone', node: node('redis'), database: 0 },
  auth: { username: 'shop', password: { from: 'env', name: 'P' } },
  tls: systemTls,
  timeouts: defaults.redis.timeouts,
  cache: defaults.redis.cache,
  durability: undefined,
}
const sentinels = {
  kind: 'sentinel',
  masterName: 'main',
  nodes: [node('s-0', 26_379), node('s-1', 26_379)],
  auth: undefined,
  tls: undefined,
  database: 0,
} as const
const using = (change: Partial<RedisStoreSpec>): Partial<GatewayModel> => ({
  name: 'shop',
  keys: [{ id: 'k1', value: { from: 'env', name: 'K' } }],
  ...withSpec({ store: 'main', prefix: 'shop' }),
  stores: [{ ...redis, ...change }],
})
const standalone = (host: string) => ({ deployment: { kind: 'standalone', node: node(host), database: 0 } }) as const
const plainTcp = 'warning store-plain-tcp /stores/0/deployment'
const pem = { from: 'file', path: 'a.pem' } as const

test.each<[string, Partial<GatewayModel>, string[]]>([
  ['a store behind TLS, with a password', using({}), []],
  ['no keys', { ...using({}), keys: [] }, ['warning keys-in-store /sessions/0/store']],
  ['plain TCP', using({ tls: undefined }), [plainTcp]],
  ['plain TCP to another address of this network', using({ tls: undefined, ...standalone('10.0.0.7') }), [plainTcp]],
  ['plain TCP within the machine', using({ tls: undefined, ...standalone('127.0.0.2') }), []],
  ['plain TCP within the machine, by IPv6', using({ tls: undefined, ...standalone('::1') }), []],
  ['plain TCP within the machine, by name', using({ tls: undefined, ...standalone('localhost') }), []],
  ['plain TCP to a name that only ends alike', using({ tls: undefined, ...standalone('notlocalhost') }), [plainTcp]],
  [
    'plain TCP to one node of several',
    using({ tls: undefined, deployment: { kind: 'cluster', nodes: [node('localhost'), node('redis')] } }),
    [plainTcp],
  ],
  [
    'replicas that may take as long as a command',
    using({ durability: { replicas: 'all', timeout: 2000, short: 'refuse' } }),
    ['error durability-above-command /stores/0/durability/timeout'],
  ],
  ['replicas that confirm', using({ durability: { replicas: 'all', timeout: 1999, short: 'refuse' } }), []],
  ['sentinels', using({ deployment: sentinels }), []],
  ['plain TCP to sentinels alone', using({ deployment: { ...sentinels, tls: 'off' } }), [plainTcp]],
  ['no password', using({ auth: undefined }), ['warning store-without-password /stores/0/deployment']],
  ['a URL that is not read yet', using({ deployment: { kind: 'url', url: pem }, auth: undefined, tls: undefined }), []],
  [
    'a certificate that is not checked',
    using({ tls: { ...systemTls, insecureSkipVerify: true } }),
    ['warning store-not-verified /stores/0/tls/insecureSkipVerify'],
  ],
  [
    'a certificate of sentinels that is not checked',
    using({ deployment: { ...sentinels, tls: { ...systemTls, insecureSkipVerify: true } } }),
    ['warning store-not-verified /stores/0/deployment/tls/insecureSkipVerify'],
  ],
  [
    'half a client certificate',
    using({ tls: { ...systemTls, key: pem } }),
    ['error client-certificate-half /stores/0/tls'],
  ],
  [
    'a node twice',
    using({ deployment: { kind: 'cluster', nodes: [node('a'), node('b'), node('a')] } }),
    ['error store-node-twice /stores/0/deployment/nodes/2'],
  ],
  ['one host on two ports', using({ deployment: { kind: 'cluster', nodes: [node('a', 1), node('a', 2)] } }), []],
  [
    'no node',
    using({ deployment: { kind: 'replicated', nodes: [], database: 0 } }),
    ['error store-nodes-miscounted /stores/0/deployment/nodes'],
  ],
  [
    'too many sentinels',
    using({ deployment: { ...sentinels, nodes: Array.from({ length: 33 }, (_, i) => node(`s${i}`)) } }),
    ['error store-nodes-miscounted /stores/0/deployment/nodes'],
  ],
  [
    'as many sentinels as may be',
    using({ deployment: { ...sentinels, nodes: Array.from({ length: 32 }, (_, i) => node(`s${i}`)) } }),
    [],
  ],
  ['several workers', { ...using({}), workers: 4 }, []],
  ['no name, but a prefix', { ...using({}), name: undefined }, []],
  [
    'neither name nor prefix',
    { ...using({}), name: undefined, ...withSpec({ store: 'main', prefix: 'coatcheck' }) },
    ['error prefix-missing /sessions/0/prefix'],
  ],
  [
    'a prefix by the name',
    { ...using({}), name: 'coatcheck', ...withSpec({ store: 'main', prefix: 'coatcheck' }) },
    [],
  ],
  [
    'to be served from a cache that is off',
    { ...using({ cache: undefined }), ...withSpec({ store: 'main', prefix: 'shop', serveCachedFor: 1000 }) },
    ['error cache-off /sessions/0/serveCachedFor'],
  ],
])('%s', (_, change, expected) => {
  expect(found(change).sort()).toEqual([...expected].sort())
})
