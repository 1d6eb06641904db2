import { defaultPrefix } from '../defaults.ts'
import { isLoopback } from '../ip.ts'
import type { GatewayModel, SessionSpec } from '../model.ts'
import { formatNode } from '../store-node.ts'
import type { RedisStoreSpec, StoreNode } from '../store-spec.ts'
import type { Check, Finder, Finding } from './finder.ts'

/** Redis stores can be reached in one way, and what is weak about that way is told. */
export const checkRedis: Check = (model, found) => {
  for (const [index, store] of model.stores.entries()) {
    if (store.kind !== 'redis') continue
    const pointer = `/stores/${index}`
    checkNodes(store, pointer, found)
    checkTls(store, pointer, found)
    checkRedisWay(store, pointer, found)
    checkDurability(store, pointer, found)
    checkUse(model, store, found)
    checkKeys(model, store, found)
  }
}

/**
 * What can be said of the way to a store once it is known where that leads: nothing, while the URL has not been read.
 * Whoever reads the URL calls it with what `storeOfUrl` gives.
 */
export function checkRedisWay(store: RedisStoreSpec, pointer: string, found: Finder): void {
  const { deployment, auth, tls, name } = store
  if (deployment.kind === 'url') return
  const plain = tls === undefined || (deployment.kind === 'sentinel' && deployment.tls === 'off')
  const remote = plain ? nodesOf(store).find(leavesMachine) : undefined
  if (remote !== undefined) found.warning(`${pointer}/deployment`, plainTcp(name, remote))
  if (auth === undefined) found.warning(`${pointer}/deployment`, withoutPassword(name))
}

function nodesOf({ deployment }: RedisStoreSpec): readonly StoreNode[] {
  if (deployment.kind === 'url') return []
  return deployment.kind === 'standalone' ? [deployment.node] : deployment.nodes
}

function leavesMachine({ host }: StoreNode): boolean {
  return !isLoopback(host) && !/(?:^|\.)localhost\.?$/.test(host)
}

function plainTcp(name: string, node: StoreNode): Finding {
  return {
    code: 'store-plain-tcp',
    message: `Store "${name}" is reached over plain TCP, at "${formatNode(node)}".`,
    consequence: 'Whoever is on the way reads the password, and can change and end sessions.',
    remedy: 'Add tls: {} (or tls: { ca: ca.crt }); in a URL, write rediss://.',
  }
}

function withoutPassword(name: string): Finding {
  return {
    code: 'store-without-password',
    message: `Store "${name}" is reached without a password.`,
    consequence: 'Whoever can connect to the server can change and end sessions.',
    remedy:
      'Give the server a user for the gateway, and write auth: { username: NAME, password: { env: REDIS_PASSWORD } }.',
  }
}

const mostNodes = { sentinel: 32, cluster: 1024, replicated: 1024 } as const

function checkNodes(store: RedisStoreSpec, pointer: string, found: Finder): void {
  const { deployment } = store
  if (deployment.kind === 'url' || deployment.kind === 'standalone') return
  const nodes = deployment.nodes.map(formatNode)
  const most = mostNodes[deployment.kind]
  if (nodes.length === 0 || nodes.length > most)
    found.error(`${pointer}/deployment/nodes`, nodesMiscounted(store, nodes.length, most))
  for (const [index, node] of nodes.entries()) {
    const first = nodes.indexOf(node)
    if (first === index) continue
    const related = [`${pointer}/deployment/nodes/${first}`]
    found.error(`${pointer}/deployment/nodes/${index}`, { ...sameNode(store, node), related })
  }
}

function nodesMiscounted({ name }: RedisStoreSpec, count: number, most: number): Finding {
  return {
    code: 'store-nodes-miscounted',
    message: `Store "${name}" has ${count} nodes.`,
    consequence: 'It could not be found.',
    remedy: `Name 1 to ${most}; those that are not named are found through them.`,
  }
}

function sameNode({ name }: RedisStoreSpec, node: string): Finding {
  return {
    code: 'store-node-twice',
    message: `Store "${name}" names the node "${node}" twice.`,
    consequence: 'There would be one node less to fall back on than it looks.',
    remedy: 'Keep one, or write the other node.',
  }
}

function checkTls(store: RedisStoreSpec, pointer: string, found: Finder): void {
  const { deployment, name } = store
  const sentinel = deployment.kind === 'sentinel' && deployment.tls !== 'off' ? deployment.tls : undefined
  const all = [
    { tls: store.tls, at: `${pointer}/tls` },
    { tls: sentinel, at: `${pointer}/deployment/tls` },
  ]
  for (const { tls, at } of all) {
    if (tls === undefined) continue
    if ((tls.certificate === undefined) !== (tls.key === undefined)) found.error(at, halfCertificate(name))
    if (tls.insecureSkipVerify) found.warning(`${at}/insecureSkipVerify`, unverified(name))
  }
}

function halfCertificate(name: string): Finding {
  return {
    code: 'client-certificate-half',
    message: `Store "${name}" has a client certificate without its key, or a key without its certificate.`,
    consequence: 'No client certificate could be shown.',
    remedy: 'Give both tls.certificate and tls.key, or neither.',
  }
}

function unverified(name: string): Finding {
  return {
    code: 'store-not-verified',
    message: `Certificates of store "${name}" are not checked.`,
    consequence: 'Whoever stands between gets the password, and can change and end sessions.',
    remedy: 'Give tls.ca the authority that signed its certificate, and tls.serverName the name in it.',
  }
}

function checkDurability({ name, durability, timeouts }: RedisStoreSpec, pointer: string, found: Finder): void {
  if (durability === undefined || durability.timeout < timeouts.command) return
  found.error(`${pointer}/durability/timeout`, {
    code: 'durability-above-command',
    message: `Replicas of store "${name}" have ${durability.timeout} ms to confirm, and a command ${timeouts.command} ms in all.`,
    consequence: 'Writes would be given up before it is known whether they are confirmed.',
    remedy: 'Lower durability.timeout, or raise timeouts.command.',
  })
}

function checkUse(model: GatewayModel, store: RedisStoreSpec, found: Finder): void {
  for (const [index, session] of model.sessions.entries()) {
    if (session.store !== store.name) continue
    const pointer = `/sessions/${index}`
    const unnamed = model.name === undefined && session.prefix === defaultPrefix(undefined, session.name)
    if (unnamed) found.error(`${pointer}/prefix`, withoutPrefix(session))
    if (session.serveCachedFor > 0 && store.cache === undefined)
      found.error(`${pointer}/serveCachedFor`, nothingCached(session, store))
  }
}

function checkKeys({ keys, sessions }: GatewayModel, { name }: RedisStoreSpec, found: Finder): void {
  if (keys.length > 0) return
  const using = [...sessions.entries()].filter(([, { mode, store }]) => mode !== 'off' && store === name)
  const [first, ...related] = using.map(([index]) => `/sessions/${index}/store`)
  if (first !== undefined) found.warning(first, { ...keysInStore(name), related })
}

function keysInStore(store: string): Finding {
  return {
    code: 'keys-in-store',
    message: `There are no "keys", so that the gateways share one that lies in store "${store}" itself.`,
    consequence: 'Whoever can read and write the store can make up sessions and read who is signed in.',
    remedy: 'Make a key with coatcheck keys generate, and write keys: { k1: { file: k1.key } } in all gateways.',
  }
}

function withoutPrefix({ name, prefix, store }: SessionSpec): Finding {
  return {
    code: 'prefix-missing',
    message: `Session "${name}" keeps its records in "${store}" under "${prefix}", as every gateway without a name does.`,
    consequence: 'Gateways that have nothing to do with each other would take one another’s sessions.',
    remedy: 'Give the configuration a name, as name: shop, or the session a prefix of its own.',
  }
}

function nothingCached({ name }: SessionSpec, store: RedisStoreSpec): Finding {
  return {
    code: 'cache-off',
    message: `Session "${name}" is to be served from the cache, and store "${store.name}" has none.`,
    consequence: 'Nothing could be served while the store is down.',
    remedy: 'Remove cache: off from the store, or onStoreFailure from the session.',
  }
}
