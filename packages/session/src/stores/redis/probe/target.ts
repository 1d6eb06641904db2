/** The servers that are probed, and what each is expected to be. */
import { nameOf } from '../connection/open-link.ts'
import type { Auth, ConnectionOptions, Deployment, Durability, Node, Tls } from '../options.ts'

export interface Target {
  readonly node: Node
  readonly kind: 'data' | 'sentinel'
  /** What it has to be; `undefined`: either. */
  readonly role: 'primary' | 'replica' | undefined
  readonly deployment: Deployment
  readonly auth: Auth | undefined
  readonly tls: Tls | undefined
  readonly database: number
  readonly durability: Durability | undefined
  /** Who named it, when that is not the configuration. */
  readonly namedBy: 'sentinels' | 'cluster' | undefined
}

/** Those that the configuration names. */
export function namedTargets(options: ConnectionOptions): readonly Target[] {
  const { deployment } = options
  switch (deployment.kind) {
    case 'standalone':
      return [dataTarget(options, deployment.node, 'primary')]
    case 'sentinel':
      return deployment.nodes.map((node) => sentinelTarget(options, deployment, node))
    case 'cluster':
    case 'replicated':
      return deployment.nodes.map((node) => dataTarget(options, node, undefined))
  }
}

export function dataTarget(
  { deployment, auth, tls, durability }: ConnectionOptions,
  node: Node,
  role: Target['role'],
  namedBy?: Target['namedBy'],
): Target {
  const database = 'database' in deployment ? (deployment.database ?? 0) : 0
  return { node, kind: 'data', role, deployment, auth, tls, database, durability, namedBy }
}

function sentinelTarget(
  { auth, tls }: ConnectionOptions,
  deployment: Extract<Deployment, { kind: 'sentinel' }>,
  node: Node,
): Target {
  return {
    node,
    kind: 'sentinel',
    role: undefined,
    deployment,
    auth: deployment.auth === false ? undefined : (deployment.auth ?? auth),
    tls: deployment.tls === false ? undefined : (deployment.tls ?? tls),
    database: 0,
    durability: undefined,
    namedBy: undefined,
  }
}

/** Each address once. */
export function distinct(targets: readonly Target[]): readonly Target[] {
  return [...new Map(targets.map((target) => [nameOf(target.node), target])).values()]
}

/** A host that another server named, as it may be shown and connected to. */
export function isHost(host: string): boolean {
  return /^[A-Za-z0-9._:%-]{1,255}$/.test(host)
}
